/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * create -- new pool files.
 *
 * A file gets its name only when it is whole: until then it is nameless (O_TMPFILE), and goes with the daemon should
 * that be killed. So every file that has a name of ours has a header, and none of them needs a guess.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/files/internal.h"

/*
 * Attributes that only an empty file can be given. btrfs writes elsewhere what is written a second time, and then
 * needs new space on a disk that may be full; XFS aligns extents only when told to. Where they are refused the pool is
 * a worse one, and still a pool.
 */
static void set_attributes(int fd)
{
	struct fsxattr attributes = { 0 };
	struct statfs fs;
	int flags = 0;

	if (fstatfs(fd, &fs) < 0)
		return;
	if (fs.f_type == BTRFS_SUPER_MAGIC && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
		flags |= FS_NOCOW_FL;
		(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
	if (fs.f_type == XFS_SUPER_MAGIC && ioctl(fd, FS_IOC_FSGETXATTR, &attributes) == 0) {
		attributes.fsx_xflags |= FS_XFLAG_EXTSIZE;
		attributes.fsx_extsize = POOL_HUGE_PAGE;
		(void)ioctl(fd, FS_IOC_FSSETXATTR, &attributes);
	}
}

static int give_name(const struct pool_dir *dir, int fd, const struct pool_file *file)
{
	char path[64], name[POOL_FILE_NAME_BYTES];

	pool_file_name_format(file, name);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, dir->fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* Gives a nameless file its name, for good. */
static int give_name_for_good(const struct pool_dir *dir, int fd, const struct pool_file *file)
{
	char name[POOL_FILE_NAME_BYTES];
	int r = give_name(dir, fd, file);

	if (r < 0 || fsync(dir->fd) == 0)
		return r;
	r = -errno;
	pool_file_name_format(file, name);
	(void)unlinkat(dir->fd, name, 0);
	return r;
}

/* A nameless file that will be a pool: *ret_file says which. A descriptor or -errno. */
static int open_new(const struct pool_dir *dir, uint64_t size_bytes, struct pool_file *ret_file, struct text *error)
{
	struct pool_file file = { .mark = POOL_FILE_NEW };
	uint64_t nonce;
	struct stat st;
	int r;

	r = pool_file_round(dir, size_bytes, &file.size_bytes);
	if (r < 0)
		return pool_file_fail(error, dir, NULL, "size of a pool", r);

	CLEANUP(cleanup_fd) int fd = openat(dir->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, POOL_FILE_MODE);
	if (fd < 0)
		return pool_file_fail(error, dir, NULL, "new file", -errno);
	/* whatever the umask is */
	if (fchmod(fd, POOL_FILE_MODE) < 0)
		return pool_file_fail(error, dir, NULL, "mode of a new file", -errno);
	if (fstat(fd, &st) < 0)
		return pool_file_fail(error, dir, NULL, "stat", -errno);
	file.dev = st.st_dev;
	file.ino = st.st_ino;
	if (getrandom(&nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
		return pool_file_fail(error, dir, NULL, "random id", -errno);
	pool_file_id_make(nonce, st.st_ino, file.id);
	set_attributes(fd);
	*ret_file = file;
	return steal_fd(&fd);
}

int pool_file_create(const struct pool_dir *dir, const char *class_name, uint64_t size_bytes, const atomic_bool *cancel,
		     struct pool_file *ret_file, struct text *error)
{
	struct pool_file file;
	const char *what;
	int r;

	CLEANUP(cleanup_fd) int fd = open_new(dir, size_bytes, &file, error);
	if (fd < 0)
		return fd;
	r = pool_file_fill(dir, fd, &file, class_name, cancel, &what);
	if (r < 0)
		return pool_file_fail(error, dir, NULL, what, r);
	r = give_name_for_good(dir, fd, &file);
	if (r < 0)
		return pool_file_fail(error, dir, &file, "name", r);
	*ret_file = file;
	return 0;
}

int pool_file_create_cold(const struct pool_dir *dir, const char *class_name, uint64_t size_bytes,
			  struct pool_file *ret_file, struct text *error)
{
	struct pool_file file;
	const char *what;
	int r;

	CLEANUP(cleanup_fd) int fd = open_new(dir, size_bytes, &file, error);
	if (fd < 0)
		return fd;
	r = pool_file_fill_cold(dir, fd, &file, class_name, &what);
	if (r < 0)
		return pool_file_fail(error, dir, NULL, what, r);
	r = give_name(dir, fd, &file);
	if (r < 0)
		return pool_file_fail(error, dir, &file, "name", r);
	*ret_file = file;
	return 0;
}
