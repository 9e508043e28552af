/*
 * tiers WHAT -- a heap of two tiers: where blocks lie, and that they hold what they held.
 *
 *   fill [BYTES]     the first tier until it, or so much of it, is full, then the second, then NULL; and all again
 *   large BYTES      blocks of so many bytes, or more, in the second, others in the first; either serves for the other
 *   ratio N M        bytes in use near that ratio, whatever comes and goes
 *   arenas           arenas that are bound to a tier, for jemalloc's own functions
 *   forks [RETURNS]  parents and children allocate and see what is theirs; copies are on the tiers of what they copy
 *   threads COUNT    what jemalloc keeps for threads lies in the first tier, which has room for it
 *   grows            each tier takes pools of its own before the next one serves
 *   walk SEED        blocks of all sizes come and go and are moved: none lies in two tiers, none is lost
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/preload/forking.h"

#define MIB ((size_t)1 << 20)
#define LIST 4096
#define IN_ARENA(arena) ((int)((unsigned)(arena) + 1) << 20)

void *mallocx(size_t size, int flags);
void *rallocx(void *pointer, size_t size, int flags);
void dallocx(void *pointer, int flags);

static struct vmmalloc_tier_stats tier(unsigned number)
{
	struct vmmalloc_tier_stats now;

	CHECK(vmmalloc_tier_stats(number, &now, sizeof(now)) == 0);
	return now;
}

/* Where it lies: in one tier. */
static int where(const char *block, size_t bytes)
{
	int first = vmmalloc_tier_of(block);

	CHECK(first >= 0 && vmmalloc_tier_of(block + bytes - 1) == first);
	return first;
}

/* Blocks of one size, one behind the other. */
struct blocks {
	char *first;
	size_t count[2];  /* in each tier */
};

static int add(struct blocks *blocks, size_t bytes)
{
	char *block = malloc(bytes);

	if (!block)
		return 0;
	memset(block, 'a' + (int)(bytes % 26), bytes);
	memcpy(block, &blocks->first, sizeof(block));
	blocks->first = block;
	blocks->count[where(block, bytes)]++;
	return 1;
}

static void drop(struct blocks *blocks, size_t bytes)
{
	for (char *next, *block = blocks->first; block; block = next) {
		memcpy(&next, block, sizeof(next));
		for (size_t i = sizeof(next); i < bytes; i++)
			CHECK(block[i] == 'a' + (int)(bytes % 26));
		free(block);
	}
	*blocks = (struct blocks){ 0 };
}

/* What the second tier was given first found the first tier as full as that, bytes. */
static size_t fill(size_t bytes)
{
	struct blocks blocks = { 0 };
	size_t left = 0;

	while (add(&blocks, bytes))
		if (blocks.count[1] == 1)
			left = tier(0).pool_bytes - tier(0).used_bytes;
	CHECK(errno == ENOMEM && blocks.count[0] > 0 && blocks.count[1] > 0);
	drop(&blocks, bytes);
	return left;
}

static void test_fill(size_t first)
{
	CHECK(tier(1).used_bytes == 0);
	CHECK(fill(1000) < tier(0).pool_bytes - first + MIB / 2);
	/* what is left of others lies here and there */
	(void)fill(200000);
	(void)fill(3 * MIB);
	(void)fill(20);
}

static void test_large(size_t least)
{
	struct blocks small = { 0 }, large = { 0 };

	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < 4 * MIB / least; i++)
			CHECK(add(&large, least));
		for (int i = 0; i < 2000; i++)
			CHECK(add(&small, 1000 + (size_t)i % 2));
		CHECK(large.count[0] == 0 && small.count[1] == 0);
		drop(&large, least);
		for (char *next, *block = small.first; block; block = next) {
			memcpy(&next, block, sizeof(next));
			free(block);
		}
		small = (struct blocks){ 0 };
	}
	/* when one is full the other serves */
	while (add(&large, least) && large.count[0] == 0)
		;
	CHECK(large.count[0] == 1 && tier(1).pool_bytes - tier(1).used_bytes < least + 2 * MIB);
	drop(&large, least);
	while (add(&small, 1000) && small.count[1] == 0)
		;
	CHECK(small.count[1] == 1);
	drop(&small, 1000);
}

