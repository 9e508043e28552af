/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bookkeeping -- the heap's own tables: nodes of free ranges, and bits for each granule. They lie in ordinary memory.
 *
 * The caller holds the heap's lock, or is alone.
 */
#ifndef LIBVMMALLOC_HEAP_BOOKKEEPING_H
#define LIBVMMALLOC_HEAP_BOOKKEEPING_H

#include "libvmmalloc/heap/heap.h"

/*
 * For the pool as it is, with addresses for what it may become; where a limit (RLIMIT_AS) leaves too little for that,
 * it grows less far. 0 or -errno.
 */
int vmm_bookkeeping_make(struct vmm_heap *heap, size_t granule);

/* For the pool as large as it has become, which it was `before` bytes. 0 or -errno. */
int vmm_bookkeeping_extend(struct vmm_heap *heap, size_t before);

void vmm_bookkeeping_drop(struct vmm_heap *heap);

#endif
