/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fork_then_full MIB FILE -- fills MIB of heap and forks; then FILE takes all the space that is left in its file
 * system, and parent and child write to all that they have. Exit status 0 if both find what they wrote, and nothing
 * else.
 *
 * So nothing that they had may need space when it is written: not even where a copy could have shared its blocks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK 65536

static unsigned char **blocks;
static size_t count;

static int is(unsigned char mark)
{
	for (size_t i = 0; i < count; i++)
		for (size_t byte = 0; byte < BLOCK; byte += 512)
			if (blocks[i][byte] != (unsigned char)(mark + i))
				return 0;
	return 1;
}

static void write_all(unsigned char mark)
{
	for (size_t i = 0; i < count; i++)
		memset(blocks[i], (int)(mark + i), BLOCK);
}

/* To the last block: with smaller and smaller pieces. */
static int take_all_space(const char *path)
{
	static char piece[1 << 20];
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);

	if (fd < 0)
		return 0;
	for (size_t bytes = sizeof(piece); bytes >= 4096; bytes /= 2)
		while (write(fd, piece, bytes) > 0)
			;
	return errno == ENOSPC && (fsync(fd) == 0 || errno == ENOSPC) && close(fd) == 0;
}

int main(int argc, char **argv)
{
	int gate[2], status;
	char byte;
	pid_t pid;

	count = argc == 3 ? strtoul(argv[1], NULL, 10) * (1048576 / BLOCK) : 0;
	blocks = calloc(count + 1, sizeof(*blocks));
	for (size_t i = 0; i < count; i++)
		blocks[i] = malloc(BLOCK);
	write_all(1);
	if (pipe(gate) < 0 || (pid = fork()) < 0) {
		perror("fork_then_full");
		return 2;
	}
	if (pid == 0) {
		close(gate[1]);
		(void)!read(gate[0], &byte, 1);
		status = is(1);
		write_all(2);
		_exit(!status || !is(2));
	}
	if (!take_all_space(argv[2])) {
		perror(argv[2]);
		return 2;
	}
	write_all(3);
	close(gate[1]);
	if (waitpid(pid, &status, 0) != pid || status != 0) {
		printf("the child ended with %#x\n", status);
		return 1;
	}
	/* on the way back to its pool */
	for (int i = 0; i < 30; i++) {
		usleep(1000);
		free(malloc(1 << 20));
	}
	if (!is(3)) {
		puts("the parent's heap is not what it wrote");
		return 1;
	}
	write_all(4);
	return !is(4);
}
