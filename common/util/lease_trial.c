/* SPDX-License-Identifier: BSD-3-Clause */
/* lease_trial -- see lease_trial.h. */
#include "common/util/lease_trial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/steady_clock.h"

#define EVENT_TIMEOUT_MS 1000

int lease_trial_watch(int fd)
{
	char path[64];

	CLEANUP(cleanup_fd) int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (inotify < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (inotify_add_watch(inotify, path, IN_CLOSE_WRITE) < 0)
		return -errno;
	return steal_fd(&inotify);
}

int lease_trial_probe(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		return -errno;
	return fcntl(fd, F_SETLEASE, F_UNLCK) < 0 ? -errno : 0;
}

static bool is_about(const struct inotify_event *event, const char *name)
{
	return name ? event->len && strcmp(event->name, name) == 0 : (event->mask & IN_CLOSE_WRITE) != 0;
}

/* Whether an event for the file has come, or comes in time. Others are passed over: the directory may be in use. */
static bool event_comes(const struct lease_trial *trial, int timeout_ms)
{
	const int64_t deadline_ms = steady_clock_ms() + timeout_ms;
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	for (;;) {
		ssize_t n = read(trial->inotify, buffer, sizeof(buffer));
		const struct inotify_event *event;

		for (char *p = buffer; n > 0 && p < buffer + n; p += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)p;
			if (is_about(event, trial->name))
				return true;
		}
		if (n > 0)
			continue;

		struct pollfd ready = { .fd = trial->inotify, .events = POLLIN };
		int64_t left_ms = deadline_ms - steady_clock_ms();
		if (left_ms <= 0 || (poll(&ready, 1, (int)left_ms) < 0 && errno != EINTR))
			return false;
	}
}

/* Maps the file as a client does, and closes it. */
static int map_page(const struct lease_trial *trial, const char **ret_what, char **ret_page)
{
	char *page;

	*ret_what = "open";
	CLEANUP(cleanup_fd) int fd = trial->open(trial->context);
	if (fd < 0)
		return fd;
	*ret_what = "mmap";
	page = mmap(NULL, trial->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	*ret_page = page;
	return 0;
}

/* A file that is mapped is in use. */
static int expect_in_use(const struct lease_trial *trial, const char **ret_what)
{
	int r = trial->probe(trial->context);

	if (r == 0) {
		*ret_what = "a file that is mapped is granted a write lease: its pools in use could not be told from "
			    "free ones";
		return -EOPNOTSUPP;
	}
	if (r != -EAGAIN) {
		*ret_what = "write lease";
		return r;
	}
	*ret_what = "IN_CLOSE_WRITE comes while the file is still mapped";
	return event_comes(trial, 0) ? -EOPNOTSUPP : 0;
}

/* A file that nobody maps any more is free, and that is heard of. */
static int expect_free(const struct lease_trial *trial, const char **ret_what)
{
	*ret_what = "IN_CLOSE_WRITE does not come once the file is unmapped";
	if (!event_comes(trial, EVENT_TIMEOUT_MS))
		return -EOPNOTSUPP;
	*ret_what = "no write lease is granted once the file is unmapped";
	return trial->probe(trial->context);
}

int lease_trial_run(const struct lease_trial *trial, const char **ret_what)
{
	char *page = NULL;
	int r = map_page(trial, ret_what, &page);

	if (r < 0)
		return r;
	r = expect_in_use(trial, ret_what);
	(void)munmap(page, trial->bytes);
	return r < 0 ? r : expect_free(trial, ret_what);
}
