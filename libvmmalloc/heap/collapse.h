/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * collapse -- huge pages for the part of a pool on tmpfs that is being reserved.
 *
 * The kernel makes one of 2 MiB in which there is a single page (MADV_COLLAPSE, Linux 6.1), also where the file system
 * is mounted without huge pages. What was missing is zeroed at once, and found with one fault: where there is memory at
 * hand, a sixth of the time that fallocate() and the touch of 512 small pages take, and then less misses of the
 * processor's TLB (doc/benchmarks.md). It takes no memory that a reservation would not take.
 *
 * The caller locks. Allocates nothing; async-signal-safe.
 */
#ifndef LIBVMMALLOC_HEAP_COLLAPSE_H
#define LIBVMMALLOC_HEAP_COLLAPSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/environment.h"

struct vmm_pool;
struct vmm_pool_file;

/* As much at a time is right: for each call the kernel waits until all processors have looked up. */
#define COLLAPSE_PIECE ((size_t)16 << 20)

/* What a pool knows of it. All zero: nothing yet. */
struct vmm_collapse {
	size_t pause;    /* it failed, or was slow twice: no more for so many bytes, twice as many each time */
	size_t wait;     /* what is left of that */
	bool was_slow;   /* once: others may have had the processor */
	struct vmm_collapse_cost {
		uint64_t ns, bytes;
	} small, huge;   /* what it took to reserve so many bytes by small pages, and by huge ones */
};

/*
 * Makes huge pages of the whole ones in [offset, offset + bytes) of the pool, which lie in `file` and in which nobody
 * has anything yet. It may fail, and do some or nothing: the caller reserves all of it just the same.
 *
 * Whether it did nothing at all: then the caller says how long that took, vmm_collapse_note_small().
 */
bool vmm_collapse(struct vmm_pool *pool, const struct vmm_pool_file *file, size_t offset, size_t bytes);

/* `bytes` bytes were reserved by small pages in that time, and each touched if that is so. */
void vmm_collapse_note_small(struct vmm_pool *pool, size_t bytes, uint64_t ns, bool touched);

/* VMMALLOC_HUGE_PAGES. Set before there is a pool. */
extern enum environment_huge_pages vmm_collapse_choice;

/* Whether that is tried for the file's bytes. */
bool vmm_collapse_is_likely(const struct vmm_pool *pool, const struct vmm_pool_file *file);

#endif
