/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * release -- the part of heap.c that gives free space back to the file system, wherever it lies: whole granules, which
 * become holes (holes.h). On request, or when they have stayed free for a while.
 *
 * A granule is idle if it was wholly free when it was last looked at, and nothing of it was handed out since. All free
 * ranges are looked at once in a period, a few at a time: what is idle then goes back, and the rest becomes idle. So
 * what goes back has been free for one period to two.
 *
 * Nothing goes back while the heap is private: children may still read the file. Nor of what is to be reserved always.
 * The caller holds the heap's lock, but for vmm_release_is_due. Async-signal-safe.
 */
#ifndef LIBVMMALLOC_HEAP_RELEASE_H
#define LIBVMMALLOC_HEAP_RELEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vmm_heap;

struct vmm_release {
	uint64_t *idle;      /* bits.h: the granules */
	uint64_t period_ns;  /* 0: nothing goes back unasked */
	uint64_t next_ns;    /* when the next free ranges are looked at, CLOCK_MONOTONIC. Atomic */
	uint64_t began_ns;   /* when the lowest of them was, in this period */
	uintptr_t at;        /* they lie at or above this */
	uintptr_t unused_from;  /* nobody has anything at or above this since the last period ended, */
	uintptr_t idle_from;    /* and nobody has for a whole period: files may be left that lie there */
	bool any_idle;       /* there are such files. Atomic */
};

/* `idle` has room for a bit for each granule and one more, all zero. */
void vmm_release_init(struct vmm_release *release, uint64_t *idle);

/* Whether there is something for vmm_release_idle to do. Any thread, without the lock. */
bool vmm_release_is_due(const struct vmm_release *release);

/* Some of what has stayed free goes back: in a few milliseconds. True if that ends a period. */
bool vmm_release_idle(struct vmm_heap *heap);

/* Whether there are files at the end of which nobody has had anything for a period. Any thread, without the lock. */
bool vmm_release_has_idle_files(const struct vmm_release *release);

/* All that is free goes back, but for the free range that ends at `low`. Returns bytes. */
size_t vmm_release_all(struct vmm_heap *heap);

/* [start, end) is handed out. */
void vmm_release_taken(struct vmm_heap *heap, uintptr_t start, uintptr_t end);

#endif
