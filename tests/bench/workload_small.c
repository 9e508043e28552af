/* SPDX-License-Identifier: BSD-3-Clause */
/* workload_small -- one thread and small blocks; what differs is the order in which they are freed. */
#include "tests/bench/workload.h"

#include <stdlib.h>
#include <string.h>

#define CHURN_SLOTS 8192
#define LIFO_DEPTH 256
#define STRING_QUEUE 4096
#define STRING_LONGEST 1024
#define OBJECT_GROUP 20000
#define CACHE_ENTRIES 120000

/* At any time some thousand blocks live; which one goes next is random. */
uint64_t workload_churn(const struct load *load)
{
	static void *slots[CHURN_SLOTS];
	uint64_t pairs = load_scaled(load, 12000000), random = WORKLOAD_SEED;

	for (uint64_t i = 0; i < pairs; i++) {
		void **slot = &slots[random_next(&random) % CHURN_SLOTS];

		free(*slot);
		*slot = block_new(random_range(&random, 16, 512));
	}
	block_free_all(slots, CHURN_SLOTS);
	return pairs;
}

/* A call stack's temporaries: a few are taken, then the same few are given back in reverse. */
uint64_t workload_lifo(const struct load *load)
{
	void *stack[LIFO_DEPTH];
	uint64_t wanted = load_scaled(load, 16000000), random = WORKLOAD_SEED, pairs = 0;

	while (pairs < wanted) {
		size_t depth = random_range(&random, 1, LIFO_DEPTH);

		for (size_t i = 0; i < depth; i++)
			stack[i] = block_new(random_range(&random, 16, 128));
		for (size_t i = depth; i > 0; i--)
			free(stack[i - 1]);
		pairs += depth;
	}
	return pairs;
}

static char *string_copy(const char *text, size_t length)
{
	char *copy = block_new(length + 1);

	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

/* A queue of strings; every eighth is copied again with a suffix, as concatenation does. */
uint64_t workload_strings(const struct load *load)
{
	static void *queue[STRING_QUEUE];
	char text[2 * STRING_LONGEST];
	uint64_t strings = load_scaled(load, 10000000), random = WORKLOAD_SEED, pairs = 0;

	memset(text, 'x', sizeof(text));
	for (uint64_t i = 0; i < strings; i++) {
		void **slot = &queue[i % STRING_QUEUE];
		size_t length = random_skewed(&random, 2, i % 64 == 0 ? 10 : 6);

		free(*slot);
		*slot = string_copy(text, length);
		pairs++;
		if (i % 8 == 0) {
			char *longer = string_copy(*slot, length);

			free(*slot);
			*slot = longer;
			pairs++;
		}
	}
	block_free_all(queue, STRING_QUEUE);
	return pairs;
}

/* Some class sizes are much more common than others; a group is destroyed in the order of its creation. */
uint64_t workload_objects(const struct load *load)
{
	static const uint16_t sizes[] = { 16, 24, 24, 32, 32, 32, 40, 48, 48, 56, 64, 72, 88, 104, 152, 328 };
	static void *group[OBJECT_GROUP];
	uint64_t groups = load_scaled(load, 500), random = WORKLOAD_SEED;

	for (uint64_t g = 0; g < groups; g++) {
		for (size_t i = 0; i < OBJECT_GROUP; i++)
			group[i] = block_new(sizes[random_next(&random) % 16]);
		block_free_all(group, OBJECT_GROUP);
	}
	return groups * OBJECT_GROUP;
}

/* More live memory than the processor's own caches hold. */
uint64_t workload_cache(const struct load *load)
{
	static void *entries[CACHE_ENTRIES];
	uint64_t pairs = load_scaled(load, 2000000), random = WORKLOAD_SEED;

	for (uint64_t i = 0; i < pairs; i++) {
		void **entry = &entries[random_range(&random, 0, CACHE_ENTRIES - 1)];

		free(*entry);
		*entry = block_new(random_skewed(&random, 4, 12));
	}
	block_free_all(entries, CACHE_ENTRIES);
	return pairs;
}
