/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_dir -- a directory that pool files lie in: whether it can be trusted with them, whose it is, what is in it.
 *
 * All functions block, and may be called from any thread. No libuv, no logging, no state. 0 or -errno, with the reason
 * in `error` where there is one.
 */
#ifndef VMMALLOCD_FILES_POOL_DIR_H
#define VMMALLOCD_FILES_POOL_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/base/pool_header.h"
#include "common/base/text.h"
#include "vmmallocd/plan/pool_file_name.h"

#define POOL_DIR_LOCK_FILE ".vmmallocd.lock"
#define POOL_DIR_LOCK_NAME_BYTES 40    /* with its end, and its NUL */

/* An open directory of pools. Read-only once opened but for its lock, so threads may share it. */
struct pool_dir {
	int fd;                        /* O_DIRECTORY */
	int lock_fd;                   /* of a file `lock_name` while it is locked, else -1 */
	char lock_name[POOL_DIR_LOCK_NAME_BYTES];
	char *path;
	dev_t dev;
	ino_t ino;
	size_t grain;                  /* the kernel's page, or the huge page of a hugetlbfs */
	bool dax;                      /* files here are STATX_ATTR_DAX: not known before pool_dir_self_test */
	bool tmpfs, hugetlbfs;
	bool mounted;                  /* what is above it is another file system: one is mounted here */
};

/* The directory must exist, and be writable by nobody but its owner (root or the daemon) unless it is sticky. */
int pool_dir_open(const char *path, struct pool_dir *ret_dir, struct text *error);
/* The same, and a tmpfs must be mounted there: `options` are those for mount(8), to be told. -ENODEV: there is none. */
int pool_dir_open_tmpfs(const char *path, const char *options, struct pool_dir *ret_dir, struct text *error);
bool pool_dir_is_mounted_tmpfs(const struct pool_dir *dir);
/* Says so. */
void pool_dir_say_no_tmpfs(const char *path, const char *options, struct text *error);
void pool_dir_close(struct pool_dir *dir);

/*
 * Makes the directory this daemon's until it is closed. -EBUSY: another daemon of the same user has it, or this one by
 * another path. A directory that is locked may be locked anew; if that fails, the old lock is still held.
 */
int pool_dir_lock(struct pool_dir *dir, struct text *error);
/* Whether others would find the lock: somebody may have removed its file, or put his own in its place. */
bool pool_dir_is_locked(const struct pool_dir *dir);

/*
 * Whether leases and inotify keep here what reclaim relies on: a file that is mapped, and whose descriptor is closed,
 * must refuse a write lease; once unmapped it must grant one, and IN_CLOSE_WRITE must come. overlayfs fails. Leaves
 * nothing behind. Takes milliseconds, at most a second.
 */
int pool_dir_self_test(struct pool_dir *dir, struct text *error);

/*
 * Calls `visit` for each file whose name, type, owner, mode and link count are ours. `header` is NULL if the file does
 * not begin with a pool header, as far as that can be known without waiting for whoever has it. Returns 0, -errno, or
 * the first non-zero value that `visit` returns.
 */
int pool_dir_scan(const struct pool_dir *dir,
		  int (*visit)(void *context, const struct pool_file *file, const struct pool_header *header),
		  void *context);

#endif
