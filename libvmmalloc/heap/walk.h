/* SPDX-License-Identifier: BSD-3-Clause */
/* walk -- what of the heap is handed out, in order of address. The caller holds the heap's lock. */
#ifndef LIBVMMALLOC_HEAP_WALK_H
#define LIBVMMALLOC_HEAP_WALK_H

#include "libvmmalloc/heap/heap.h"

typedef void vmm_walk_visit(void *context, char *start, size_t bytes);

/* Every stretch that is handed out and reserved. */
void vmm_walk_used(const struct vmm_heap *heap, vmm_walk_visit *visit, void *context);

/* What of it lies in [start, end), which is all below `low`, or all above `high`. */
void vmm_walk_used_between(const struct vmm_heap *heap, uintptr_t start, uintptr_t end, vmm_walk_visit *visit,
			   void *context);

/* For a copy on another file: likewise, with all that is reserved but for whole granules that are free. */
void vmm_walk_kept(const struct vmm_heap *heap, vmm_walk_visit *visit, void *context);

/* What is handed out of [start, end), reserved or not: bytes. */
size_t vmm_walk_used_bytes(const struct vmm_heap *heap, uintptr_t start, uintptr_t end);

#endif
