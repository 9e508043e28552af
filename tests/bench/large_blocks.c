/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * large_blocks -- large blocks that grow, are cleared, and are aligned, in a process of its own.
 *
 *   large_blocks bytes ROUNDS               realloc from 1 byte up, a byte at a time, in 1 MiB steps for each round
 *   large_blocks pages ROUNDS               realloc from 64 MiB up, a page at a time, 1024 times a round
 *   large_blocks turns ROUNDS               the same of two blocks of 8 MiB in turns
 *   large_blocks doubled ROUNDS             realloc from 1 byte to 64 MiB, twice as much each time
 *   large_blocks calloc ROUNDS BYTES        calloc and free of a block that is written to as a whole
 *   large_blocks aligned ROUNDS BYTES ALIGN aligned_alloc of blocks that all live at the same time
 *   large_blocks most MIB                   one block that grows from MIB/2 by a 64th of it until realloc fails
 *
 * Prints "calls N faults N moved N bytes N resident N": the calls that are measured, page faults, how often realloc
 * gave another address, bytes of the blocks that live at the end, and the growth of resident memory.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define PAGE ((size_t)4096)
#define MIB ((size_t)1 << 20)
#define PAGES_A_ROUND 1024

struct result {
	size_t calls, moved, bytes;
};

static struct rusage usage(void)
{
	struct rusage now;

	getrusage(RUSAGE_SELF, &now);
	return now;
}

static void touch(char *block, size_t from, size_t to)
{
	for (size_t at = from; at < to; at += PAGE)
		((volatile char *)block)[at] = 1;
}

/* False, and the block stays, if there is no room. */
static int grow_block(char **block, size_t bytes, struct result *result)
{
	uintptr_t before = (uintptr_t)*block;
	char *grown = realloc(*block, bytes);

	if (!grown)
		return 0;
	result->calls++;
	result->moved += before && (uintptr_t)grown != before;
	*block = grown;
	return 1;
}

static void must_grow(char **block, size_t from, size_t to, struct result *result)
{
	if (!grow_block(block, to, result)) {
		fprintf(stderr, "large_blocks: no memory for %zu bytes\n", to);
		exit(1);
	}
	touch(*block, from, to);
}

static struct result grow_by_bytes(size_t rounds)
{
	struct result result = { 0 };
	char *block = NULL;

	for (size_t bytes = 1; bytes <= rounds * MIB; bytes++)
		must_grow(&block, bytes - 1, bytes, &result);
	return result;
}

/* Blocks that grow in turns: none has room behind it for long. */
static struct result grow_by_pages(size_t blocks, size_t first, size_t rounds)
{
	struct result result = { 0 };
	char *block[2] = { NULL };

	for (size_t i = 0; i < blocks; i++) {
		block[i] = malloc(first);
		touch(block[i], 0, first);
	}
	for (size_t i = 0, bytes = first; i < rounds * PAGES_A_ROUND; i++, bytes += PAGE)
		for (size_t j = 0; j < blocks; j++)
			must_grow(&block[j], bytes, bytes + PAGE, &result);
	return result;
}

static struct result grow_by_doubling(size_t rounds)
{
	struct result result = { 0 };

	for (size_t i = 0; i < rounds; i++) {
		char *block = NULL;

		for (size_t bytes = 1; bytes <= 64 * MIB; bytes *= 2)
			must_grow(&block, bytes / 2, bytes, &result);
		free(block);
	}
	return result;
}

static struct result clear(size_t rounds, size_t bytes)
{
	struct result result = { .calls = rounds };

	for (size_t i = 0; i < rounds; i++) {
		char *block = calloc(1, bytes);

		if (!block || block[0] || block[bytes / 2] || block[bytes - 1])
			exit(1);
		touch(block, 0, bytes);
		block[bytes - 1] = 1;
		free(block);
	}
	return result;
}

static struct result align(size_t rounds, size_t bytes, size_t alignment)
{
	struct result result = { .calls = rounds, .bytes = rounds * bytes };

	for (size_t i = 0; i < rounds; i++) {
		char *block = aligned_alloc(alignment, bytes);

		if (!block || (uintptr_t)block % alignment)
			exit(1);
		touch(block, 0, bytes);
	}
	return result;
}

static struct result grow_most(size_t mib)
{
	struct result result = { 0 };
	char *block = malloc(mib * MIB / 2);

	for (size_t bytes = mib * MIB / 2; block && grow_block(&block, bytes, &result); bytes += mib * MIB / 64) {
		touch(block, result.bytes, bytes);
		result.bytes = bytes;
	}
	return result;
}

static struct result measured(const char *what, size_t rounds, size_t bytes, size_t alignment)
{
	if (strcmp(what, "bytes") == 0)
		return grow_by_bytes(rounds);
	if (strcmp(what, "pages") == 0)
		return grow_by_pages(1, 64 * MIB, rounds);
	if (strcmp(what, "turns") == 0)
		return grow_by_pages(2, 8 * MIB, rounds);
	if (strcmp(what, "doubled") == 0)
		return grow_by_doubling(rounds);
	if (strcmp(what, "calloc") == 0 && bytes)
		return clear(rounds, bytes);
	if (strcmp(what, "aligned") == 0 && bytes && alignment)
		return align(rounds, bytes, alignment);
	if (strcmp(what, "most") == 0)
		return grow_most(rounds);
	fprintf(stderr, "large_blocks: what is '%s'? expected bytes, pages, turns, doubled, calloc, aligned or most, "
		"and their figures\n", what);
	exit(2);
}

int main(int argc, char **argv)
{
	size_t figure[3] = { 0 };
	struct rusage before = usage(), after;
	struct result result;

	for (int i = 2; i < argc && i < 5; i++)
		figure[i - 2] = strtoul(argv[i], NULL, 10);
	result = measured(argc > 2 ? argv[1] : "", figure[0], figure[1], figure[2]);
	after = usage();
	printf("calls %zu faults %ld moved %zu bytes %zu resident %ld\n", result.calls,
	       after.ru_minflt - before.ru_minflt, result.moved, result.bytes,
	       (after.ru_maxrss - before.ru_maxrss) << 10);
	return 0;
}
