/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * workloads -- runs one allocator workload and prints how long it took.
 *
 *   workloads                             lists them: name and what it does
 *   workloads NAME [THREADS [PERCENT]]    prints "SECONDS PAIRS": of the workload's loop, and how many pairs of an
 *                                         allocation and its free it made
 */
#include "tests/bench/workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS_DEFAULT 4
#define THREADS_MOST 1024
#define PERCENT_MOST 100000

static const struct workload {
	const char *name;
	workload_function *run;
	const char *what;
} workloads[] = {
	{ "churn", workload_churn, "blocks of 16 to 512 bytes replaced at random" },
	{ "lifo", workload_lifo, "blocks of 16 to 128 bytes, last in, first out" },
	{ "strings", workload_strings, "short strings copied, grown and dropped, oldest first" },
	{ "objects", workload_objects, "objects of the sizes a C++ program has, created and destroyed in groups" },
	{ "trees", workload_trees, "binary trees and linked lists built and torn down" },
	{ "cache", workload_cache, "a cache of 120000 entries, 16 bytes to 4 KiB, that evicts at random" },
	{ "lifetimes", workload_lifetimes, "short-lived blocks among long-lived ones: fragmentation" },
	{ "vectors", workload_vectors, "vectors that grow by half with realloc, to 1 MiB" },
	{ "calloc", workload_calloc, "zeroed blocks of 16 bytes to 64 KiB" },
	{ "aligned", workload_aligned, "blocks aligned to 32 to 4096 bytes" },
	{ "large", workload_large, "blocks of 64 KiB to 4 MiB, every page written" },
	{ "handoff", workload_handoff, "threads that allocate for other threads to free" },
	{ "batches", workload_batches, "batches of 4096 blocks, 8 to 2048 bytes, freed by whichever thread comes" },
	{ "server", workload_server, "threads that replace blocks, and leave them to their successors" },
	{ "short-threads", workload_short_threads, "many threads that live for some thousand allocations" },
};

#define WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))

void *block_touch(void *block, size_t bytes)
{
	char *first = block;

	if (!first) {
		fprintf(stderr, "no memory for a block of %zu bytes\n", bytes);
		exit(EXIT_FAILURE);
	}
	first[0] = 'a';
	first[bytes - 1] = 'z';
	return block;
}

void *block_new(size_t bytes)
{
	return block_touch(malloc(bytes), bytes);
}

void block_free_all(void **blocks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(blocks[i]);
		blocks[i] = NULL;
	}
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static unsigned parse_number(const char *text, unsigned most)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || number < 1 || number > most) {
		fprintf(stderr, "workloads: '%s' is not a number from 1 to %u\n", text, most);
		exit(EXIT_FAILURE);
	}
	return (unsigned)number;
}

static int run(const struct workload *workload, const struct load *load)
{
	double start = now();
	uint64_t pairs = workload->run(load);
	double seconds = now() - start;

	/* now: some allocators' destructors take the heap, and stdio's buffer with it, away before exit() flushes */
	printf("%.6f %llu\n", seconds, (unsigned long long)pairs);
	fflush(stdout);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct load load = { .threads = THREADS_DEFAULT, .percent = 100 };

	if (argc == 1)
		for (size_t i = 0; i < WORKLOADS; i++)
			printf("%-14s %s\n", workloads[i].name, workloads[i].what);
	if (argc == 1)
		return EXIT_SUCCESS;
	if (argc > 2)
		load.threads = parse_number(argv[2], THREADS_MOST);
	if (argc > 3)
		load.percent = parse_number(argv[3], PERCENT_MOST);
	for (size_t i = 0; i < WORKLOADS; i++)
		if (strcmp(workloads[i].name, argv[1]) == 0)
			return run(&workloads[i], &load);
	fprintf(stderr, "workloads: there is no workload '%s'\n", argv[1]);
	return EXIT_FAILURE;
}
