/* SPDX-License-Identifier: BSD-3-Clause */
/* listener -- see listener.h. libuv does not know SOCK_SEQPACKET: the socket is polled, and accept4 is called here. */
#include "vmmallocd/base/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmmallocd/base/rights.h"

static void on_connection(uv_poll_t *poll, int status, int events);

static void on_listener_pause_over(uv_timer_t *timer)
{
	struct listener *listener = timer->data;

	(void)uv_poll_start(&listener->poll, UV_READABLE, on_connection);
}

static void begin_pause(struct listener *listener)
{
	(void)uv_poll_stop(&listener->poll);
	(void)uv_timer_start(&listener->pause, on_listener_pause_over, LISTENER_PAUSE_MS, 0);
}

static bool is_paused(const struct listener *listener)
{
	return uv_is_active((const uv_handle_t *)&listener->pause);
}

static void accept_connections(struct listener *listener)
{
	const struct listener_events *events = listener->events;

	for (unsigned i = 0; i < events->accepts_in_a_turn; i++) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			events->accepted(listener->context, fd);
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR && errno != ECONNABORTED && !events->ran_out(listener->context, errno))
			return begin_pause(listener);
	}
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	accept_connections(poll->data);
}

int listener_open(struct listener *listener, uv_loop_t *loop, int fd, const struct listener_events *events,
		  void *context)
{
	int r = uv_poll_init(loop, &listener->poll, fd);

	if (r < 0)
		return r;
	(void)uv_timer_init(loop, &listener->pause);
	listener->poll.data = listener->pause.data = listener;
	listener->fd = fd;
	listener->refuses_rights = rights_refuse(fd);
	listener->events = events;
	listener->context = context;
	listener->handles = 2;
	(void)uv_poll_start(&listener->poll, UV_READABLE, on_connection);
	return 0;
}

int listener_replace(struct listener *listener, int fd)
{
	int r = 0;

	if (!is_paused(listener))
		accept_connections(listener);
	/* libuv knows the number, which stays */
	(void)uv_poll_stop(&listener->poll);
	if (dup3(fd, listener->fd, O_CLOEXEC) < 0)
		r = -errno;
	close(fd);
	listener->refuses_rights = rights_refuse(listener->fd);
	if (!is_paused(listener))
		(void)uv_poll_start(&listener->poll, UV_READABLE, on_connection);
	return r;
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct listener *listener = handle->data;

	if (--listener->handles == 0)
		listener->events->closed(listener->context);
}

void listener_close(struct listener *listener)
{
	uv_close((uv_handle_t *)&listener->poll, on_listener_closed);
	uv_close((uv_handle_t *)&listener->pause, on_listener_closed);
	rights_close(listener->fd, listener->refuses_rights);
}

bool listener_peer_has_gone(int fd)
{
	struct pollfd poll_fd = { .fd = fd };

	return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLHUP | POLLERR));
}

size_t listener_connections(size_t most, unsigned part)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / part >= most)
		return most;
	return limit.rlim_cur / part;
}
