/* counting.h -- a thread that counts in every page of a block, and sees it if anybody else writes there. */
#ifndef TESTS_PRELOAD_COUNTING_H
#define TESTS_PRELOAD_COUNTING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "tests/preload/check.h"

#define COUNTING_LONGS 512   /* of a page */

struct counting {
	pthread_t thread;
	volatile long *cells;
	int pages;
	atomic_bool stop;
};

static inline void *counting_run(void *argument)
{
	struct counting *counting = argument;

	for (long n = 0; !counting->stop; n++)
		for (int i = 0; i < counting->pages; i++) {
			volatile long *cell = &counting->cells[i * COUNTING_LONGS];

			CHECK(*cell == n);
			*cell = n + 1;
		}
	return NULL;
}

static inline void counting_start(struct counting *counting, int pages)
{
	size_t bytes = (size_t)pages * COUNTING_LONGS * sizeof(long);
	long *cells = aligned_alloc(4096, bytes);

	CHECK(cells);
	memset(cells, 0, bytes);
	counting->cells = cells;
	counting->pages = pages;
	counting->stop = false;
	CHECK(pthread_create(&counting->thread, NULL, counting_run, counting) == 0);
}

static inline void counting_stop(struct counting *counting)
{
	counting->stop = true;
	CHECK(pthread_join(counting->thread, NULL) == 0);
}

#endif
