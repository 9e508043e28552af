/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ranges -- the free space of a pool: a set of address ranges that never touch each other.
 *
 * A treap ordered by address, each node knowing the longest range below it, so that the lowest range
 * that fits is found in O(log n) expected, as are insertion, coalescing and removal. Low addresses
 * first keeps the used part of a pool dense and its end free.
 *
 * Nodes live in memory that the caller gives; it is touched from its beginning, as far as it is needed. No
 * locking: the caller holds its own lock.
 */
#ifndef LIBVMMALLOC_HEAP_RANGES_H
#define LIBVMMALLOC_HEAP_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
	struct range *left, *right;  /* lower and higher addresses; `right` also links spare nodes */
	uintptr_t start;
	size_t length;
	size_t longest;              /* the greatest length in this subtree */
	uint64_t priority;
};

struct ranges {
	struct range *root;
	struct range *spare;        /* nodes that were used before */
	struct range *unused;       /* nodes that never were: [unused, unused_end) */
	struct range *unused_end;
	size_t free_bytes;          /* sum of all lengths */
	uint64_t seed;
};

/* An empty set that may hold bytes / sizeof(struct range) ranges. */
void ranges_init(struct ranges *ranges, void *memory, size_t bytes);

/* There are so many bytes more behind that memory. */
void ranges_extend(struct ranges *ranges, size_t bytes);

/* Whether a range may be added that touches no other, or one be parted. */
bool ranges_has_room(const struct ranges *ranges);

/* Other memory for bytes / sizeof(struct range) ranges: only where there is no room in what they have. */
void ranges_more(struct ranges *ranges, void *memory, size_t bytes);

/*
 * Adds [start, start + length), joined to its neighbours. The range must not overlap one in the set.
 * False, and nothing changed, if there are too many ranges.
 */
bool ranges_add(struct ranges *ranges, uintptr_t start, size_t length);

/*
 * Takes `length` bytes, aligned to `align` (a power of two), out of the set: at the lowest or the highest
 * address possible within [from, to). False if no range fits, or there are too many to split one.
 */
bool ranges_take_lowest(struct ranges *ranges, size_t length, size_t align, uintptr_t from, uintptr_t to,
			uintptr_t *ret_start);
bool ranges_take_highest(struct ranges *ranges, size_t length, size_t align, uintptr_t from, uintptr_t to,
			 uintptr_t *ret_start);

/* Takes exactly [start, start + length) if all of it is in the set. */
bool ranges_take_at(struct ranges *ranges, uintptr_t start, size_t length);

/* The range that `address` lies in, or NULL. Valid until the set changes. */
const struct range *ranges_at(const struct ranges *ranges, uintptr_t address);

/* The range that ends exactly at `end`, or NULL. Valid until the set changes. */
const struct range *ranges_ending_at(const struct ranges *ranges, uintptr_t end);

/* The lowest range that starts at or above `address`, or NULL: for walking over the set in order. */
const struct range *ranges_next(const struct ranges *ranges, uintptr_t address);

#endif
