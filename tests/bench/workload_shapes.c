/* SPDX-License-Identifier: BSD-3-Clause */
/* workload_shapes -- one thread; linked structures, mixed lifetimes, large blocks, the less common entry points. */
#include "tests/bench/workload.h"

#include <stdlib.h>
#include <string.h>

#define TREE_DEPTH 16
#define LIST_LENGTH 60000
#define SHORT_LIVED 512
#define LONG_LIVED 65536
#define VECTORS 32
#define VECTOR_FIRST 16
#define VECTOR_MOST (1u << 20)
#define CALLOC_SLOTS 2048
#define ALIGNED_SLOTS 2048
#define LARGE_SLOTS 16
#define PAGE 4096

struct node {
	struct node *left, *right;
	uint64_t payload[2];
};

static struct node *tree_build(unsigned depth)
{
	struct node *node = block_new(sizeof(*node));

	node->payload[0] = depth;
	node->left = depth > 1 ? tree_build(depth - 1) : NULL;
	node->right = depth > 1 ? tree_build(depth - 1) : NULL;
	return node;
}

static void tree_free(struct node *node)
{
	if (!node)
		return;
	tree_free(node->left);
	tree_free(node->right);
	free(node);
}

static void list_build_and_free(size_t length)
{
	struct node *head = NULL;

	for (size_t i = 0; i < length; i++) {
		struct node *node = block_new(sizeof(*node) + i % 3 * sizeof(node->payload));

		node->right = head;
		head = node;
	}
	while (head) {
		struct node *next = head->right;

		free(head);
		head = next;
	}
}

uint64_t workload_trees(const struct load *load)
{
	uint64_t rounds = load_scaled(load, 60);

	for (uint64_t i = 0; i < rounds; i++) {
		tree_free(tree_build(TREE_DEPTH));
		list_build_and_free(LIST_LENGTH);
	}
	return rounds * ((1u << TREE_DEPTH) - 1 + LIST_LENGTH);
}

/* Every sixteenth block stays for long; from time to time every other one of those goes, and leaves holes. */
uint64_t workload_lifetimes(const struct load *load)
{
	static void *short_lived[SHORT_LIVED], *long_lived[LONG_LIVED];
	uint64_t pairs = load_scaled(load, 8000000), random = WORKLOAD_SEED;

	for (uint64_t i = 0; i < pairs; i++) {
		bool stays = i % 16 == 0;
		void **slot = stays ? &long_lived[i / 16 % LONG_LIVED] : &short_lived[i % SHORT_LIVED];

		free(*slot);
		*slot = block_new(random_skewed(&random, 4, i % 128 == 0 ? 13 : 9));
		if (i % 2000000 == 1999999)
			for (size_t hole = 0; hole < LONG_LIVED; hole += 2)
				block_free_all(&long_lived[hole], 1);
	}
	block_free_all(short_lived, SHORT_LIVED);
	block_free_all(long_lived, LONG_LIVED);
	return pairs;
}

struct vector {
	char *items;
	size_t bytes;
};

/* Returns the number of blocks given back. */
static unsigned vector_grow(struct vector *vector)
{
	size_t bytes = vector->items ? vector->bytes + vector->bytes / 2 : VECTOR_FIRST;

	if (bytes > VECTOR_MOST) {
		free(vector->items);
		*vector = (struct vector){ 0 };
		return 1;
	}
	vector->items = block_touch(realloc(vector->items, bytes), bytes);
	memset(vector->items + vector->bytes, 'v', bytes - vector->bytes);
	vector->bytes = bytes;
	return vector->bytes != VECTOR_FIRST;
}

/* The vectors grow in turns, so that none can simply be extended where it is. */
uint64_t workload_vectors(const struct load *load)
{
	struct vector vectors[VECTORS] = { 0 };
	uint64_t steps = load_scaled(load, 60000), random = WORKLOAD_SEED, pairs = 0;

	for (uint64_t i = 0; i < steps; i++)
		pairs += vector_grow(&vectors[random_next(&random) % VECTORS]);
	for (size_t i = 0; i < VECTORS; i++)
		free(vectors[i].items);
	return pairs;
}

uint64_t workload_calloc(const struct load *load)
{
	static void *slots[CALLOC_SLOTS];
	uint64_t pairs = load_scaled(load, 3000000), random = WORKLOAD_SEED;

	for (uint64_t i = 0; i < pairs; i++) {
		void **slot = &slots[random_next(&random) % CALLOC_SLOTS];
		size_t count = random_skewed(&random, 1, i % 32 == 0 ? 13 : 8);

		free(*slot);
		*slot = block_touch(calloc(count, 8), count * 8);
	}
	block_free_all(slots, CALLOC_SLOTS);
	return pairs;
}

uint64_t workload_aligned(const struct load *load)
{
	static void *slots[ALIGNED_SLOTS];
	uint64_t pairs = load_scaled(load, 2000000), random = WORKLOAD_SEED;

	for (uint64_t i = 0; i < pairs; i++) {
		void **slot = &slots[random_next(&random) % ALIGNED_SLOTS];
		size_t alignment = (size_t)32 << random_range(&random, 0, i % 8 == 0 ? 7 : 3);
		size_t bytes = random_range(&random, 16, 2048);
		void *block = NULL;

		free(*slot);
		if (posix_memalign(&block, alignment, bytes) != 0)
			block = NULL;
		*slot = block_touch(block, bytes);
	}
	block_free_all(slots, ALIGNED_SLOTS);
	return pairs;
}

uint64_t workload_large(const struct load *load)
{
	static void *slots[LARGE_SLOTS];
	uint64_t pairs = load_scaled(load, 4000), random = WORKLOAD_SEED;

	for (uint64_t i = 0; i < pairs; i++) {
		void **slot = &slots[random_next(&random) % LARGE_SLOTS];
		size_t bytes = random_skewed(&random, 16, 22);

		free(*slot);
		*slot = block_new(bytes);
		for (size_t at = 0; at < bytes; at += PAGE)
			((volatile char *)*slot)[at] = 'p';
	}
	block_free_all(slots, LARGE_SLOTS);
	return pairs;
}
