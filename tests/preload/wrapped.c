/* What a program does with its heap, beside a library that wraps libc: threads, forks, a full pool, figures. */
#include <pthread.h>
#include <string.h>

#include "tests/preload/forking.h"

#define THREADS 4

static void *work(void *unused)
{
	char *blocks[200];

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 200; i++) {
			blocks[i] = calloc(1, (size_t)(i * 37 % 9000 + 1));
			CHECK(blocks[i] && blocks[i][0] == 0 && vmmalloc_contains(blocks[i]));
			memset(blocks[i], 1, (size_t)(i * 37 % 9000 + 1));
		}
		for (int i = 0; i < 200; i++)
			free(blocks[i]);
	}
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];
	uint64_t outside;
	int blocks = 0;

	CHECK(forks_well() && comes_back());
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
	CHECK(forks_well());
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(forks_well() && comes_back());

	outside = stats().outside_bytes;
	while (malloc(1 << 20))
		blocks++;
	CHECK(blocks > 16 && stats().outside_bytes <= outside + (4 << 20) && outside < (64 << 20));
	return 0;
}
