/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tiers -- a heap on several kinds of memory: which of its files is on which, and where a new extent is best put.
 *
 * A tier is a set of files. Those that lie side by side are one window, in which a block may be; no block lies in two
 * windows of two tiers. Most heaps have one tier, whose window is all there is.
 *
 * The caller holds the heap's lock, but for vmm_tiers_order, which may see figures that are a little old, and for
 * vmm_tiers_of about what somebody has: files that come and go meanwhile lie behind that.
 */
#ifndef LIBVMMALLOC_HEAP_TIERS_H
#define LIBVMMALLOC_HEAP_TIERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/environment.h"
#include "libvmmalloc/heap/pool.h"

struct vmm_tier {
	size_t bytes;  /* of its files' parts of the pool */
	size_t used;   /* handed out. Atomic */
	size_t peak;   /* the most that `used` ever was. Atomic */
};

struct vmm_tiers {
	struct vmm_tier tier[ENVIRONMENT_TIERS_MOST];
	size_t count;
	struct environment_place place;
};

/* Addresses [from, to) of one tier; `file` is the first behind them. */
struct vmm_tiers_window {
	uintptr_t from, to;
	size_t file;
};

/* The next window of a tier; the first if it is all zeros. False if there is none. */
bool vmm_tiers_next(const struct vmm_tiers *tiers, const struct vmm_pool *pool, size_t tier,
		    struct vmm_tiers_window *window);

/* The tier that the byte at `address` is in. */
size_t vmm_tiers_of(const struct vmm_tiers *tiers, const struct vmm_pool *pool, uintptr_t address);

/*
 * In which order to look for `bytes` bytes, 0 for what is to have small blocks: fills as many places of `ret_order` as
 * there are tiers.
 */
void vmm_tiers_order(const struct vmm_tiers *tiers, size_t bytes, unsigned char ret_order[ENVIRONMENT_TIERS_MOST]);

/* So many bytes of a tier were handed out, or came back. */
void vmm_tiers_count(struct vmm_tier *tier, size_t bytes, bool taken);

/* What lies at `start` and above, all in one tier, is to go, and nobody has it. */
void vmm_tiers_cut(struct vmm_tiers *tiers, const struct vmm_pool *pool, uintptr_t start);

#endif
