/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * thaw -- from private memory back to the pool file.
 *
 * While the heap is private, the file keeps what it held when it was frozen; pages that were written since are ordinary
 * memory. /proc/self/pagemap tells which. They are written to the file, and then the file is mapped shared again.
 *
 * The caller holds the heap's lock, which holds signals back, too. It is the only thread of the process, and has made
 * sure that nobody else maps the frozen file. Nothing allocates.
 */
#ifndef LIBVMMALLOC_FORK_THAW_H
#define LIBVMMALLOC_FORK_THAW_H

#include "libvmmalloc/heap/heap.h"

/* Returns 0; or -errno, and then the heap is as private as before. */
int vmm_thaw(struct vmm_heap *heap);

#endif
