/* SPDX-License-Identifier: BSD-3-Clause */
/* watch -- see watch.h. libuv's own uv_fs_event_t does not ask for IN_CLOSE_WRITE. */
#include "vmmallocd/pools/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/util/cleanup.h"

#define READS_IN_A_TURN 8    /* then others in the loop have theirs */

struct watch {
	uv_loop_t *loop;
	uv_poll_t poll;
	int fd;    /* of inotify; -1: none was needed so far */
	const struct watch_events *events;
	void *context;
};

void watch_parse(const char *buffer, size_t bytes, const struct watch_events *events, void *context)
{
	struct inotify_event event;

	for (size_t at = 0; bytes - at >= sizeof(event); at += sizeof(event) + event.len) {
		uint8_t id[POOL_FILE_ID_BYTES];
		enum pool_file_mark mark;

		memcpy(&event, buffer + at, sizeof(event));
		if (event.len > bytes - at - sizeof(event))
			return;
		if (event.mask & IN_Q_OVERFLOW)
			events->overflow(context);
		else if (event.mask & (IN_DELETE_SELF | IN_UNMOUNT))
			events->directory_gone(context, event.wd);
		else if (event.mask & IN_CLOSE_WRITE && event.len > 0 &&
			 pool_file_name_parse(buffer + at + sizeof(event), id, &mark))
			events->closed(context, event.wd, id);
	}
}

static void read_events(uv_poll_t *poll, int status, int what)
{
	char buffer[16384];
	struct watch *watch = poll->data;

	(void)status;
	(void)what;
	for (int i = 0; i < READS_IN_A_TURN; i++) {
		ssize_t n = read(watch->fd, buffer, sizeof(buffer));

		if (n <= 0)
			return;
		watch_parse(buffer, (size_t)n, watch->events, watch->context);
	}
}

void watch_hear(struct watch *watch)
{
	if (watch && watch->fd >= 0)
		read_events(&watch->poll, 0, UV_READABLE);
}

int watch_open(uv_loop_t *loop, const struct watch_events *events, void *context, struct watch **ret_watch)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->loop = loop;
	watch->events = events;
	watch->context = context;
	watch->fd = -1;
	*ret_watch = watch;
	return 0;
}

static int take_instance(struct watch *watch)
{
	CLEANUP(cleanup_fd) int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	int r = fd < 0 ? -errno : uv_poll_init(watch->loop, &watch->poll, fd);

	if (r < 0)
		return r;
	watch->poll.data = watch;
	(void)uv_poll_start(&watch->poll, UV_READABLE, read_events);
	watch->fd = steal_fd(&fd);
	return 0;
}

static void free_watch(uv_handle_t *handle)
{
	free(handle->data);
}

void watch_close(struct watch *watch)
{
	if (!watch)
		return;
	if (watch->fd < 0) {
		free(watch);
		return;
	}
	uv_close((uv_handle_t *)&watch->poll, free_watch);
	close(watch->fd);
}

int watch_add(struct watch *watch, int dir_fd, int *ret_watch)
{
	char path[64];
	int number, r;

	if (!watch)
		return -ECANCELED;
	r = watch->fd < 0 ? take_instance(watch) : 0;
	if (r < 0)
		return r;
	/* the directory that was opened, whatever its path names by now */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir_fd);
	number = inotify_add_watch(watch->fd, path, IN_CLOSE_WRITE | IN_DELETE_SELF | IN_ONLYDIR);
	if (number < 0)
		return -errno;
	*ret_watch = number;
	return 0;
}

void watch_remove(struct watch *watch, int number)
{
	if (watch)
		(void)inotify_rm_watch(watch->fd, number);
}
