/*
 * With VMMALLOC_ON_FULL=fail a full pool contains the heap: threads begin on it, take all that there is, end, and are
 * followed by others; nothing of theirs is ever elsewhere. Arguments: threads, rounds.
 */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "tests/preload/check.h"

#define MOST_THREADS 64

static pthread_barrier_t all_full;
static int sizes;

static void expect_contained(void)
{
	struct vmmalloc_stats stats;

	vmmalloc_stats(&stats, sizeof(stats));
	if (stats.outside_bytes != stats.outside_metadata_bytes || stats.outside_metadata_bytes)
		fprintf(stderr, "outside: %lu KiB, of them metadata: %lu KiB\n", stats.outside_bytes >> 10,
			stats.outside_metadata_bytes >> 10);
	CHECK(stats.outside_bytes == 0);
}

static void *take_all(void *seed)
{
	static const size_t least[] = { 16, 2000, 40000 };
	uint64_t random = (uintptr_t)seed;
	void **blocks = NULL;

	for (int misses = 0; misses < 3;) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		void **block = malloc(least[sizes] + (random >> 33) % (8 * least[sizes]));

		if (!block) {
			misses++;
			continue;
		}
		CHECK(vmmalloc_contains(block));
		*block = blocks;
		blocks = block;
	}
	pthread_barrier_wait(&all_full);
	expect_contained();
	while (blocks) {
		void **next = *blocks;

		free(blocks);
		blocks = next;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 32, rounds = argc > 2 ? atoi(argv[2]) : 20;
	pthread_t thread[MOST_THREADS];

	CHECK(threads <= MOST_THREADS && pthread_barrier_init(&all_full, NULL, (unsigned)threads) == 0);
	for (int round = 0; round < rounds; round++) {
		sizes = round % 3;
		for (intptr_t i = 0; i < threads; i++)
			CHECK(pthread_create(&thread[i], NULL, take_all, (void *)(round * 100 + i + 1)) == 0);
		for (int i = 0; i < threads; i++)
			CHECK(pthread_join(thread[i], NULL) == 0);
		expect_contained();
	}
	return 0;
}
