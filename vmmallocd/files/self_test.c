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
#include <time.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/files/internal.h"
#include "vmmallocd/base/resource.h"

#define EVENT_TIMEOUT_MS 1000

static const char not_watched[] = "inotify";

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static int watch(const struct pool_dir *dir)
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
	const int64_t deadline = now_ms() + timeout_ms;
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
		int64_t left = deadline - now_ms();
		if (left <= 0 || (poll(&ready, 1, (int)left) < 0 && errno != EINTR))
			return false;
	}
}

/* 0 or -errno, and then what is wrong. */
static int play(struct pool_dir *dir, const struct pool_file *file, const char **ret_what)
{
	char name[POOL_FILE_NAME_BYTES];
	char *page;
	int r;

	pool_file_name_format(file, name);
	*ret_what = not_watched;
	CLEANUP(cleanup_fd) int inotify = watch(dir);
	if (inotify < 0)
		return inotify;
	*ret_what = "open";
	CLEANUP(cleanup_fd) int fd = pool_file_open(dir, file);
	if (fd < 0)
		return fd;
	dir->dax = pool_file_is_dax(fd);
	*ret_what = "mmap";
	page = mmap(NULL, dir->grain, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	(void)close(steal_fd(&fd));

	r = pool_file_probe(dir, file);
	*ret_what = "a file that is mapped is granted a write lease: its pools in use could not be told from free ones";
	if (r == 0)
		r = -EOPNOTSUPP;
	else if (r != -EAGAIN)
		*ret_what = "write lease";
	if (r == -EAGAIN && event_comes(inotify, name, 0)) {
		*ret_what = "IN_CLOSE_WRITE comes while the file is still mapped";
		r = -EOPNOTSUPP;
	}
	(void)munmap(page, dir->grain);
	if (r != -EAGAIN)
		return r;

	*ret_what = "IN_CLOSE_WRITE does not come once the file is unmapped";
	if (!event_comes(inotify, name, EVENT_TIMEOUT_MS))
		return -EOPNOTSUPP;
	*ret_what = "no write lease is granted once the file is unmapped";
	return pool_file_probe(dir, file);
}

int pool_dir_self_test(struct pool_dir *dir, struct text *error)
{
	struct pool_file file;
	const char *what;
	int r, destroyed;

	r = pool_file_create(dir, "self-test", dir->grain, NULL, &file, error);
	if (r < 0)
		return r;
	r = play(dir, &file, &what);
	destroyed = pool_file_destroy(dir, &file);
	if (r < 0 && what == not_watched) {
		text_add(error, "pool directory %s: %s: %s", dir->path, what,
			 resource_reason(RESOURCE_INOTIFY, r).text);
		return r;
	}
	if (r < 0)
		return pool_file_fail(error, dir, NULL, what, r);
	return destroyed < 0 ? pool_file_fail(error, dir, &file, "unlink", destroyed) : 0;
}
