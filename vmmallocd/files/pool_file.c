/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_file -- what is done to a pool file by its name: open, probe, rename, remove. See pool_file.h.
 *
 * Whatever a client does to the file that it was given, it cannot change what is under the name: so each of these
 * looks whether the name still is the file that it was, and refuses (-ESTALE) when it is not.
 */
#include "vmmallocd/files/pool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/files/internal.h"

#define DESTROY_TIMEOUT_MS 1000

int pool_file_fail(struct text *error, const struct pool_dir *dir, const struct pool_file *file, const char *what,
		   int r)
{
	char name[POOL_FILE_NAME_BYTES];

	if (file)
		pool_file_name_format(file, name);
	text_add(error, "%s%s%s: %s: %s", dir->path, file ? "/" : "", file ? name : "", what, strerrordesc_np(-r));
	return r;
}

bool pool_file_is_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) && (st->st_mode & 07777) == POOL_FILE_MODE && st->st_nlink == 1 &&
	       st->st_uid == geteuid();
}

static bool is_this(const struct stat *st, const struct pool_file *file)
{
	return S_ISREG(st->st_mode) && st->st_dev == file->dev && st->st_ino == file->ino;
}

int pool_file_open_as(const struct pool_dir *dir, const struct pool_file *file, int flags, struct stat *ret_st)
{
	char name[POOL_FILE_NAME_BYTES];
	struct stat st;

	pool_file_name_format(file, name);
	CLEANUP(cleanup_fd) int fd = openat(dir->fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ELOOP ? -ESTALE : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!is_this(&st, file))
		return -ESTALE;
	*ret_st = st;
	return steal_fd(&fd);
}

int pool_file_open(const struct pool_dir *dir, const struct pool_file *file)
{
	struct stat st;

	CLEANUP(cleanup_fd) int fd = pool_file_open_as(dir, file, O_RDWR, &st);
	if (fd < 0)
		return fd;
	if (!pool_file_is_ours(&st))
		return -EPERM;
	/* O_NONBLOCK was for the open */
	if (fcntl(fd, F_SETFL, 0) < 0)
		return -errno;
	return steal_fd(&fd);
}

int pool_file_probe_fd(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		return -errno;
	return fcntl(fd, F_SETLEASE, F_UNLCK) < 0 ? -errno : 0;
}

int pool_file_probe(const struct pool_dir *dir, const struct pool_file *file)
{
	struct stat st;

	/* read-only: closing a descriptor for writing would be an IN_CLOSE_WRITE, and call for the next probe */
	CLEANUP(cleanup_fd) int fd = pool_file_open_as(dir, file, O_RDONLY, &st);
	if (fd < 0)
		return fd;
	return pool_file_probe_fd(fd);
}

bool pool_file_is_dax(int fd)
{
	struct statx sx;

	return statx(fd, "", AT_EMPTY_PATH, 0, &sx) == 0 && (sx.stx_attributes_mask & STATX_ATTR_DAX) &&
	       (sx.stx_attributes & STATX_ATTR_DAX);
}

/* 0; -ENOENT; -ESTALE */
static int check_name(const struct pool_dir *dir, const struct pool_file *file, const char *name)
{
	struct stat st;

	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return is_this(&st, file) ? 0 : -ESTALE;
}

int pool_file_check(const struct pool_dir *dir, const struct pool_file *file)
{
	char name[POOL_FILE_NAME_BYTES];
	struct stat st;

	pool_file_name_format(file, name);
	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!is_this(&st, file))
		return -ESTALE;
	return pool_file_is_ours(&st) && (uint64_t)st.st_size == file->size_bytes ? 0 : -EPERM;
}

int pool_file_set_mark(const struct pool_dir *dir, struct pool_file *file, enum pool_file_mark mark)
{
	char from[POOL_FILE_NAME_BYTES], to[POOL_FILE_NAME_BYTES];
	struct pool_file renamed = *file;
	int r;

	if (file->mark == mark)
		return 0;
	renamed.mark = mark;
	pool_file_name_format(file, from);
	pool_file_name_format(&renamed, to);
	r = check_name(dir, file, from);
	if (r < 0)
		return r;
	/* not synced: a disk's latency has no place in a hand-out, and after a crash nobody asks for the mark */
	if (renameat2(dir->fd, from, dir->fd, to, RENAME_NOREPLACE) < 0)
		return -errno;
	*file = renamed;
	return 0;
}

/*
 * On DAX a page may still be pinned by whom had the pool. Freed by unlink, its block would go to another file while
 * the pin still reaches it.
 */
static int empty_dax(const struct pool_dir *dir, const struct pool_file *file)
{
	struct stat st;
	int r;

	CLEANUP(cleanup_fd) int fd = pool_file_open_as(dir, file, O_RDWR, &st);
	if (fd < 0)
		return fd;
	if (!pool_file_is_dax(fd))
		return 0;
	r = pool_file_probe_fd(fd);
	return r < 0 ? r : pool_file_empty(fd, DESTROY_TIMEOUT_MS, NULL);
}

int pool_file_destroy(const struct pool_dir *dir, const struct pool_file *file)
{
	char name[POOL_FILE_NAME_BYTES];
	int r;

	pool_file_name_format(file, name);
	r = check_name(dir, file, name);
	if (r == 0 && dir->dax && (file->mark == POOL_FILE_USED || file->mark == POOL_FILE_BAD))
		r = empty_dax(dir, file);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return unlinkat(dir->fd, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
}
