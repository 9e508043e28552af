/*
 * full [beside] -- a full pool: NULL and ENOMEM, cheaply, and the program goes on; also for a first malloc of a thread.
 * Beside another program, on the same file system, it may be full at any time, or no more.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "tests/preload/check.h"

#define THREADS 64

static void *first_malloc_of_a_thread(void *unused)
{
	for (size_t size = 8; size < 1 << 20; size *= 4) {
		char *block = malloc(size);

		if (block)
			memset(block, 1, size);
		free(block);
	}
	return unused;
}

static void *fill(void *list)
{
	for (size_t size = 4 << 20; size >= 16; size /= 2)
		for (void **block; (block = malloc(size)); list = block) {
			memset(block, 0xee, size);
			*block = list;
		}
	return list;
}

static void start_threads(pthread_t *threads, int *started)
{
	for (*started = 0; *started < THREADS; ++*started)
		if (pthread_create(&threads[*started], NULL, first_malloc_of_a_thread, NULL))
			break;
}

int main(int count, char **words)
{
	bool alone = count == 1;
	struct vmmalloc_stats stats;
	pthread_t threads[THREADS];
	void *list, *other;
	int started;

	(void)words;

	for (int round = 0; round < 3; round++) {
		list = fill(NULL);
		for (int i = 0; i < 20000; i++) {
			errno = 0;
			other = malloc(1 << 20);
			CHECK(other == NULL ? errno == ENOMEM : !alone);
			free(other);
		}
		start_threads(threads, &started);
		for (int i = 0; i < started; i++)
			CHECK(pthread_join(threads[i], NULL) == 0);
		for (void **block = list, **next; block; block = next) {
			next = *block;
			free(block);
		}
		CHECK((list = malloc(2 << 20)) != NULL || !alone);
		free(list);
	}
	vmmalloc_stats(&stats, sizeof(stats));
	CHECK(stats.failed_requests >= 60000 || !alone);
	return 0;
}
