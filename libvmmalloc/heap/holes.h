/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * holes -- which granules of the pool's file are not reserved, although the heap has passed them.
 *
 * A hole is a whole granule that nobody has anything in: in metadata, which jemalloc takes in large blocks and fills
 * slowly, and in a copy of a heap, which has no space where the heap has none in use.
 *
 * The caller locks, and gives the memory. Nothing here asks the file system. Async-signal-safe.
 */
#ifndef LIBVMMALLOC_HEAP_HOLES_H
#define LIBVMMALLOC_HEAP_HOLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vmm_holes {
	uintptr_t base;   /* granules are counted from here */
	size_t granule;   /* bytes */
	uint64_t *bits;   /* bits.h: the granules that are holes */
	bool any;         /* there may be some */
};

/* `bits` has room for a bit for each granule, all zero. */
void vmm_holes_init(struct vmm_holes *holes, char *base, size_t granule, uint64_t *bits);

/* The whole granules in [start, end) become holes, or are none any more. */
void vmm_holes_make(struct vmm_holes *holes, uintptr_t start, uintptr_t end);
void vmm_holes_fill(struct vmm_holes *holes, uintptr_t start, uintptr_t end);

/* The first run of holes in the granules that [start, end) touches: whole granules. False if there is none. */
bool vmm_holes_next(const struct vmm_holes *holes, uintptr_t start, uintptr_t end, uintptr_t *ret_start,
		    uintptr_t *ret_end);

/* Bytes of the holes that lie wholly in [start, end). */
size_t vmm_holes_bytes(const struct vmm_holes *holes, uintptr_t start, uintptr_t end);

/* Calls `visit` for what is no hole of [start, end), in order of address. */
void vmm_holes_each_other(const struct vmm_holes *holes, uintptr_t start, uintptr_t end,
			  void (*visit)(void *context, char *start, size_t bytes), void *context);

#endif
