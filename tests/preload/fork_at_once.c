/* Two threads call _Fork for the first time at once, while others write to the heap: no write is lost. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/preload/forking.h"

#define WRITERS 2
#define FORKERS 2
#define PAGES 64
#define LONGS 512   /* of a page */

static pthread_barrier_t start;
static atomic_bool stop;

static void *writes(void *argument)
{
	volatile long *cells = argument;

	pthread_barrier_wait(&start);
	for (long n = 0; !stop; n++)
		for (int i = 0; i < PAGES; i++) {
			CHECK(cells[i * LONGS] == n);
			cells[i * LONGS] = n + 1;
		}
	return NULL;
}

static void *forks(void *argument)
{
	pthread_barrier_wait(&start);
	pid_t pid = _Fork();
	if (pid == 0)
		_exit(0);
	CHECK(ended_well(pid));
	return argument;
}

int main(void)
{
	pthread_t writers[WRITERS], forkers[FORKERS];

	pthread_barrier_init(&start, NULL, WRITERS + FORKERS);
	for (int i = 0; i < WRITERS; i++) {
		void *cells = aligned_alloc(4096, PAGES * 4096);
		CHECK(pthread_create(&writers[i], NULL, writes, memset(cells, 0, PAGES * 4096)) == 0);
	}
	for (int i = 0; i < FORKERS; i++)
		CHECK(pthread_create(&forkers[i], NULL, forks, NULL) == 0);
	for (int i = 0; i < FORKERS; i++)
		CHECK(pthread_join(forkers[i], NULL) == 0);
	sleep_ms(1);
	stop = 1;
	for (int i = 0; i < WRITERS; i++)
		CHECK(pthread_join(writers[i], NULL) == 0);
	return 0;
}
