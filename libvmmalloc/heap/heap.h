/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * heap -- the pool's space: which bytes are free, reserved, handed out; one for the whole process.
 *
 *   base        start                       low                        high                 end
 *   | header    | extents, and free ranges  | not reserved yet         | jemalloc's metadata |
 *                 between them ------------>  grows upwards   grows downwards <--------------
 *
 * Extents are taken at the lowest address that fits. Only when no free range fits is more of the file reserved, in
 * steps that grow with the heap (reserve.h). jemalloc's metadata hardly ever come back, so they lie at the other end,
 * where they split nothing. The last `floor` bytes between low and high are kept for jemalloc's own needs, so that it
 * stays alive in a full pool.
 *
 * The pool may get files more: then what lies below the new file is all below low, metadata too.
 *
 * Below low and above high there may be holes, which are not reserved (holes.h). A hole is reserved when it is taken,
 * or before the metadata in it are touched.
 *
 * All functions may be called from any thread; they lock the heap's own mutex, call nothing of jemalloc, allocate
 * nothing and may change errno.
 */
#ifndef LIBVMMALLOC_HEAP_HEAP_H
#define LIBVMMALLOC_HEAP_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libvmmalloc/base/lock.h"
#include "libvmmalloc/heap/dump.h"
#include "libvmmalloc/heap/holes.h"
#include "libvmmalloc/heap/outside.h"
#include "libvmmalloc/heap/pool.h"
#include "libvmmalloc/heap/ranges.h"
#include "libvmmalloc/heap/release.h"
#include "libvmmalloc/heap/tiers.h"

#define HEAP_GRANULE ((size_t)64 << 10)  /* the least that a granule may be; the pool's unit if that is more */

enum vmm_heap_use {
	HEAP_FOR_PROGRAM,   /* leaves the floor alone */
	HEAP_FOR_JEMALLOC,  /* may use the floor */
};

struct vmm_heap {
	struct vmm_lock lock;   /* guards all below, and the figures in the pool's header */
	struct vmm_pool pool;
	struct vmm_tiers tiers; /* on which memory the pool's files are */
	size_t files_least;     /* that the heap was made with, and keeps */
	struct ranges free;     /* reserved and not handed out */
	uintptr_t low;          /* [start, low) is reserved */
	uintptr_t high;         /* [high, end) was handed out as metadata */
	uintptr_t fresh;        /* [fresh, high) was never handed out: it reads as zero; all else may not. <= low */
	size_t floor;           /* bytes */
	struct vmm_holes holes; /* below low or above high; its granules are the dump's, too */
	struct vmm_dump dump;   /* what a core dump does not show, by granules */
	struct vmm_release release;  /* of free space that is not needed */
	bool all_reserved;      /* all files are reserved, and kept so: VMMALLOC_RESERVE=full, pools of the daemon */
	bool any_kept;          /* some are */
	dev_t retry_dev;        /* a full file system, and */
	size_t retry_bytes;     /*   what it could not give: as much, or more, is not asked for */
	uint64_t retry_ns;      /*   before this time, CLOCK_MONOTONIC; 0: it was not full */
	struct vmm_outside outside;  /* what is in use in place of the pool */
	struct pool_page *child_page;  /* while a fork is under way, all is counted there, too; else NULL */
};

/* What lies behind the header: [start, end). */
static inline uintptr_t vmm_heap_start(const struct vmm_heap *heap)
{
	return (uintptr_t)vmm_pool_heap_start(&heap->pool);
}

static inline uintptr_t vmm_heap_end(const struct vmm_heap *heap)
{
	return vmm_heap_start(heap) + vmm_pool_heap_bytes(&heap->pool);
}

/* `figure` is one of the pool's header. Other processes read it at any time. */
static inline void vmm_heap_set_figure(struct vmm_heap *heap, uint64_t *figure, uint64_t value)
{
	if (heap->child_page)
		((uint64_t *)heap->child_page)[figure - (uint64_t *)heap->pool.header] += value - *figure;
	__atomic_store_n(figure, value, __ATOMIC_RELAXED);
}

