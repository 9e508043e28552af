/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * extent_heap -- the library's heap without its memory: the same free ranges (ranges.c) and the same rules of when more
 * of the file is reserved, and when it goes back. Where an extent goes is asked of a policy (extent_places.h).
 */
#ifndef TESTS_BENCH_EXTENT_HEAP_H
#define TESTS_BENCH_EXTENT_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libvmmalloc/heap/ranges.h"

#define HEAP_PIECE ((size_t)2 << 20)    /* a huge page */

/* What is asked for. */
struct extent_request {
	size_t bytes, align;
	bool slab;
};

struct extent_heap;

/* Takes a place out of the free ranges, within [from, to). */
typedef bool extent_place(struct extent_heap *heap, const struct extent_request *request, uintptr_t from, uintptr_t to,
			  uintptr_t *ret_start);

struct extent_policy {
	const char *name, *what;
	extent_place *place;
	size_t from_top;           /* large extents of so many bytes, or more, come from the other end; 0: none */
};

struct extent_figures {
	size_t span;               /* the highest address below which anything was */
	size_t touched;            /* bytes that the file has */
	size_t used;               /* bytes of extents and metadata */
	size_t ranges, largest;    /* free ranges, and the longest, */
	size_t pieces;             /*   and huge pages partly used: when the heap grew last */
};

struct extent_heap {
	const struct extent_policy *policy;
	struct ranges free;
	uintptr_t start, end, low, high;
	uintptr_t top;             /* what large extents have from the other end: [top, high) is reserved; or `high` */
	uintptr_t metadata;        /* below this there will be none, if `top` is in use */
	size_t floor;
	bool huge_pages;
	bool has_grown;            /* and nothing was taken since */
	uint8_t *granules;         /* from start on: what is a hole, and what idle */
	uintptr_t cursor;          /* the policy's own */
	size_t holes, metadata_bytes;
	struct extent_figures now, peak;
	void *nodes;
};

/* A pool of [base, end), `metadata` of whose bytes will be metadata. */
void extent_heap_init(struct extent_heap *heap, const struct extent_policy *policy, uintptr_t start, uintptr_t end,
		      size_t metadata, bool huge_pages);
void extent_heap_drop(struct extent_heap *heap);

bool extent_heap_take(struct extent_heap *heap, const struct extent_request *request, uintptr_t *ret_start);
bool extent_heap_take_at(struct extent_heap *heap, uintptr_t start, size_t bytes);
bool extent_heap_take_metadata(struct extent_heap *heap, size_t bytes, size_t align, uintptr_t *ret_start);
void extent_heap_reserve_metadata(struct extent_heap *heap, size_t bytes);
void extent_heap_give(struct extent_heap *heap, uintptr_t start, size_t bytes);

/* What has been free since the last call goes back to the file system. */
void extent_heap_look(struct extent_heap *heap);

#endif