static void expect_ratio(double first, double second)
{
	double used[] = { (double)tier(0).used_bytes, (double)tier(1).used_bytes };
	double off = used[0] / (used[0] + used[1]) - first / (first + second);

	CHECK(off < 0.05 && off > -0.05);
}

static void test_ratio(double first, double second)
{
	static char *blocks[LIST];
	unsigned random = 1;

	for (int i = 0; i < 40000; i++) {
		unsigned at = (random = random * 1103515245 + 12345) / 65536 % LIST;
		size_t bytes = 1 + random / 512 % (random / 65536 % 8 ? 2000 : 60000);

		free(blocks[at]);
		CHECK((blocks[at] = malloc(bytes)));
		(void)where(blocks[at], bytes);
		if (i > LIST && i % 1000 == 0)
			expect_ratio(first, second);
	}
}

static void test_arenas(void)
{
	static const size_t sizes[] = { 1, 500, 5000, 20000, 100000, 3 * MIB };
	int arenas[2] = { vmmalloc_arena(0), vmmalloc_arena(1) };
	struct vmmalloc_tier_stats stats;
	char *block, *blocks[64];
	size_t count = 0;

	CHECK(vmmalloc_tiers() == 2 && arenas[0] > 0 && arenas[1] > 0 && arenas[0] != arenas[1]);
	CHECK(vmmalloc_arena(0) == arenas[0] && vmmalloc_arena(2) == -1 && vmmalloc_arena((unsigned)-1) == -1);
	CHECK(vmmalloc_tier_stats(2, &stats, sizeof(stats)) == -1 && vmmalloc_tier_stats(0, NULL, 0) == -1);
	CHECK(vmmalloc_tier_of(&count) == -1 && vmmalloc_tier_of(NULL) == -1);
	for (int i = 0; i < 2000; i++) {
		size_t bytes = sizes[i % 6];
		int number = i / 6 % 2;

		CHECK((block = mallocx(bytes, IN_ARENA(arenas[number]))) && where(block, bytes) == number);
		memset(block, 'x', bytes);
		CHECK((block = rallocx(block, 2 * bytes, IN_ARENA(arenas[!number]))) && block[bytes - 1] == 'x');
		CHECK((block = realloc(block, 3 * bytes)) && block[bytes - 1] == 'x');
		i % 2 ? free(block) : dallocx(block, 0);
	}
	/* a full tier is full, whatever room there is in the other */
	while (count < 64 && (blocks[count] = mallocx(MIB, IN_ARENA(arenas[0]))))
		CHECK(where(blocks[count++], MIB) == 0);
	CHECK(count > 8 && count < 64 && (block = mallocx(MIB, IN_ARENA(arenas[1]))) && where(block, MIB) == 1);
	free(block);
	while (count > 0)
		free(blocks[--count]);
}

static void child(struct blocks *blocks, size_t bytes)
{
	struct blocks more = { 0 };

	for (int i = 0; i < 2000; i++)
		CHECK(add(&more, 700));
	sleep_ms(150);
	for (int i = 0; i < 50; i++)
		allocate();
	for (char *next, *block = blocks->first; block; block = next) {
		memcpy(&next, block, sizeof(next));
		blocks->count[where(block, bytes)]--;
		memset(block + sizeof(next), 'z', bytes - sizeof(next));
	}
	CHECK(blocks->count[0] == 0 && blocks->count[1] == 0);
	drop(&more, 700);
	_exit(0);
}

