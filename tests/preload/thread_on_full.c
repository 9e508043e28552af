/*
 * Threads whose first request comes when the pool is full and the process may have no more memory (RLIMIT_AS): they get
 * NULL, and blocks as soon as there are some; then they have caches like any other.
 */
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/preload/check.h"

#define THREADS 8
#define BLOCKS 20000

static pthread_barrier_t full, tried, emptied;
static void *held[2000];
static int holds;

static void *begin(void *unused)
{
	static __thread void *blocks[100];

	pthread_barrier_wait(&full);
	(void)!malloc(100);
	free(malloc(5000));
	pthread_barrier_wait(&tried);
	pthread_barrier_wait(&emptied);
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

static void no_more_memory(void)
{
	struct rlimit limit = { 0 };
	unsigned long pages;
	FILE *statm = fopen("/proc/self/statm", "r");

	CHECK(statm && fscanf(statm, "%lu", &pages) == 1);
	fclose(statm);
	limit.rlim_cur = limit.rlim_max = (pages + 16) * 4096;
	CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	(void)argv;
	pthread_barrier_init(&full, NULL, THREADS + 1);
	pthread_barrier_init(&tried, NULL, THREADS + 1);
	pthread_barrier_init(&emptied, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, begin, NULL) == 0);
	if (argc > 1)
		no_more_memory();
	while (holds < 2000 && (held[holds] = malloc(1 << 20)))
		holds++;
	while (malloc(4096))
		;
	while (malloc(16))
		;
	pthread_barrier_wait(&full);
	pthread_barrier_wait(&tried);
	while (holds > 0)
		free(held[--holds]);
	pthread_barrier_wait(&emptied);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	return 0;
}
