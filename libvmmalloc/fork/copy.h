/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * copy -- a second pool with the same heap in it: for a child, or for a process that leaves its file to others.
 *
 * Only what is in use is reserved, in whole granules of the heap, and copied. The caller holds the heap's lock. Nobody
 * may write to the heap meanwhile: either the caller is the only thread, or the heap is frozen and the caller a child.
 * Nothing allocates, and all is async-signal-safe.
 */
#ifndef LIBVMMALLOC_FORK_COPY_H
#define LIBVMMALLOC_FORK_COPY_H

#include "libvmmalloc/context/config.h"
#include "libvmmalloc/heap/heap.h"

/*
 * Makes an empty pool of the same size, each tier in its directory, with space reserved for what is in use now, or for
 * all. Returns 0 or -errno.
 */
int vmm_copy_make(const struct vmm_heap *heap, const struct vmm_config *config, struct vmm_pool *ret_copy);

/* Whether the heap is as large as when that was made, and its tiers lie where they were. */
bool vmm_copy_fits(const struct vmm_heap *heap, const struct vmm_pool *copy);

/*
 * Copies what is in use. Returns 0 or -errno: the heap may have grown since the copy was made, and the file system be
 * full; or the program has made a page of it inaccessible.
 */
int vmm_copy_fill(const struct vmm_heap *heap, struct vmm_pool *copy);

#endif
