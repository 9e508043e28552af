/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_file -- what is done to a pool file by its name: open, probe, check, rename. See pool_file.h.
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
#include "common/util/lease_trial.h"
#include "vmmallocd/files/internal.h"

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

int pool_file_probe(const struct pool_dir *dir, const struct pool_file *file)
{
	struct stat st;

	/* read-only: closing a descriptor for writing would be an IN_CLOSE_WRITE, and call for the next probe */
	CLEANUP(cleanup_fd) int fd = pool_file_open_as(dir, file, O_RDONLY, &st);
	if (fd < 0)
		return fd;
	return lease_trial_probe(fd);
}

int pool_file_check(const struct pool_dir *dir, const struct pool_file *file)
{
	struct stat st;
	int r = pool_file_stat(dir, file, &st);

	if (r < 0)
		return r;
	return pool_file_is_ours(&st) && (uint64_t)st.st_size == file->size_bytes ? 0 : -EPERM;
}

int pool_file_set_mark(const struct pool_dir *dir, struct pool_file *file, enum pool_file_mark mark)
{
	char from[POOL_FILE_NAME_BYTES], to[POOL_FILE_NAME_BYTES];
	struct pool_file renamed = *file;
	struct stat st;
	int r;

	if (file->mark == mark)
		return 0;
	renamed.mark = mark;
	pool_file_name_format(file, from);
	pool_file_name_format(&renamed, to);
	r = pool_file_stat(dir, file, &st);
	if (r < 0)
		return r;
	/* not synced: a disk's latency has no place in a hand-out, and after a crash nobody asks for the mark */
	if (renameat2(dir->fd, from, dir->fd, to, RENAME_NOREPLACE) < 0)
		return -errno;
	*file = renamed;
	return 0;
}
