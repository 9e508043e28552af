/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fill BYTES [fork] -- fills the heap with written blocks of BYTES until malloc says NULL and ENOMEM, three times over.
 *
 * Prints how many MiB it got the first time. Exit status 1 if anything else happens: another errno, a block that
 * lost what was written to it, a second round that gets much less. With "fork", a child does the same beside its full
 * parent.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct block {
	struct block *next;
	size_t number;
};

static void die(const char *what)
{
	fprintf(stderr, "fill: %s (errno %d)\n", what, errno);
	exit(1);
}

static struct block *fill(size_t bytes, size_t *ret_count)
{
	struct block *list = NULL, *block;
	size_t count = 0;

	errno = 0;
	while ((block = malloc(bytes))) {
		memset(block, (int)count, bytes);
		block->next = list;
		block->number = count++;
		list = block;
	}
	if (errno != ENOMEM)
		die("malloc failed with another errno than ENOMEM");
	*ret_count = count;
	return list;
}

static void check(const struct block *list, size_t bytes)
{
	for (; list; list = list->next) {
		const unsigned char *end = (const unsigned char *)list + bytes;

		for (const unsigned char *p = (const unsigned char *)(list + 1); p < end; p++)
			if (*p != (unsigned char)list->number)
				die("a block lost its contents");
	}
}

static void empty(struct block *list)
{
	while (list) {
		struct block *next = list->next;

		free(list);
		list = next;
	}
}

static void *first_malloc_of_a_thread(void *unused)
{
	(void)unused;
	for (int i = 0; i < 1000; i++)
		free(malloc(200));
	return NULL;
}

int main(int argc, char **argv)
{
	size_t bytes = (size_t)atol(argv[1]), first = 0, count;

	for (int round = 0; round < 3; round++) {
		struct block *list = fill(bytes, &count);
		pthread_t thread;

		check(list, bytes);
		if (pthread_create(&thread, NULL, first_malloc_of_a_thread, NULL) == 0)
			pthread_join(thread, NULL);
		if (argc > 2) {
			pid_t child = fork();
			int status = 0;

			if (child == 0) {
				check(list, bytes);
				for (struct block *b = list; b; b = b->next)
					memset(b + 1, 0xee, bytes - sizeof(*b));
				empty(list);
				empty(fill(bytes, &count));
				_exit(count > 0 ? 0 : 3);
			}
			if (child > 0 && (waitpid(child, &status, 0) != child || status != 0)) {
				errno = status;
				die("the child did not end well: see its status");
			}
			check(list, bytes);
		}
		empty(list);
		if (round == 0)
			first = count;
		else if (count < first / 2)
			die("much less fits in a later round");
	}
	printf("%zu\n", (first * bytes) >> 20);
	return 0;
}
