/*
 * full_pool.h -- threads whose first request comes when the pool is full, and others when it has room again:
 *
 *   full_pool_init(&full, THREADS);
 *   pthread_create(...);               of THREADS threads, which call full_pool_begin(&full) before all else
 *   full_pool_happen(&full);
 */
#ifndef TESTS_PRELOAD_FULL_POOL_H
#define TESTS_PRELOAD_FULL_POOL_H

#include <pthread.h>

#include "tests/preload/check.h"

struct full_pool {
	pthread_barrier_t full, tried, emptied;
	void *held[2000];
	size_t holds;
};

static inline void full_pool_init(struct full_pool *pool, unsigned threads)
{
	pthread_barrier_init(&pool->full, NULL, threads + 1);
	pthread_barrier_init(&pool->tried, NULL, threads + 1);
	pthread_barrier_init(&pool->emptied, NULL, threads + 1);
	pool->holds = 0;
}

static inline void full_pool_begin(struct full_pool *pool)
{
	pthread_barrier_wait(&pool->full);
	(void)!malloc(100);
	free(malloc(5000));
	pthread_barrier_wait(&pool->tried);
	pthread_barrier_wait(&pool->emptied);
}

static inline void full_pool_happen(struct full_pool *pool)
{
	while (pool->holds < 2000 && (pool->held[pool->holds] = malloc(1 << 20)))
		pool->holds++;
	while (malloc(4096))
		;
	while (malloc(16))
		;
	pthread_barrier_wait(&pool->full);
	pthread_barrier_wait(&pool->tried);
	while (pool->holds > 0)
		free(pool->held[--pool->holds]);
	pthread_barrier_wait(&pool->emptied);
}

#endif