/*
 * Takes over a fresh pool, which reads as zero behind its header: a new file does, and the daemon hands out no other.
 * 0, or -errno if the file system has no space even to begin with.
 */
int vmm_heap_init(struct vmm_heap *heap, const struct vmm_pool *pool, bool all_reserved);

/* Undoes that, and drops the pool. */
void vmm_heap_drop(struct vmm_heap *heap);

/* Before it gets files of others than the first tier: how many there are to be, and what is put where. */
void vmm_heap_set_tiers(struct vmm_heap *heap, size_t count, const struct environment_place *place);

/* How many there are. Any thread. */
static inline size_t vmm_heap_files(const struct vmm_heap *heap)
{
	return __atomic_load_n(&heap->pool.files, __ATOMIC_RELAXED);
}

/* Each thread's: what was refused to another one meanwhile says nothing of why this one got none. */
struct vmm_heap_thread {
	uint64_t space_refusals;  /* times that a file system, or a limit, had no space for what it asked for */
};

extern __thread struct vmm_heap_thread vmm_heap_thread;

/*
 * `bytes` bytes, a multiple of 4 KiB, aligned to `align`, a power of two of at least 4 KiB; in a tier, or at `at`, the
 * end of what was taken before, if that is not NULL. If *zero, the memory reads as zero; else *zero says whether it
 * happens to. NULL if there is no such space.
 */
void *vmm_heap_take(struct vmm_heap *heap, size_t tier, void *at, size_t bytes, size_t align, enum vmm_heap_use use,
		    bool *zero);

/*
 * For what jemalloc keeps for ever: from the top of the pool, always zero. Only its first HEAP_GRANULE bytes may be
 * touched before vmm_heap_reserve_metadata was asked for more.
 */
void *vmm_heap_take_metadata(struct vmm_heap *heap, size_t bytes, size_t align);

/* Before [address, address + bytes) of a block of metadata is touched. 0, or -errno: the file system is full. */
int vmm_heap_reserve_metadata(struct vmm_heap *heap, void *address, size_t bytes);

/* Takes back [address, address + bytes), all or part of what was handed out. Never fails. */
void vmm_heap_give(struct vmm_heap *heap, void *address, size_t bytes);
void vmm_heap_give_metadata(struct vmm_heap *heap, void *address, size_t bytes);

/*
 * The heap is on another file now, where only what vmm_walk_kept visited is reserved, or all is. The caller holds
 * the lock.
 */
void vmm_heap_forget_free(struct vmm_heap *heap, bool all_reserved);

/* As vmm_mapping_freeze; and wakes threads that wait for what was shared until then. The caller holds the lock. */
int vmm_heap_freeze(struct vmm_heap *heap);

/*
 * While the heap is private, and nobody needs the frozen file any more: maps what is free to the file again, in steps,
 * and from the first one on whatever becomes free. `offset` is 0 at first, and then how far that is done. Returns
 * whether it is done. Other threads may go on. The caller holds the lock.
 */
bool vmm_heap_return_free(struct vmm_heap *heap, size_t *offset);

/*
 * Gives free space back to the file system: at the upper end of the extents, less `keep` bytes, and each granule that
 * is wholly free. Returns bytes.
 */
size_t vmm_heap_trim(struct vmm_heap *heap, size_t keep);

/* From now on what stays free for so many seconds is given back, by vmm_heap_release. 0: at once. */
void vmm_heap_release_after(struct vmm_heap *heap, unsigned seconds);

/* Nothing goes back unasked any more: what is free here may be in use in another process, which has the file. */
void vmm_heap_release_never(struct vmm_heap *heap);

/* Called now and then, by any thread. True when all that is free was looked at: once in so many seconds. */
bool vmm_heap_release(struct vmm_heap *heap);

/* Adds to a figure of the pool's header that counts things outside this module. */
void vmm_heap_count(struct vmm_heap *heap, uint64_t *figure, int64_t change);

#endif
