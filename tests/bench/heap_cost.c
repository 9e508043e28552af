/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * heap_cost -- what a heap of many pools or of several tiers does and costs (heaps.bash), with any allocator.
 *
 *   heap_cost grow MIB            takes so much, and says what malloc took where the heap got a pool more:
 *                                 "pools COUNT grow US most US other US", medians but for `most`
 *   heap_cost pairs MIB COUNT     takes so much, then makes COUNT pairs of free and malloc, for callgrind to count
 *   heap_cost place MIB DIR...    "DIR MIB" for each: what of the heap is resident in files there; "elsewhere MIB"
 *   heap_cost full                takes all there is, frees it, takes it again: "took MIB again MIB"
 *   heap_cost fork MIB            "kept BLOCKS of BLOCKS": those that a child that writes to all has left alone
 *
 * Blocks are of 64 KiB and written to, but for `pairs` (16 to 4096 bytes) and `place` (16 bytes to 256 KiB).
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "include/libvmmalloc.h"

#pragma weak vmmalloc_tier_stats

#define MIB ((size_t)1 << 20)
#define BLOCK ((size_t)64 << 10)
#define BLOCKS_MOST ((size_t)1 << 18)
#define GROWN_MOST 4096
#define SLOTS 4096

static char *blocks[BLOCKS_MOST];
static uint64_t seed = 42;

static uint32_t random_below(uint32_t bound)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % bound);
}

static double now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static uint64_t pools(void)
{
	struct vmmalloc_tier_stats stats = { 0 };

	if (vmmalloc_tier_stats)
		vmmalloc_tier_stats(0, &stats, sizeof(stats));
	return stats.pools;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double *sorted(double *us, size_t count)
{
	qsort(us, count, sizeof(*us), compare);
	return us;
}

/* Blocks until there are `count`, or no more. */
static size_t take(size_t count)
{
	size_t taken = 0;

	while (taken < count && taken < BLOCKS_MOST && (blocks[taken] = malloc(BLOCK))) {
		memset(blocks[taken], (int)taken | 1, BLOCK);
		taken++;
	}
	return taken;
}

static void give(size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(blocks[i]);
}

static int grow(size_t mib)
{
	static double grown[GROWN_MOST], other[BLOCKS_MOST];
	size_t grown_count = 0, other_count = 0;

	for (size_t i = 0; i < mib * MIB / BLOCK && i < BLOCKS_MOST; i++) {
		uint64_t before = pools();
		double began = now_us();
		char *block = malloc(BLOCK);
		double us = now_us() - began;

		if (!block)
			return 1;
		memset(block, 1, BLOCK);
		if (pools() > before && grown_count < GROWN_MOST)
			grown[grown_count++] = us;
		else
			other[other_count++] = us;
	}
	if (grown_count == 0 || other_count == 0)
		return 1;
	sorted(grown, grown_count);
	printf("pools %llu grow %.1f most %.1f other %.2f\n", (unsigned long long)pools(), grown[grown_count / 2],
	       grown[grown_count - 1], sorted(other, other_count)[other_count / 2]);
	return 0;
}

static int pairs(size_t mib, unsigned long count)
{
	static void *slots[SLOTS];

	if (take(mib * MIB / BLOCK) < mib * MIB / BLOCK)
		return 1;
	for (unsigned long i = 0; i < count; i++) {
		size_t slot = random_below(SLOTS);

		free(slots[slot]);
		slots[slot] = malloc(16 + random_below(4081));
	}
	return 0;
}

/* Resident bytes of mappings of files whose path begins so: a file that is gone has its path still. */
static size_t resident_below(const char *dir)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	bool below = false;
	size_t kib, sum = 0;
	char line[8192];

	while (maps && fgets(line, sizeof(line), maps)) {
		const char *path = strchr(line, '/');

		if (strstr(line, "kB") == NULL && strchr(line, '-'))
			below = path && strncmp(path, dir, strlen(dir)) == 0 && path[strlen(dir)] == '/';
		else if (below && sscanf(line, "Rss: %zu kB", &kib) == 1)
			sum += kib << 10;
	}
	if (maps)
		fclose(maps);
	return sum;
}

static int place(size_t mib, char **dirs)
{
	size_t bytes = 0, below = 0;

	while (bytes < mib * MIB) {
		size_t least = (size_t)16 << random_below(15), block = least + random_below((uint32_t)least);
		char *memory = malloc(block);

		if (!memory)
			return 1;
		memset(memory, 1, block);
		bytes += block;
	}
	for (; *dirs; dirs++) {
		size_t resident = resident_below(*dirs);

		printf("%s %zu ", *dirs, resident / MIB);
		below += resident;
	}
	printf("elsewhere %zu\n", bytes > below ? (bytes - below) / MIB : 0);
	return 0;
}

static int full(void)
{
	size_t first = take(BLOCKS_MOST), second;

	give(first);
	second = take(BLOCKS_MOST);
	printf("took %zu again %zu\n", first * BLOCK / MIB, second * BLOCK / MIB);
	return 0;
}

static int fork_and_look(size_t mib)
{
	size_t count = take(mib * MIB / BLOCK), kept = 0;
	pid_t pid = fork();

	if (pid == 0) {
		for (size_t i = 0; i < count; i++)
			memset(blocks[i], 0, BLOCK);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		return 1;
	for (size_t i = 0; i < count; i++)
		kept += blocks[i][0] == ((char)((int)i | 1));
	printf("kept %zu of %zu\n", kept, count);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	size_t mib = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

	/* memtier takes the heap away before stdio writes what it has */
	setvbuf(stdout, NULL, _IONBF, 0);
	if (strcmp(what, "full") == 0)
		return full();
	if (mib == 0 || mib > BLOCKS_MOST / 16)
		return 2;
	if (strcmp(what, "grow") == 0)
		return grow(mib);
	if (strcmp(what, "pairs") == 0 && argc == 4)
		return pairs(mib, strtoul(argv[3], NULL, 10));
	if (strcmp(what, "place") == 0)
		return place(mib, argv + 3);
	return strcmp(what, "fork") == 0 ? fork_and_look(mib) : 2;
}
