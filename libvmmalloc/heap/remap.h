/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * remap -- a mapping of a file in the place of another, whatever limits there are.
 *
 * A fork costs a process nothing that limits count; ours needs a mapping besides the one that it replaces. So there are
 * ways that need less, for those who are near RLIMIT_AS, RLIMIT_MEMLOCK or vm.max_map_count.
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
 * threads. With `locks`, what vmm_remap_locks says: locked neither. 0; or -errno: nothing has changed.
 */
int vmm_remap_private(char *at, size_t bytes, int protection, int fd, off_t offset, bool locks);

/*
 * Maps it MAP_SHARED for reading and writing, where nothing is in use, or where the file holds the same. With `locks`:
 * not locked, but in several steps. 0 or -errno.
 */
int vmm_remap_shared(char *at, size_t bytes, int fd, off_t offset, bool locks);

/* As much ordinary memory, not locked; NULL: there is none. */
void *vmm_remap_memory(size_t bytes);

/* Moves a mapping over another of the same size. 0 or -errno. */
int vmm_remap_move(void *from, size_t bytes, void *to);

/*
 * Some mappings that are of no use but to be given up: one who has as many as vm.max_map_count allows can then map
 * something in the place of something else, which the kernel refuses otherwise.
 */
void vmm_remap_keep_spare(void);

/* Gives them up. False: there were none. */
bool vmm_remap_use_spare(void);

#endif
