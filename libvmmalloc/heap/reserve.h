/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reserve -- the part of heap.c that asks the file system for space: moves `low` up, makes room below `high`, fills
 * holes. What is handed out of it, and what is free, is heap.c's.
 *
 * A file system that was full is asked again only after a while, and seldom; another one is asked. The caller holds the
 * heap's lock.
 */
#ifndef LIBVMMALLOC_HEAP_RESERVE_H
#define LIBVMMALLOC_HEAP_RESERVE_H

#include "libvmmalloc/heap/heap.h"

/* The first step. 0 or -errno. */
int vmm_reserve_first(struct vmm_heap *heap);

/*
 * Moves `low` to `need` at least, and further if that goes well; what lies between is free then. False: not so far, but
 * perhaps part of the way.
 */
bool vmm_reserve_up_to(struct vmm_heap *heap, uintptr_t need);

/*
 * Reserves [start, high), which lies above `low`, for metadata: of each granule behind the first, which become holes,
 * nothing. `high` stays. 0 or -errno.
 */
int vmm_reserve_below_high(struct vmm_heap *heap, uintptr_t start);

/*
 * The same for all of it, from `low` on, of whose granules all become holes: where `low` and `high` lie between
 * granules that needs no space. 0 or -errno.
 */
int vmm_reserve_gap(struct vmm_heap *heap);

/*
 * Where `low` and `high` may lie, bytes: where a pool may grow between granules, so that it can do so although the file
 * system is full, or is another one.
 */
size_t vmm_reserve_unit(const struct vmm_heap *heap);

/* A pool that may grow and does not end there: moves `high` down to where it may lie, and what is above it is free. */
void vmm_reserve_tail(struct vmm_heap *heap);

/*
 * A file system has refused space, with `r`, which this returns. It is counted, for this thread: whoever gets ordinary
 * memory instead is told why.
 */
int vmm_reserve_refused(int r);

/* Reserves what is not reserved in any granule that [start, start + bytes) touches. 0, or -errno and nothing is. */
int vmm_reserve_holes(struct vmm_heap *heap, uintptr_t start, size_t bytes);

/* The same, but a file system that was full a moment ago is not asked again. Whether all of it is reserved now. */
bool vmm_reserve_has_space(struct vmm_heap *heap, uintptr_t start, size_t bytes);

/* Whether the file system of what lies at `start` was too full for so many bytes a moment ago, or says that it is. */
bool vmm_reserve_is_short(struct vmm_heap *heap, uintptr_t start, size_t bytes);

/* Gives [start, low), which nobody has, back to the file system, and moves `low` down. 0 or -errno. */
int vmm_reserve_give_back(struct vmm_heap *heap, uintptr_t start);

/* Gives the granules [start, end) back, which nobody has and which are no holes: they become such. 0 or -errno. */
int vmm_reserve_punch(struct vmm_heap *heap, uintptr_t start, uintptr_t end);

#endif
