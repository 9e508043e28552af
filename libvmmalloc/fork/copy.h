/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * copy -- a second pool with the same heap in it, for a child.
 *
 * Only what is in use is reserved, in whole granules of the heap, and copied. The caller holds the heap's lock, and
 * sees to it that nobody writes to the heap meanwhile: by being the only thread, or by copying what is frozen.
 * Allocates nothing; async-signal-safe.
 */
#ifndef LIBVMMALLOC_FORK_COPY_H
#define LIBVMMALLOC_FORK_COPY_H

#include "libvmmalloc/heap/heap.h"

/* An empty pool of the same size in `dir`, with space reserved for what is in use, or for all. 0 or -errno. */
int vmm_copy_make(const struct vmm_heap *heap, const char *dir, bool reserve_all, struct vmm_pool *ret_copy);

/* Copies what is in use. 0 or -errno if the heap has grown meanwhile, and the file system is full. */
int vmm_copy_fill(const struct vmm_heap *heap, struct vmm_pool *copy);

#endif
