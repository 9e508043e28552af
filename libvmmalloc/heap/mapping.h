/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mapping -- how the heap of a pool is mapped: to the file, to private memory, or, on its way back, in parts.
 *
 *   shared --freeze--> private --return, thaw--> private, but for some parts --freeze--> private
 *      ^                  |                             |
 *      +------thaw--------+-----------------------------+
 *
 * While it is private the file keeps what it held when it was frozen, and what is written goes to ordinary memory.
 * The header's grain is always shared.
 *
 * A mapping of gigabytes is expensive to tear down, and to fault in again. So the shared one is moved aside with its
 * page tables, as the shadow, where children do not see it, and moved back by a thaw, piece by piece. The shadow is
 * whole for as long as there is one: where a piece was moved away, the file is mapped anew.
 *
 * The caller locks. Allocates nothing; async-signal-safe.
 */
#ifndef LIBVMMALLOC_HEAP_MAPPING_H
#define LIBVMMALLOC_HEAP_MAPPING_H

#include "libvmmalloc/heap/pool.h"

/* Offsets in the pool: nobody has anything between them. */
struct vmm_unused {
	size_t start, end;
};

/*
 * Maps all that is shared MAP_PRIVATE, over itself. The kernel does that in one step for all threads, unless the heap
 * was mapped in parts, or a limit leaves no room for that. 0, or -errno, and then nothing has changed but that some
 * parts may be private. What is unused may be inaccessible afterwards: vmm_mapping_open.
 */
int vmm_mapping_freeze(struct vmm_pool *pool, const struct vmm_unused *unused);

/* The caller makes this call before what was unused is used. 0 or -errno. */
int vmm_mapping_open(struct vmm_pool *pool, size_t offset, size_t bytes);

/* Whether it can be mapped in parts: that takes some memory. */
bool vmm_mapping_has_parts(struct vmm_pool *pool);

/* What is private from `offset` on, of one file: where it begins, and its bytes. 0: nothing. */
size_t vmm_mapping_next_private(const struct vmm_pool *pool, size_t *offset);

/*
 * Maps a stretch that is private, or a part of one, MAP_SHARED: what private memory held is gone. 0, or -errno and
 * nothing has changed. For a process with one thread.
 */
int vmm_mapping_thaw(struct vmm_pool *pool, size_t offset, size_t bytes);

/* Whether the heap is shared again: nothing of it is private any more. Likewise. */
bool vmm_mapping_is_back(struct vmm_pool *pool);

/*
 * While it is private: maps [start, start + bytes) MAP_SHARED again, which must not hold anything, and may hold the
 * frozen bytes, or zeros, afterwards. The caller has made sure that nobody else maps the frozen file. Does nothing if
 * that fails, or if there would be too many parts: the kernel limits them (vm.max_map_count).
 */
void vmm_mapping_return(struct vmm_pool *pool, char *start, size_t bytes);

/* A child does not have the shadow. */
void vmm_mapping_forget_shadow(struct vmm_pool *pool);

/* Gives the shadow up: there is no way back, or none that needs it. */
void vmm_mapping_drop_shadow(struct vmm_pool *pool);

/* The pool has another file, its part of it from `start` on, which is mapped as the pool is. 0 or -errno. */
int vmm_mapping_add(struct vmm_pool *pool, size_t start);

/* What lies at `size` and above is no part of the pool any more. */
void vmm_mapping_cut(struct vmm_pool *pool, size_t size);

/* Bytes of the heap that are mapped privately. */
size_t vmm_mapping_private_bytes(const struct vmm_pool *pool);

#endif
