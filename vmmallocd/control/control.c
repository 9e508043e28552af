/* SPDX-License-Identifier: BSD-3-Clause */
/* control -- see control.h: who may connect, whose turn it is, and who was silent for too long. */
#include "vmmallocd/control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "vmmallocd/control/connection.h"
#include "vmmallocd/control/methods.h"
#include "vmmallocd/base/rights.h"

#define TICK_MS 1000
#define LOOK_MS 20             /* between looks at connections that wait for work */
#define ACCEPTED_AT_ONCE 16

struct control {
	struct control_backend backend;
	int fd;
	bool refuses_rights;  /* rights.h */
	uv_poll_t listener;
	uv_idle_t turns;      /* active while a connection wants a turn: one in each turn of the loop */
	uv_timer_t look;      /* active while a connection waits for work */
	uv_timer_t tick;      /* active while there are connections, or accepting waits for descriptors */
	struct control_connections connections;   /* who waits longest for a turn first */
	size_t most;          /* connections of all users but root and the daemon's own */
	size_t handles;       /* not closed yet */
	bool closing;
};

static void on_listener(uv_poll_t *poll, int status, int events);

static struct control_connection *first(const struct control *control)
{
	return TAILQ_FIRST(&control->connections);
}

static struct control_connection *after(const struct control_connection *connection)
{
	return TAILQ_NEXT(connection, link);
}

static void on_turn(uv_idle_t *idle)
{
	struct control *control = idle->data;
	struct control_connection *connection = first(control);

	while (connection && !connection->wants_turn)
		connection = after(connection);
	if (!connection) {
		uv_idle_stop(idle);
		return;
	}
	TAILQ_REMOVE(&control->connections, connection, link);
	TAILQ_INSERT_TAIL(&control->connections, connection, link);
	control_connection_turn(connection);
}

void control_wants_turn(struct control *control)
{
	(void)uv_idle_start(&control->turns, on_turn);  /* fails only without a callback */
}

static void on_look(uv_timer_t *timer)
{
	struct control *control = timer->data;
	bool more = false;

	for (struct control_connection *connection = first(control), *next; connection; connection = next) {
		next = after(connection);
		if (!connection->waits)
			continue;
		more = true;
		control_connection_look(connection);
	}
	if (!more)
		uv_timer_stop(timer);
}

void control_waits(struct control *control)
{
	if (!uv_is_active((uv_handle_t *)&control->look))
		(void)uv_timer_start(&control->look, on_look, LOOK_MS, LOOK_MS);
}

void control_forget(struct control *control, struct control_connection *connection)
{
	TAILQ_REMOVE(&control->connections, connection, link);
}

void control_freed(struct control *control)
{
	if (--control->handles == 0 && control->closing)
		free(control);
}

static void on_tick(uv_timer_t *timer)
{
	struct control *control = timer->data;
	uint64_t now_ms = uv_now(timer->loop);

	for (struct control_connection *connection = first(control), *next; connection; connection = next) {
		next = after(connection);
		if (now_ms - connection->active_ms >= CONTROL_IDLE_MS)
			control_connection_close(connection);
	}
	if (!uv_is_active((uv_handle_t *)&control->listener))
		(void)uv_poll_start(&control->listener, UV_READABLE, on_listener);
	if (TAILQ_EMPTY(&control->connections))
		uv_timer_stop(timer);
}

static void tick(struct control *control)
{
	if (!uv_is_active((uv_handle_t *)&control->tick))
		(void)uv_timer_start(&control->tick, on_tick, TICK_MS, TICK_MS);
}

static size_t connections_most(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 8 >= CONTROL_CONNECTIONS)
		return CONTROL_CONNECTIONS;
	return limit.rlim_cur / 8;
}

/* Who was silent for longest, of those that have to make room: false: nobody has. */
static bool drop_silent(const struct control *control)
{
	struct control_connection *silent = NULL;

	for (struct control_connection *connection = first(control); connection; connection = after(connection))
		if (!control_methods_is_trusted(connection->uid) &&
		    (!silent || connection->active_ms < silent->active_ms))
			silent = connection;
	if (silent)
		control_connection_close(silent);
	return silent;
}

/*
 * Root and the daemon's own user are let in however many others there are: they may have come to see why. Of the
 * others, who comes is served and who was silent for longest goes: it costs nothing to have many users.
 */
static bool may_connect(const struct control *control, uid_t uid)
{
	size_t own = 0, others = 0;

	for (const struct control_connection *connection = first(control); connection; connection = after(connection)) {
		own += connection->uid == uid;
		others += !control_methods_is_trusted(connection->uid);
	}
	if (own >= CONTROL_CONNECTIONS_PER_UID)
		return false;
	return control_methods_is_trusted(uid) || others < control->most || drop_silent(control);
}

static void close_socket(const struct control *control, int fd)
{
	struct rights rights;

	rights_begin(&rights, control->refuses_rights);
	close(fd);
	rights_end(&rights);
}

static void serve(struct control *control, int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);
	struct control_connection *connection;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 || !may_connect(control, peer.uid) ||
	    control_connection_open(control->listener.loop, fd, peer.uid, control->refuses_rights, &control->backend,
				    control, &connection) < 0) {
		close_socket(control, fd);
		return;
	}
	TAILQ_INSERT_TAIL(&control->connections, connection, link);
	control->handles++;
	tick(control);
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
	struct control *control = poll->data;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTED_AT_ONCE; i++) {
		int fd = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			serve(control, fd);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			control->backend.ran_out(control->backend.context, errno);
			if (drop_silent(control))
				continue;
			/* the client stays in the queue, and must not make the loop spin */
			uv_poll_stop(poll);
			return tick(control);
		}
	}
}

static void on_closed(uv_handle_t *handle)
{
	struct control *control = handle->data;

	if (handle == (uv_handle_t *)&control->listener)
		close_socket(control, control->fd);
	control_freed(control);
}

int control_open(uv_loop_t *loop, int listening_fd, const struct control_backend *backend,
		 struct control **ret_control)
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return -ENOMEM;
	r = uv_poll_init(loop, &control->listener, listening_fd);
	if (r < 0) {
		free(control);
		return r;
	}
	control->backend = *backend;
	control->fd = listening_fd;
	control->most = connections_most();
	control->refuses_rights = rights_refuse(listening_fd);
	control->handles = 4;
	TAILQ_INIT(&control->connections);
	uv_idle_init(loop, &control->turns);
	uv_timer_init(loop, &control->look);
	uv_timer_init(loop, &control->tick);
	control->listener.data = control->turns.data = control->look.data = control->tick.data = control;
	(void)uv_poll_start(&control->listener, UV_READABLE, on_listener);
	*ret_control = control;
	return 0;
}

void control_listen_on(struct control *control, int fd)
{
	/* who is in the queue of the old one is served; libuv knows the number, which stays */
	on_listener(&control->listener, 0, UV_READABLE);
	(void)uv_poll_stop(&control->listener);
	if (dup3(fd, control->fd, O_CLOEXEC) < 0)
		control->backend.ran_out(control->backend.context, errno);
	close(fd);
	control->refuses_rights = rights_refuse(control->fd);
	(void)uv_poll_start(&control->listener, UV_READABLE, on_listener);
}

void control_close(struct control *control)
{
	control->closing = true;
	while (!TAILQ_EMPTY(&control->connections))
		control_connection_close(first(control));
	uv_close((uv_handle_t *)&control->listener, on_closed);
	uv_close((uv_handle_t *)&control->turns, on_closed);
	uv_close((uv_handle_t *)&control->look, on_closed);
	uv_close((uv_handle_t *)&control->tick, on_closed);
}
