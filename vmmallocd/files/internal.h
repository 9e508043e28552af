/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * internal -- what the files of this folder share behind pool_file.h and pool_dir.h. They include it, and so do the
 * tests of what it declares. Nobody else does.
 *
 * Calls go down only:
 *
 *     self_test
 *     create  scrub
 *     fill  warm  pins  pool_dir
 *     pool_file  header  layout  pool_dir_lock
 *     base  mapping  pool_dir_access           these call nobody here
 */
#ifndef VMMALLOCD_FILES_INTERNAL_H
#define VMMALLOCD_FILES_INTERNAL_H

#include <dirent.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmmallocd/files/pool_file.h"

#define POOL_FILE_MODE 0600

/* The kernel's page: 4, 16 or 64 KiB. */
static inline size_t pool_file_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Whether POOL_HUGE_PAGE is the size of the kernel's huge page. Those of larger pages have 32 and 512 MiB. */
static inline bool pool_file_has_huge_pages(void)
{
	return pool_file_page() == POOL_PAGE_LEAST;
}

static inline off_t pool_file_round_up(off_t offset, size_t unit)
{
	return (offset + (off_t)unit - 1) / (off_t)unit * (off_t)unit;
}

static inline bool pool_file_cancelled(const atomic_bool *cancel)
{
	return cancel && atomic_load_explicit(cancel, memory_order_relaxed);
}

/* --- base.c --- */

/* Whether a file is regular, has one link and our mode, and belongs to us: nobody else can open or rename it. */
bool pool_file_is_ours(const struct stat *st);

/*
 * Opens the file without following a link or waiting for anybody's lease, and makes sure that it is this one: else
 * -ESTALE. A descriptor or -errno; -EAGAIN: somebody holds a lease.
 */
int pool_file_open_as(const struct pool_dir *dir, const struct pool_file *file, int flags, struct stat *ret_st);

/* Looks at the file by its name. -ENOENT; -ESTALE: the name is another file by now; -errno. */
int pool_file_stat(const struct pool_dir *dir, const struct pool_file *file, struct stat *ret_st);

bool pool_file_is_dax(int fd);

/* "PATH/NAME: what: reason" in `error`, without the name where `file` is NULL. Returns r. */
int pool_file_fail(struct text *error, const struct pool_dir *dir, const struct pool_file *file, const char *what,
		   int r);

/* A stream of the directory's entries, from the first on, for the caller to close. 0 or -errno. */
int pool_dir_read(const struct pool_dir *dir, DIR **ret_entries);

/* --- mapping.c --- */

/* A shared mapping of a part of a file, on an address that lets it have huge pages. All zero: none. */
struct pool_file_mapping {
	char *room;       /* the addresses taken, with slack */
	size_t span;
	char *base;       /* the mapping itself */
};

int pool_file_map(int fd, uint64_t offset, uint64_t bytes, struct pool_file_mapping *ret_mapping);
/* For CLEANUP as well. */
void pool_file_unmap(struct pool_file_mapping *mapping);

/*
 * Pages are brought in piece by piece. A thread that does it has the lock of all that this process maps (the kernel's
 * mmap_lock), also while it waits for a processor, far behind the others. The thread that answers clients waits for
 * that lock when it maps something, as a thread's stack: for a huge page in small ones on DAX that took seconds.
 */
#define POOL_FILE_PIECE ((uint64_t)64 << 10)

/* By that advice of madvise(2), from *done on, which says how far it came. 0; -errno: it may be called again. */
int pool_file_bring_in(char *address, uint64_t bytes, int advice, uint64_t *done);

/* Brings the pages in, for writing. -ENOSPC: the file system has none for a place, though it was reserved; -errno. */
int pool_file_populate(char *address, uint64_t bytes);

/*
 * Makes one huge page of a huge page's worth of a tmpfs, mapped at such an address. 0: it is one, perhaps was before;
 * -EAGAIN: one of its pages is busy, or held by somebody; -EOPNOTSUPP: the kernel's huge pages are larger; -errno.
 */
int pool_file_collapse(char *address);

/* --- fill.c --- */

/* Rounds up to whole grains. -EFBIG if there can be no such file. */
int pool_file_round(const struct pool_dir *dir, uint64_t size_bytes, uint64_t *ret_bytes);

/*
 * Gives an empty file its size, its header and its space, in this order: the sooner it has a header, the smaller is
 * the chance that a crash leaves a file that nobody knows. The file is synced. On failure *ret_what says at what.
 */
int pool_file_fill(const struct pool_dir *dir, int fd, const struct pool_file *file, const char *class_name,
		   const atomic_bool *cancel, const char **ret_what);

/*
 * Gives an empty file its size and its header, and space for no more than that begins with. Not synced. -ENOSPC also
 * where there is some space, but not enough for the smallest heap.
 */
int pool_file_fill_cold(const struct pool_dir *dir, int fd, const struct pool_file *file, const char *class_name,
			const char **ret_what);

/* --- header.c --- */

/* As pool_header_decode, or -errno. */
int pool_file_header_read(int fd, struct pool_header *ret_header);
/* `reserved_bytes` of the file are reserved, or will be before it has a name. */
int pool_file_header_write(const struct pool_dir *dir, int fd, const struct pool_file *file, const char *class_name,
			   uint64_t reserved_bytes);

/* --- layout.c --- */

/* False: parts of the file cannot have 2 MiB pages, on a device that begins at a multiple of 2 MiB. */
bool pool_file_lies_well(int fd, uint64_t size_bytes);

/* --- pool_dir_access.c --- */

/* Whether an open directory can have pools: 0, or -errno with one line in `error`. */
int pool_dir_access(const char *path, int fd, const struct stat *st, struct text *error);
/* The line for one that cannot be opened, with `r`. Returns r. */
int pool_dir_explain(const char *path, int r, struct text *error);

#endif
