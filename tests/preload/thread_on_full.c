/*
 * Threads whose first request comes when the pool is full and the process may have no more memory (RLIMIT_AS): they get
 * NULL, and blocks as soon as there are some; then they have caches like any other.
 */
#include <pthread.h>
#include <string.h>

#include "tests/preload/check.h"
#include "tests/preload/full_pool.h"
#include "tests/preload/limited.h"

#define THREADS 8
#define BLOCKS 20000

static struct full_pool full;

static void *begin(void *unused)
{
	static __thread void *blocks[100];

	full_pool_begin(&full);
	for (int i = 0; i < BLOCKS; i++) {
		void **block = &blocks[i % 100];

		free(*block);
		CHECK(*block = malloc(100 + i % 1000));
		memset(*block, 1, 100);
	}
	for (int i = 0; i < 100; i++)
		free(blocks[i]);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	(void)argv;
	full_pool_init(&full, THREADS);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, begin, NULL) == 0);
	if (argc > 1)
		no_more_memory();
	full_pool_happen(&full);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	return 0;
}
