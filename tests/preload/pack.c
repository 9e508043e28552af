/* pack SIZE PERCENT -- threads fill the pool with objects that others free, round after round; see main(). */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libvmmalloc.h>

#define THREADS 8
#define ROUNDS 3

static size_t size_bytes;
static void *lists[THREADS];  /* each thread's objects, linked through their first word */
static size_t counts[THREADS];

static void *fill(void *number)
{
	size_t me = (size_t)number;
	void **object;

	while ((object = malloc(size_bytes))) {
		memset(object, 0x5a, size_bytes);
		*object = lists[me];
		lists[me] = object;
		counts[me]++;
	}
	return NULL;
}

static void *drain(void *number)
{
	size_t other = ((size_t)number + 1) % THREADS;

	for (void **object = lists[other], **next; object; object = next) {
		next = *object;
		free(object);
	}
	lists[other] = NULL;
	counts[other] = 0;
	return NULL;
}

static void in_threads(void *(*work)(void *))
{
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i))
			exit(2);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	struct vmmalloc_stats stats;
	double least = argc > 2 ? atof(argv[2]) : 0;

	size_bytes = (size_t)atol(argv[1]);
	vmmalloc_stats(&stats, sizeof(stats));
	for (int round = 0; round < ROUNDS; round++) {
		size_t live = 0;
		double percent;

		in_threads(fill);
		for (int i = 0; i < THREADS; i++)
			live += counts[i] * size_bytes;
		percent = 100.0 * (double)live / (double)stats.pool_bytes;
		printf("round %d: %.2f %% of the pool in live objects of %zu bytes\n", round, percent, size_bytes);
		in_threads(drain);
		if (percent < least)
			return 1;

		size_t most = stats.pool_bytes / 10 * 9;
		void *large = malloc(most);
		if (!large) {
			printf("no 90 %% of the pool in one piece\n");
			malloc_stats();
			return 1;
		}
		free(large);
	}
	return 0;
}
