/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * self_test -- pool_dir_self_test: plays the life of a pool in a directory, and looks whether the kernel tells it
 * as it must.
 */
#include "common/util/cleanup.h"
#include "common/util/lease_trial.h"
#include "vmmallocd/base/resource.h"
#include "vmmallocd/files/internal.h"

struct self_test {
	struct pool_dir *dir;
	const struct pool_file *file;
};

/* As for a client. What is found of the file on the way is true of all in the directory. */
static int open_for_client(void *context)
{
	struct self_test *test = context;
	int fd = pool_file_open(test->dir, test->file);

	if (fd >= 0)
		test->dir->dax = pool_file_is_dax(fd);
	return fd;
}

static int probe_file(void *context)
{
	const struct self_test *test = context;

	return pool_file_probe(test->dir, test->file);
}

static int try_file(struct pool_dir *dir, const struct pool_file *file, struct text *error)
{
	char name[POOL_FILE_NAME_BYTES];
	struct self_test test = { .dir = dir, .file = file };
	struct lease_trial trial = { .context = &test, .open = open_for_client, .probe = probe_file, .name = name,
				     .bytes = dir->grain };
	const char *what;
	int r;

	pool_file_name_format(file, name);
	CLEANUP(cleanup_fd) int inotify = lease_trial_watch(dir->fd);
	if (inotify < 0) {
		text_add(error, "pool directory %s: inotify: %s", dir->path,
			 resource_reason(RESOURCE_INOTIFY, inotify).text);
		return inotify;
	}
	trial.inotify = inotify;
	r = lease_trial_run(&trial, &what);
	return r < 0 ? pool_file_fail(error, dir, NULL, what, r) : 0;
}

int pool_dir_self_test(struct pool_dir *dir, struct text *error)
{
	struct pool_file file;
	int r, destroyed;

	r = pool_file_create(dir, "self-test", dir->grain, NULL, &file, error);
	if (r < 0)
		return r;
	r = try_file(dir, &file, error);
	destroyed = pool_file_destroy(dir, &file);
	if (r < 0)
		return r;
	return destroyed < 0 ? pool_file_fail(error, dir, &file, "unlink", destroyed) : 0;
}
