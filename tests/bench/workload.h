/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * workload -- what a program asks of its allocator, in a loop.
 *
 * A workload is a function that makes a fixed number of allocations, touches and frees them, and returns how many
 * they were. The work depends on nothing but `struct load`: no clock, no addresses, no scheduling.
 */
#ifndef TESTS_BENCH_WORKLOAD_H
#define TESTS_BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORKLOAD_SEED 0x9e3779b97f4a7c15ull

struct load {
	unsigned threads;               /* of the threaded workloads */
	unsigned percent;               /* of the operation counts that the workloads name */
};

typedef uint64_t workload_function(const struct load *load);

/* small: one thread, small blocks, for different orders of malloc and free */
workload_function workload_churn, workload_lifo, workload_strings, workload_objects, workload_cache;
/* shapes: one thread; the less common entry points, large blocks, mixed lifetimes */
workload_function workload_trees, workload_lifetimes, workload_vectors, workload_calloc, workload_aligned,
	workload_large;
/* threads: blocks that are freed elsewhere, threads that come and go */
workload_function workload_handoff, workload_batches, workload_server, workload_short_threads;

/* A block of memory with its first and last byte written; the process exits if there is none. */
void *block_new(size_t bytes);
/* The same for memory from another entry point than malloc. */
void *block_touch(void *block, size_t bytes);
void block_free_all(void **blocks, size_t count);

static inline uint64_t load_scaled(const struct load *load, uint64_t operations)
{
	return operations * load->percent / 100;
}

/* xorshift64: enough here, and a handful of instructions. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

/* A number in [low, high], both below 2^31. */
static inline uint32_t random_range(uint64_t *state, uint32_t low, uint32_t high)
{
	return low + (uint32_t)((random_next(state) >> 32) * (high - low + 1) >> 32);
}

/* A number in [2^low, 2^high], every power of two as likely: most are small. */
static inline uint32_t random_skewed(uint64_t *state, unsigned low, unsigned high)
{
	unsigned power = random_range(state, low, high - 1);

	return random_range(state, 1u << power, 2u << power);
}

#endif
