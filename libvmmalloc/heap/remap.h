/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * remap -- puts one mapping of a file in the place of another, under any limits.
 *
 * A plain fork takes nothing that limits count. Ours needs a mapping besides the one that it replaces. So there are
 * ways that need less, for processes near RLIMIT_AS, RLIMIT_MEMLOCK or vm.max_map_count.
 *
 * Allocates nothing; async-signal-safe.
 */
#ifndef LIBVMMALLOC_HEAP_REMAP_H
#define LIBVMMALLOC_HEAP_REMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* remap.c's own. Guarded by the heap's lock. */
struct vmm_remap {
	char *spare;  /* what vmm_remap_keep_spare mapped; or NULL */
};

extern struct vmm_remap vmm_remap;

/*
 * Whether the kernel locks new mappings in memory: mlockall(2) with MCL_FUTURE. It then touches all of their pages,
 * which for a private mapping means to copy them, and counts them against RLIMIT_MEMLOCK.
 */
bool vmm_remap_locks(void);

/*
 * Maps [offset, offset + bytes) of the file MAP_PRIVATE with `protection` over [at, at + bytes), in one step for all
 * threads. `locks` is what vmm_remap_locks said; the mapping is not locked even then. 0; or -errno, and nothing has
 * changed.
 */
int vmm_remap_private(char *at, size_t bytes, int protection, int fd, off_t offset, bool locks);

/*
 * Maps it MAP_SHARED for reading and writing, where nothing is in use, or where the file holds the same. With `locks`
 * it is not locked either, but that takes several steps. 0 or -errno.
 */
int vmm_remap_shared(char *at, size_t bytes, int fd, off_t offset, bool locks);

/* Whether the kernel counts memory that may never be touched (vm.overcommit_memory). */
bool vmm_remap_commits_strictly(void);

/* Maps as much ordinary memory, not locked. NULL: there is none. */
void *vmm_remap_memory(size_t bytes);

/* Moves a mapping over another of the same size. 0 or -errno. */
int vmm_remap_move(void *from, size_t bytes, void *to);

/*
 * Makes some mappings only to give them up later. A process that has as many as vm.max_map_count allows can then map
 * something in the place of something else, which the kernel refuses otherwise.
 */
void vmm_remap_keep_spare(void);

#endif
