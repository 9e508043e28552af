/* SPDX-License-Identifier: BSD-3-Clause */
/* base -- what the files of this folder stand on: is a file the one that is meant, and how is a failure said. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/files/internal.h"

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

/* Whether it is that file, whatever its mode and owner are. */
static bool pool_file_is_same(const struct stat *st, const struct pool_file *file)
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
	if (!pool_file_is_same(&st, file))
		return -ESTALE;
	*ret_st = st;
	return steal_fd(&fd);
}

int pool_file_stat(const struct pool_dir *dir, const struct pool_file *file, struct stat *ret_st)
{
	char name[POOL_FILE_NAME_BYTES];
	struct stat st;

	pool_file_name_format(file, name);
	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!pool_file_is_same(&st, file))
		return -ESTALE;
	*ret_st = st;
	return 0;
}

bool pool_file_is_dax(int fd)
{
	struct statx sx;

	return statx(fd, "", AT_EMPTY_PATH, 0, &sx) == 0 && (sx.stx_attributes_mask & STATX_ATTR_DAX) &&
	       (sx.stx_attributes & STATX_ATTR_DAX);
}

int pool_dir_read(const struct pool_dir *dir, DIR **ret_entries)
{
	/* a descriptor of its own: the place in the directory belongs to the open file */
	CLEANUP(cleanup_fd) int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);

	if (!entries)
		return -errno;
	(void)steal_fd(&fd);
	*ret_entries = entries;
	return 0;
}
