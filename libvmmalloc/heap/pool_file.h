/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_file -- one of the files that a pool is made of: its descriptor and its header.
 *
 * Allocates nothing; async-signal-safe.
 */
#ifndef LIBVMMALLOC_HEAP_POOL_FILE_H
#define LIBVMMALLOC_HEAP_POOL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/pool_header.h"

struct vmm_pool;

/* Its part of the pool is [start, end), offsets in the pool. */
struct vmm_pool_file {
	size_t start, end;
	size_t skip;                 /* where that part begins in the file */
	size_t tier;                 /* tiers.h */
	uintptr_t fresh, fresh_end;  /* [fresh, fresh_end) was never handed out; the last file has heap->fresh */
	bool is_kept;                /* all of it is reserved, and stays so */
	bool is_tmpfs;
	struct pool_header *header;  /* at the file's beginning, alone in its grain */
	int fd;
	dev_t dev;                   /* with ino: tells our descriptor from another under its number */
	ino_t ino;
};

/* Makes one without a name in the directory. The descriptor, or -errno. */
int vmm_pool_file_open(const char *dir);

/* Of a file that is `is_ours`, or was the daemon's, who wrote into it which pool it is. */
void vmm_pool_file_write_header(struct pool_header *header, bool is_ours, size_t pool_bytes, size_t heap_offset,
				size_t reserved_bytes);

/* Moves a descriptor to a high number: programs close, reuse and count on the small ones. Returns the new one. */
int vmm_pool_file_fd_out_of_the_way(int fd);

/* Whether the descriptor still is the file's: the program may have closed it, or reused its number. */
bool vmm_pool_file_has_fd(const struct vmm_pool_file *file);

/* The file that has the byte at `offset`. Of the *bytes from there on, *bytes are in it. */
struct vmm_pool_file *vmm_pool_file_at(const struct vmm_pool *pool, size_t offset, size_t *bytes);

/* Where the pool's byte at `offset`, which the file has, lies in it. */
static inline off_t vmm_pool_file_offset(const struct vmm_pool_file *file, size_t offset)
{
	return (off_t)(offset - file->start + file->skip);
}

#endif
