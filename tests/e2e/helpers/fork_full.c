/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fork_full MIB FILE -- fills MIB of heap and forks; a copy does not fit where the pool is, because of FILE.
 *
 * Prints what fork said ("fork: forked" or the error), then what parent and child found: each checks the whole heap,
 * writes to it and allocates. The parent does so 20 times; at last it removes the file and forks once more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK 65536

static unsigned char **blocks;
static size_t count;

static int works(unsigned char mark)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t byte = 0; byte < BLOCK; byte += 512)
			if (blocks[i][byte] != (unsigned char)(mark + i))
				return 0;
		memset(blocks[i], (int)(mark + 1 + i), BLOCK);
	}
	for (size_t size = 16; size < 200000; size *= 3)
		free(malloc(size));
	return 1;
}

/* 0 if the child was right, 1 if not, -errno if there is none. */
static int try_fork(unsigned char mark)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(!works(mark));
	return waitpid(pid, &status, 0) != pid || status != 0;
}

int main(int argc, char **argv)
{
	unsigned char mark = 0;
	int first = 0;

	count = argc == 3 ? strtoul(argv[1], NULL, 10) * (1048576 / BLOCK) : 0;
	blocks = calloc(count + 1, sizeof(*blocks));
	for (size_t i = 0; i < count; i++) {
		blocks[i] = malloc(BLOCK);
		if (!blocks[i])
			return 2;
		memset(blocks[i], (int)i, BLOCK);
	}
	for (int round = 0; round < 20; round++, mark++) {
		int r = try_fork(mark);

		if (round == 0)
			first = r;
		if (r != first) {
			printf("round %d: %d, before %d\n", round, r, first);
			return 1;
		}
		if (!works(mark)) {
			printf("round %d: the parent's heap is damaged\n", round);
			return 1;
		}
	}
	printf("fork: %s\n", first == 0 ? "forked" : first < 0 ? strerror(-first) : "the child is wrong");
	if (unlink(argv[2]) < 0)
		return 2;
	printf("with room: %s\n", try_fork(mark) == 0 ? "forked" : "failed");
	return 0;
}
