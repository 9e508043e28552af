/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * thaw -- from private memory back to the pool file.
 *
 * While the heap is private, the file keeps what it held when it was frozen; pages that were written since are ordinary
 * memory. /proc/self/pagemap tells which. They are written to the file, and then the file is mapped shared again: in
 * steps, from the heap's start on, so that nobody waits for a large heap. Between two of them the heap is in parts
 * (mapping.h), and anything may happen: where the next begins the mapping says.
 *
 * The caller holds the heap's lock, which holds signals back, too. It is the only thread of the process, and has made
 * sure that nobody else maps the frozen file. Nothing allocates.
 */
#ifndef LIBVMMALLOC_FORK_THAW_H
#define LIBVMMALLOC_FORK_THAW_H

#include "libvmmalloc/heap/heap.h"

/*
 * One step. Returns 0 if the heap is shared now, -EINPROGRESS if more steps are needed; or another -errno, and then
 * what was private still is, or part of it.
 */
int vmm_thaw(struct vmm_heap *heap);

#endif
