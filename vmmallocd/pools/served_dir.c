/* SPDX-License-Identifier: BSD-3-Clause */
/* served_dir -- see served_dir.h. */
#include "vmmallocd/pools/served_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/util/cleanup.h"

struct served_dir *served_dirs_find(const struct served_dirs *directories, const char *path)
{
	struct served_dir *directory = directories->first;

	while (directory && strcmp(directory->path, path) != 0)
		directory = directory->next;
	return directory;
}

struct served_dir *served_dirs_by_watch(const struct served_dirs *directories, int watch)
{
	struct served_dir *directory = directories->first;

	while (directory && !(served_dir_is_usable(directory) && directory->watch == watch))
		directory = directory->next;
	return directory;
}

struct served_dir *served_dirs_add(struct served_dirs *directories, const char *path)
{
	struct served_dir *directory = served_dirs_find(directories, path);

	if (directory)
		return directory;
	directory = calloc(1, sizeof(*directory) + strlen(path) + 1);
	if (!directory)
		return NULL;
	memcpy(directory->path, path, strlen(path) + 1);
	directory->next = directories->first;
	directories->first = directory;
	return directory;
}

bool served_dir_is_usable(const struct served_dir *directory)
{
	return directory->open && !directory->gone;
}

static int add_found(void *context, const struct pool_file *file, const struct pool_header *header)
{
	struct served_dir_scan *scan = context;

	if (scan->count == scan->size) {
		size_t size = scan->size ? scan->size * 2 : 64;
		struct served_dir_found *found = reallocarray(scan->found, size, sizeof(*found));

		if (!found)
			return -ENOMEM;
		scan->found = found;
		scan->size = size;
	}
	recover_read(file, header, header && pool_file_header_is_of_this_boot(header),
		     &scan->found[scan->count++].found);
	return 0;
}

/*
 * A full file system has no room for the self-test's file. But where pools lie the test was passed before they were
 * made, and their space may come back only if they are taken into service.
 */
static bool was_tested(struct served_dir_scan *scan)
{
	char name[POOL_FILE_NAME_BYTES];
	struct statx sx;

	if (scan->count == 0)
		return false;
	pool_file_name_format(&scan->found[0].found.file, name);
	if (statx(scan->dir.fd, name, AT_SYMLINK_NOFOLLOW, 0, &sx) != 0)
		return false;
	scan->dir.dax = sx.stx_attributes & STATX_ATTR_DAX;
	return true;
}

/* A system call or two for each file: for ten thousand of them too long for the loop. */
static void probe_all(struct served_dir_scan *scan)
{
	for (size_t i = 0; i < scan->count; i++) {
		struct served_dir_found *file = &scan->found[i];

		/* a pool that was never finished was never anybody's */
		file->probe =
			file->found.file.mark == POOL_FILE_NEW ? 0 : pool_file_probe(&scan->dir, &file->found.file);
	}
}

static int test_and_scan(struct served_dir_scan *scan, struct text *error)
{
	int tested = pool_dir_self_test(&scan->dir, error);
	int r;

	if (tested != 0 && tested != -ENOSPC && tested != -EDQUOT)
		return tested;
	/* after the test, whose own file must not be found */
	r = pool_dir_scan(&scan->dir, add_found, scan);
	if (r < 0)
		text_add(error, "pool directory %s: scan: %s", scan->directory->path, strerrordesc_np(-r));
	else if (tested != 0 && !was_tested(scan))
		r = tested;
	return r;
}

/* Kernels before 5.8 do not say, and then nothing is. */
static bool is_mount_root(const char *path)
{
	struct statx sx;

	return statx(AT_FDCWD, path, 0, 0, &sx) == 0 && (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static void open_and_scan(struct work *work)
{
	struct served_dir_scan *scan = work->data;
	struct text error = TEXT_INIT(scan->error);

	scan->mount_root = is_mount_root(scan->directory->path);
	if (scan->tmpfs[0])
		scan->result = pool_dir_open_tmpfs(scan->directory->path, scan->tmpfs, &scan->dir, &error);
	else
		scan->result = pool_dir_open(scan->directory->path, &scan->dir, &error);
	if (scan->result != 0)
		return;
	scan->result = pool_dir_lock(&scan->dir, &error);
	if (scan->result == 0)
		scan->result = test_and_scan(scan, &error);
	if (scan->result == 0)
		probe_all(scan);
	else
		pool_dir_close(&scan->dir);
}

static void scan_done(struct work *work)
{
	struct served_dir_scan *scan = work->data;

	scan->directory->opening = false;
	scan->done(scan->context, scan);
	free(scan->found);
	free(scan);
}

int served_dir_start_opening(struct served_dir *directory, uv_loop_t *loop,
			     void (*done)(void *context, struct served_dir_scan *scan), void *context)
{
	CLEANUP(cleanup_free) struct served_dir_scan *scan = calloc(1, sizeof(*scan));
	int r;

	if (!scan)
		return -ENOMEM;
	scan->directory = directory;
	memcpy(scan->tmpfs, directory->tmpfs, sizeof(scan->tmpfs));
	scan->done = done;
	scan->context = context;
	scan->work.data = scan;
	r = work_start(loop, &scan->work, open_and_scan, scan_done);
	if (r < 0)
		return r;
	directory->opening = true;
	(void)steal_pointer(&scan);
	return 0;
}

void served_dir_close(struct served_dir *directory)
{
	if (directory->open)
		pool_dir_close(&directory->dir);
	directory->open = directory->gone = false;
}

void served_dirs_done(struct served_dirs *directories)
{
	while (directories->first) {
		struct served_dir *directory = directories->first;

		directories->first = directory->next;
		served_dir_close(directory);
		free(directory);
	}
}
