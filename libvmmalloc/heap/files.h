/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * files -- the heap gets files more, behind those that its pool has, and leaves them again.
 *
 * The last one is where the heap ends: only that can be left, when nobody has anything in it. All are of one heap: a
 * block may lie in several of one tier. The caller holds the heap's lock, but for vmm_files_leave and
 * vmm_files_leave_idle, which take it.
 */
#ifndef LIBVMMALLOC_HEAP_FILES_H
#define LIBVMMALLOC_HEAP_FILES_H

#include "libvmmalloc/heap/heap.h"

/*
 * Another one: vmm_pool_grow(), vmm_pool_grow_adopt(). It is reserved as it is needed, or at once if `all_reserved`;
 * the daemon's is already unless it `is_cold`. 0, or -errno and no more.
 */
int vmm_files_add(struct vmm_heap *heap, size_t tier, const char *dir, size_t bytes, bool all_reserved);
int vmm_files_adopt(struct vmm_heap *heap, size_t tier, int fd, bool is_cold, bool all_reserved);

/* Those that there are stay for good. */
void vmm_files_keep(struct vmm_heap *heap);

/* The last one, if nobody has anything in it. */
bool vmm_files_drop(struct vmm_heap *heap);

/* As many as it can. Returns bytes. */
size_t vmm_files_leave(struct vmm_heap *heap);

/* As many as nobody has had anything in for as long as vmm_heap_release_after says. */
void vmm_files_leave_idle(struct vmm_heap *heap);

#endif
