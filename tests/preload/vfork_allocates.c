/* A vforked child that allocates never takes its parent's heap back, under the hands of the parent's threads. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/preload/forking.h"

#define PAGES 512
#define LONGS 512   /* of a page */

static atomic_bool stop;

static void *counts(void *argument)
{
	volatile long *cells = argument;

	for (long n = 0; !stop; n++)
		for (int i = 0; i < PAGES; i++) {
			CHECK(cells[i * LONGS] == n);
			cells[i * LONGS] = n + 1;
		}
	return NULL;
}

int main(void)
{
	long *cells = aligned_alloc(4096, PAGES * LONGS * sizeof(long));
	pthread_t thread;
	int status;

	for (int i = 0; i < PAGES * LONGS; i++)
		cells[i] = 0;
	CHECK(pthread_create(&thread, NULL, counts, cells) == 0);
	for (int i = 0; i < 3; i++) {
		CHECK(forks_well());
		sleep_ms(1100);     /* a return may be due again */
		pid_t pid = vfork();
		if (pid == 0) {
			free(malloc(3 << 20));
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	stop = 1;
	CHECK(pthread_join(thread, NULL) == 0);
	return 0;
}
