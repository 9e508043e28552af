/* A process with threads has its heap frozen when a fork begins. Nothing of it returns before that fork is over. */
#include <pthread.h>

#include "tests/preload/forking.h"

static uint64_t returned;

static void *stays(void *unused)
{
	pause();
	return unused;
}

/* It runs between the library's wrapper and its handlers. */
static void prepare(void)
{
	uint64_t before = stats().private_bytes;

	CHECK(stats().mode == VMMALLOC_MODE_PRIVATE && before > 0);
	for (int i = 0; i < 100; i++)
		free(malloc((size_t)8 << 20));
	returned = before - stats().private_bytes;
}

/* The second fork finds a heap of which what is free has returned. */
int main(void)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, stays, NULL) == 0 && pthread_atfork(prepare, NULL, NULL) == 0);
	for (int i = 0; i < 2; i++) {
		CHECK(forks_well());
		if (returned > 0)
			fprintf(stderr, "fork %d: %llu bytes returned before it\n", i + 1,
				(unsigned long long)returned);
		for (int n = 0; n < 500 && stats().mode != VMMALLOC_MODE_RETURNING; n++) {
			sleep_ms(10);
			allocate();
		}
		CHECK(stats().mode == VMMALLOC_MODE_RETURNING);
	}
	return 0;
}
