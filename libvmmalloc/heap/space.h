/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * space -- the part of pool.c that asks the file systems for a pool's space, and gives it back.
 *
 * The caller locks. Allocates nothing; async-signal-safe.
 */
#ifndef LIBVMMALLOC_HEAP_SPACE_H
#define LIBVMMALLOC_HEAP_SPACE_H

#include "libvmmalloc/heap/pool.h"

/*
 * Has the file system allocate [offset, offset + bytes), both whole grains, so that touching it can never fail.
 *
 * The end of what is reserved must be a whole unit, or the end of the file: a file system with a page cache of large
 * folios (ext4, XFS, btrfs) asks for blocks for all of a folio when one page of it is first written, and a folio that
 * reached past the reserved space would then be SIGBUS on a full disk. Folios are aligned, and 2 MiB at most where
 * pages have 4 KiB (MAX_PAGECACHE_ORDER in the kernel's include/linux/pagemap.h).
 *
 * Returns 0, or -errno (-ENOSPC: the file system is full) and then gives back what it got.
 */
int vmm_space_reserve(struct vmm_pool *pool, size_t offset, size_t bytes);

/*
 * Likewise, for as much as a file system may not have: it is asked first, as a tmpfs that is as large as memory would
 * take all of it before it says so.
 */
int vmm_space_reserve_if_there(struct vmm_pool *pool, size_t offset, size_t bytes);

/* All of the file, whose header has space already, and the header says so. 0 or -errno. */
int vmm_space_reserve_all(struct vmm_pool *pool);

/* Whether the file system of what lies at `offset` says that it has no room for so many bytes more. No guarantee. */
bool vmm_space_lacks(const struct vmm_pool *pool, size_t offset, size_t bytes);

/* Gives [offset, offset + bytes) back to the file system; it reads as zero from then on. 0 or -errno. */
int vmm_space_release(struct vmm_pool *pool, size_t offset, size_t bytes);

/* Whether the limit of file size (RLIMIT_FSIZE) is below that: writing past it brings a signal, not an error. */
bool vmm_space_exceeds_file_limit(size_t bytes);

/* What a file that is to be put behind the pool begins with, whose header is mapped: as much as pool.c skips. */
int vmm_space_reserve_head(const struct vmm_pool *pool, const struct vmm_pool_file *file);

#endif