static void test_forks(bool returns)
{
	struct blocks blocks = { 0 };
	pid_t pids[3];

	/* the first tier is full, and the second not empty */
	while (blocks.count[1] < 100)
		CHECK(add(&blocks, 3000));
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 3; i++)
			if ((pids[i] = fork()) == 0)
				child(&blocks, 3000);
		for (int i = 0; i < 300; i++)
			CHECK(add(&blocks, 3000));
		for (int i = 0; i < 3; i++)
			CHECK(ended_well(pids[i]));
	}
	CHECK(!returns || comes_back());
	drop(&blocks, 3000);
	CHECK(tier(0).used_bytes + tier(1).used_bytes <= stats().used_bytes + 64 * MIB);
}

static void test_grows(void)
{
	struct blocks blocks = { 0 };

	for (int i = 0; i < 60; i++)
		CHECK(add(&blocks, MIB));
	CHECK(blocks.count[1] == 0 && tier(0).pools > 3 && tier(1).pools == 1);
	while (add(&blocks, MIB))
		;
	CHECK(errno == ENOMEM && tier(1).used_bytes > 0);
	drop(&blocks, MIB);
	(void)malloc_trim(0);
	CHECK(tier(0).pools == 1 && tier(1).pools == 1);
}

static void *allocates_and_stays(void *barrier)
{
	void *blocks[100];

	for (size_t i = 0; i < 100; i++)
		CHECK((blocks[i] = malloc(100 + i)) && where(blocks[i], 100 + i) == 0);
	pthread_barrier_wait(barrier);
	for (size_t i = 0; i < 100; i++)
		free(blocks[i]);
	return NULL;
}

static void test_threads(unsigned count)
{
	pthread_barrier_t barrier;
	pthread_t threads[256];

	CHECK(count <= 256 && pthread_barrier_init(&barrier, NULL, count + 1) == 0);
	for (unsigned i = 0; i < count; i++)
		CHECK(pthread_create(&threads[i], NULL, allocates_and_stays, &barrier) == 0);
	pthread_barrier_wait(&barrier);
	CHECK(tier(1).peak_bytes == 0 && tier(0).used_bytes > 0);
	for (unsigned i = 0; i < count; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

static void test_walk(unsigned random)
{
	static struct {
		unsigned char *block;
		size_t bytes;
	} list[512];

	for (int i = 0; i < 60000; i++) {
		unsigned at = (random = random * 1103515245 + 12345) / 65536 % 512;
		size_t bytes = 1 + random / 256 % (random / 65536 % 4 ? 3000 : random / 65536 % 16 ? 100000 : MIB);
		unsigned char *block;

		for (size_t j = 0; j < list[at].bytes; j += 509)
			CHECK(list[at].block[j] == at % 251);
		if (random / 131072 % 2) {
			if (!(block = realloc(list[at].block, bytes)))
				continue;
			for (size_t j = 0; j < bytes && j < list[at].bytes; j += 509)
				CHECK(block[j] == at % 251);
		} else {
			free(list[at].block);
			list[at].block = NULL;
			list[at].bytes = 0;
			if (!(block = calloc(1, bytes)))
				continue;
			for (size_t j = 0; j < bytes; j++)
				CHECK(block[j] == 0);
		}
		memset(block, (int)(at % 251), bytes);
		list[at].block = block;
		list[at].bytes = bytes;
		(void)where((char *)block, bytes);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "fill") == 0)
		test_fill(argc > 2 ? strtoul(argv[2], NULL, 0) : tier(0).pool_bytes);
	else if (strcmp(what, "large") == 0)
		test_large(strtoul(argv[2], NULL, 0));
	else if (strcmp(what, "ratio") == 0)
		test_ratio(strtod(argv[2], NULL), strtod(argv[3], NULL));
	else if (strcmp(what, "arenas") == 0)
		test_arenas();
	else if (strcmp(what, "forks") == 0)
		test_forks(argc > 2);
	else if (strcmp(what, "threads") == 0)
		test_threads((unsigned)strtoul(argv[2], NULL, 0));
	else if (strcmp(what, "grows") == 0)
		test_grows();
	else if (strcmp(what, "walk") == 0)
		test_walk((unsigned)strtoul(argv[2], NULL, 0));
	else
		return 2;
	return 0;
}
