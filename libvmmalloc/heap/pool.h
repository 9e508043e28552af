/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool -- one file, or several side by side, mapped: made, measured, reserved piece by piece.
 *
 * A file has no name (O_TMPFILE, or unlinked at once where the file system knows no O_TMPFILE), so its space is
 * gone with the last process that maps it, however that ends.
 *
 * Its descriptor is kept only to reserve space. A program may close it, or open something else under its number:
 * every use checks first that it is still our file, and there is a way without it.
 */
#ifndef LIBVMMALLOC_HEAP_POOL_H
#define LIBVMMALLOC_HEAP_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/pool_header.h"
#include "common/base/text.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/collapse.h"
#include "libvmmalloc/heap/pool_file.h"

#define POOL_FILES_MOST 1024

/* How the heap is mapped: mapping.h. All zero: wholly to the file. */
struct vmm_mapping {
	bool is_private;             /* all of it but `shared` */
	bool in_parts;               /* `shared` says which pages are not */
	bool is_closed;              /* some of it that is not in use may be inaccessible */
	bool locks;                  /* new mappings are locked, when that was last asked: remap.h */
	uint64_t *shared;            /* bits.h, a bit a page; NULL until it is needed */
	char *shadow;                /* while it is private: the shared mapping, set aside; or NULL */
	size_t shadow_bytes;         /* of the heap, from its start on: as much as was frozen */
	size_t shared_pages, parts;  /* how many, and in how many pieces at the most */
};

struct vmm_pool {
	char *base;                  /* whole units, 2 MiB at the least; inaccessible pages are around `room` */
	size_t size;                 /* of all files and their mappings, whole grains */
	size_t room;                 /* bytes of addresses, from base on: what the pool may grow to */
	size_t most;                 /* the largest size that it has had: there are tables for so much (table.h) */
	size_t grain;                /* the file system's page: the kernel's, or a huge page on hugetlbfs */
	bool is_huge;                /* on hugetlbfs, which has no write(2) and where a private page may be SIGBUS */
	size_t unit;                 /* what may be reserved apart from its neighbours: see vmm_space_reserve */
	struct pool_header *header;  /* the first file's, which has the figures of all */
	bool is_late;                /* the file system takes space for what is touched when it writes that back */
	struct vmm_pool_file first;
	struct vmm_pool_file *more;  /* files that the pool has grown by; room for POOL_FILES_MOST; NULL: it cannot */
	size_t files;                /* how many there are in all */
	struct vmm_mapping mapping;
	struct vmm_collapse collapse;
};

/*
 * Makes a pool of `bytes` bytes, rounded up to whole grains, in the directory `dir`, maps it and writes its header.
 * Only the header's grain is reserved, or all of it if `reserve_all`.
 *
 * Returns 0, or -errno with the reason in `error`, and then leaves nothing behind.
 */
int vmm_pool_create(const char *dir, size_t bytes, bool reserve_all, struct vmm_pool *ret_pool, struct text *error);

/*
 * Maps the daemon's pool `fd`, with the daemon's header, and makes it this process's own. All of it is reserved, or no
 * more than the header's grain if it `is_cold`. The descriptor is taken over, also on failure. 0, or -errno with the
 * reason in `error`.
 */
int vmm_pool_adopt(int fd, bool is_cold, struct vmm_pool *ret_pool, struct text *error);

/* Writes to the file, which is reserved there. The caller knows that the descriptor is the pool's. 0 or -errno. */
int vmm_pool_write(const struct vmm_pool *pool, size_t offset, const char *data, size_t bytes);

/*
 * The pool, which has one file and no room yet, is to get others, on the file system of `fd`: a file or a directory. It
 * keeps to the needs of both from now on. 0 or -errno; -EXDEV: one of them has huge pages, and the other has not.
 */
int vmm_pool_fit(struct vmm_pool *pool, int fd);

/*
 * Moves a new pool of one file to where there are addresses for `room` bytes, so that it can grow. 0, or -errno and
 * nothing has changed.
 */
int vmm_pool_make_room(struct vmm_pool *pool, size_t room);

/*
 * Puts another file behind the pool, mapped as the heap is, with nothing reserved: a new one in `dir` for `bytes` bytes
 * more, or the daemon's `fd`, which is taken over, also on failure. What a file begins with, its header and as much as
 * makes huge pages and units lie in the pool as they lie in the file, is no part of the pool. 0 or -errno.
 */
int vmm_pool_grow(struct vmm_pool *pool, const char *dir, size_t bytes);
int vmm_pool_grow_adopt(struct vmm_pool *pool, int fd, bool is_cold);

/* Drops the last file, behind the first. Nobody has anything in it. */
void vmm_pool_shrink(struct vmm_pool *pool);

/* Undoes vmm_pool_create. */
void vmm_pool_drop(struct vmm_pool *pool);

/*
 * Puts `pool`, mapped elsewhere, in the place of `old`, which must be of the same size: its pages are then where the
 * other's were, whose mapping and descriptor are gone. For a process with one thread. 0 or -errno.
 */
int vmm_pool_replace(struct vmm_pool *old, struct vmm_pool *pool);

/* Whether those of all files are. */
bool vmm_pool_has_fd(const struct vmm_pool *pool);

/* Forgets the files, and closes their descriptors if those are ours to close. The mappings are the caller's. */
void vmm_pool_leave_files(struct vmm_pool *pool, bool closes);

static inline struct vmm_pool_file *vmm_pool_file(const struct vmm_pool *pool, size_t i)
{
	return i == 0 ? (struct vmm_pool_file *)&pool->first : &pool->more[i - 1];
}

/* What one page table of the kernel spans: 2 MiB with pages of 4 KiB, 32 MiB with 16 KiB, 512 MiB with 64 KiB. */
static inline size_t vmm_pool_table_bytes(void)
{
	return kernel_page() / sizeof(uint64_t) * kernel_page();
}

/* The heap: all behind the header's grain. */
static inline char *vmm_pool_heap_start(const struct vmm_pool *pool)
{
	return pool->base + pool->grain;
}

static inline size_t vmm_pool_heap_bytes(const struct vmm_pool *pool)
{
	return pool->size - pool->grain;
}

/* While the heap is private: where the file's byte of that address is, and those behind it; NULL if nowhere. */
static inline char *vmm_pool_frozen(const struct vmm_pool *pool, const char *address)
{
	const struct vmm_mapping *mapping = &pool->mapping;
	size_t offset = (size_t)(address - vmm_pool_heap_start(pool));

	return mapping->shadow && offset < mapping->shadow_bytes ? mapping->shadow + offset : NULL;
}

/* Whether the byte at `address` lies in the pool, or may do so when it has grown. */
static inline bool vmm_pool_contains(const struct vmm_pool *pool, const void *address)
{
	return (size_t)((const char *)address - pool->base) < pool->room;
}

#endif
