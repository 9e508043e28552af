/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * self_test -- pool_dir_self_test: plays the life of a pool in a directory, and looks whether the kernel tells it
 * as it must. Where it does not, a heap in use would be taken for a free one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/base/clock.h"
#include "vmmallocd/base/resource.h"
#include "vmmallocd/files/internal.h"

#define EVENT_TIMEOUT_MS 1000

static int watch_closing(const struct pool_dir *dir)
{
	char path[64];

	CLEANUP(cleanup_fd) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0)
		return -errno;
	/* the very directory that is open, whatever its path names by now */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", dir->fd);
	if (inotify_add_watch(fd, path, IN_CLOSE_WRITE) < 0)
		return -errno;
	return steal_fd(&fd);
}

/* Whether an event for `name` has come, or comes in time. Others are passed over: the directory may be in use. */
static bool event_comes(int inotify, const char *name, int timeout_ms)
{
	const int64_t deadline_ms = clock_steady_ms() + timeout_ms;
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	for (;;) {
		ssize_t n = read(inotify, buffer, sizeof(buffer));
		const struct inotify_event *event;

		for (char *p = buffer; n > 0 && p < buffer + n; p += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)p;
			if (event->len && strcmp(event->name, name) == 0)
				return true;
		}
		if (n > 0)
			continue;

		struct pollfd ready = { .fd = inotify, .events = POLLIN };
		int64_t left_ms = deadline_ms - clock_steady_ms();
		if (left_ms <= 0 || (poll(&ready, 1, (int)left_ms) < 0 && errno != EINTR))
			return false;
	}
}

/* A pool's file, and how it is heard of. */
struct trial {
	struct pool_dir *dir;
	const struct pool_file *file;
	const char *name;
	int inotify;
	const char *what;    /* what is tried, or what is wrong */
};

/* Maps the file as a client does, and closes it. */
static int map_page(struct trial *trial, char **ret_page)
{
	char *page;

	trial->what = "open";
	CLEANUP(cleanup_fd) int fd = pool_file_open(trial->dir, trial->file);
	if (fd < 0)
		return fd;
	trial->dir->dax = pool_file_is_dax(fd);
	trial->what = "mmap";
	page = mmap(NULL, trial->dir->grain, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	*ret_page = page;
	return 0;
}

/* A file that is mapped is in use. */
static int expect_in_use(struct trial *trial)
{
	int r = pool_file_probe(trial->dir, trial->file);

	if (r == 0) {
		trial->what = "a file that is mapped is granted a write lease: its pools in use could not be told from "
			      "free ones";
		return -EOPNOTSUPP;
	}
	if (r != -EAGAIN) {
		trial->what = "write lease";
		return r;
	}
	trial->what = "IN_CLOSE_WRITE comes while the file is still mapped";
	return event_comes(trial->inotify, trial->name, 0) ? -EOPNOTSUPP : 0;
}

/* A file that nobody maps any more is free, and that is heard of. */
static int expect_free(struct trial *trial)
{
	trial->what = "IN_CLOSE_WRITE does not come once the file is unmapped";
	if (!event_comes(trial->inotify, trial->name, EVENT_TIMEOUT_MS))
		return -EOPNOTSUPP;
	trial->what = "no write lease is granted once the file is unmapped";
	return pool_file_probe(trial->dir, trial->file);
}

static int play_life(struct trial *trial)
{
	char *page = NULL;
	int r = map_page(trial, &page);

	if (r < 0)
		return r;
	r = expect_in_use(trial);
	(void)munmap(page, trial->dir->grain);
	return r < 0 ? r : expect_free(trial);
}

static int try_file(struct pool_dir *dir, const struct pool_file *file, struct text *error)
{
	char name[POOL_FILE_NAME_BYTES];
	struct trial trial = { .dir = dir, .file = file, .name = name };
	int r;

	pool_file_name_format(file, name);
	CLEANUP(cleanup_fd) int inotify = watch_closing(dir);
	if (inotify < 0) {
		text_add(error, "pool directory %s: inotify: %s", dir->path,
			 resource_reason(RESOURCE_INOTIFY, inotify).text);
		return inotify;
	}
	trial.inotify = inotify;
	r = play_life(&trial);
	return r < 0 ? pool_file_fail(error, dir, NULL, trial.what, r) : 0;
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
