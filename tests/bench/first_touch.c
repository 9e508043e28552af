/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * first_touch -- so much memory in blocks of one size, a byte of each page of 4 KiB written, in a process of its own.
 *
 *   first_touch MIB BYTES
 *
 * Prints "touch MS again MS faults N misses N": the allocation and the first touch of all of it; writing to a page in
 * an order that no prefetcher knows, as often as there are pages; page faults of the first; and how many in 1,000 of
 * these writes miss the TLB, by a model of one, if the kernel says which pages are huge.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "tlb_model.h"

#define PAGE ((size_t)4096)

static double now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static long page_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

static char **make_blocks(size_t count, size_t bytes)
{
	char **blocks = malloc(count * sizeof(*blocks));

	for (size_t i = 0; i < count && blocks; i++) {
		blocks[i] = malloc(bytes);
		if (!blocks[i])
			return NULL;
		for (size_t at = 0; at < bytes; at += PAGE)
			blocks[i][at] = 1;
		blocks[i][bytes - 1] = 1;
	}
	return blocks;
}

/* xorshift64 (Marsaglia 2003) */
static uint64_t next_random(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

#define SEED 88172645463325252u

static void write_at_random(char **blocks, size_t count, size_t bytes)
{
	uint64_t x = SEED;

	for (size_t n = count * bytes / PAGE; n > 0; n--) {
		x = next_random(x);
		blocks[x % count][(x >> 20) % bytes]++;
	}
}

/* Of the same writes. */
static void print_misses(char **blocks, size_t count, size_t bytes)
{
	uint64_t x = SEED;
	size_t pages = count * bytes / PAGE;

	if (!tlb_model_begin())
		return;
	for (size_t n = pages; n > 0; n--) {
		x = next_random(x);
		tlb_model_access(blocks[x % count] + (x >> 20) % bytes);
	}
	printf(" misses %.1f", 1e3 * (double)tlb_model_misses() / (double)pages);
}

int main(int argc, char **argv)
{
	size_t mib = argc == 3 ? strtoul(argv[1], NULL, 10) : 0, bytes = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	double began = now_ms(), touched, again;
	long faults = page_faults();
	size_t count;
	char **blocks;

	if (!mib || !bytes) {
		fprintf(stderr, "first_touch MIB BYTES\n");
		return 2;
	}
	count = (mib << 20) / bytes;
	blocks = make_blocks(count, bytes);
	if (!blocks) {
		fprintf(stderr, "first_touch: no memory for %zu blocks of %zu bytes\n", count, bytes);
		return 1;
	}
	touched = now_ms();
	faults = page_faults() - faults;
	write_at_random(blocks, count, bytes);
	again = now_ms();
	printf("touch %.2f again %.2f faults %ld", touched - began, again - touched, faults);
	print_misses(blocks, count, bytes);
	putchar('\n');
	return 0;
}
