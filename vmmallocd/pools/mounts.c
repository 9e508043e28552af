/* SPDX-License-Identifier: BSD-3-Clause */
/* mounts -- see mounts.h. Changes of the kernel's list of mounts are polled for as urgent data (proc(5)). */
#include "vmmallocd/pools/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/util/cleanup.h"

struct mounts {
	uv_poll_t poll;
	uv_timer_t timer;
	int fd;
	unsigned open_handles;
	void (*changed)(void *context);
	void *context;
};

static void on_mounts_pause_over(uv_timer_t *timer)
{
	struct mounts *mounts = timer->data;

	mounts->changed(mounts->context);
}

static void on_mount_table(uv_poll_t *poll, int status, int what)
{
	struct mounts *mounts = poll->data;

	(void)status;
	(void)what;
	if (!uv_is_active((uv_handle_t *)&mounts->timer))
		(void)uv_timer_start(&mounts->timer, on_mounts_pause_over, MOUNTS_PAUSE_MS, 0);
}

int mounts_open(uv_loop_t *loop, void (*changed)(void *context), void *context, struct mounts **ret_mounts)
{
	CLEANUP(cleanup_fd) int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	CLEANUP(cleanup_free) struct mounts *mounts = calloc(1, sizeof(*mounts));
	if (!mounts)
		return -ENOMEM;
	r = uv_poll_init(loop, &mounts->poll, fd);
	if (r < 0)
		return r;
	mounts->fd = steal_fd(&fd);
	mounts->changed = changed;
	mounts->context = context;
	(void)uv_timer_init(loop, &mounts->timer);
	mounts->poll.data = mounts->timer.data = mounts;
	mounts->open_handles = 2;
	(void)uv_poll_start(&mounts->poll, UV_PRIORITIZED, on_mount_table);
	*ret_mounts = steal_pointer(&mounts);
	return 0;
}

static void on_mounts_handle_closed(uv_handle_t *handle)
{
	struct mounts *mounts = handle->data;

	if (--mounts->open_handles == 0)
		free(mounts);
}

void mounts_close(struct mounts *mounts)
{
	if (!mounts)
		return;
	uv_close((uv_handle_t *)&mounts->poll, on_mounts_handle_closed);
	uv_close((uv_handle_t *)&mounts->timer, on_mounts_handle_closed);
	close(mounts->fd);
}
