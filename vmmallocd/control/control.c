/* SPDX-License-Identifier: BSD-3-Clause */
/* control -- see control.h: who may connect, whose turn it is, and which connection was silent for too long. */
#include "vmmallocd/control/control.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <uv.h>

#include "common/util/cleanup.h"
#include "vmmallocd/base/listener.h"
#include "vmmallocd/base/peer.h"
#include "vmmallocd/base/rights.h"
#include "vmmallocd/control/connection.h"
#include "vmmallocd/control/methods.h"

#define TICK_MS 1000
#define LOOK_MS 20             /* between looks at connections that wait for work */
#define ACCEPTED_AT_ONCE 16
#define DESCRIPTORS_PART 8     /* of them, at most, are for strangers here */

struct control {
	struct control_backend backend;
	struct listener listener;
	uv_idle_t turns;      /* active while a connection wants a turn: one in each turn of the loop */
	uv_timer_t look;      /* active while a connection waits for work */
	uv_timer_t tick;      /* active while there are connections */
	uv_prepare_t news;    /* active while there are subscriptions: looks in each turn whether there are events */
	uint64_t heard;       /* the number of the last of them */
	struct control_connections connections;   /* the one that waits longest for a turn is the first */
	size_t most;          /* connections of all users but root and the daemon's own */
	size_t handles;       /* not closed yet; the listener and each connection count as one */
	bool closing;
};

static struct control_connection *first(const struct control *control)
{
	return TAILQ_FIRST(&control->connections);
}

static struct control_connection *after(const struct control_connection *connection)
{
	return TAILQ_NEXT(connection, link);
}

static void on_control_turn(uv_idle_t *idle)
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

static void on_connection_wants_turn(void *context)
{
	struct control *control = context;

	(void)uv_idle_start(&control->turns, on_control_turn);  /* fails only without a callback */
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

/* A container's root does not use up what is root's. */
static bool is_of(const struct control_connection *connection, struct control_peer peer)
{
	return connection->peer.uid == peer.uid && connection->peer.is_trusted == peer.is_trusted;
}

static void tell_subscribers(struct control *control)
{
	bool more = false;

	control->heard = events_last(control->backend.events);
	for (struct control_connection *connection = first(control); connection; connection = after(connection)) {
		if (!control_connection_follows(connection))
			continue;
		more = true;
		control_connection_hear(connection);
	}
	if (!more)
		uv_prepare_stop(&control->news);
}

static void on_news(uv_prepare_t *prepare)
{
	struct control *control = prepare->data;

	if (events_last(control->backend.events) != control->heard)
		tell_subscribers(control);
}

static bool may_follow(void *context, const struct control_connection *asking)
{
	struct control *control = context;
	size_t own = 0;

	for (const struct control_connection *connection = first(control); connection; connection = after(connection))
		own += connection != asking && is_of(connection, asking->peer) &&
		       control_connection_follows(connection) && !listener_peer_has_gone(connection->fd);
	if (own >= CONTROL_SUBSCRIBERS_PER_UID)
		return false;
	(void)uv_prepare_start(&control->news, on_news);
	return true;
}

static void on_connection_waits(void *context)
{
	struct control *control = context;

	if (!uv_is_active((uv_handle_t *)&control->look))
		(void)uv_timer_start(&control->look, on_look, LOOK_MS, LOOK_MS);
}

static void on_connection_gone(void *context, struct control_connection *connection)
{
	struct control *control = context;

	TAILQ_REMOVE(&control->connections, connection, link);
}

/* Of the control's own handles, the listener and the connections. */
static void on_part_freed(void *context)
{
	struct control *control = context;

	if (--control->handles == 0 && control->closing)
		free(control);
}

static const struct control_connection_events connection_events = {
	.wants_turn = on_connection_wants_turn,
	.waits = on_connection_waits,
	.may_follow = may_follow,
	.closed = on_connection_gone,
	.freed = on_part_freed,
};

static void on_control_tick(uv_timer_t *timer)
{
	struct control *control = timer->data;
	uint64_t now_ms = uv_now(timer->loop);

	for (struct control_connection *connection = first(control), *next; connection; connection = next) {
		next = after(connection);
		if (control_connection_follows(connection) ? listener_peer_has_gone(connection->fd) :
							     now_ms - connection->active_ms >= CONTROL_IDLE_MS)
			control_connection_close(connection);
	}
	if (TAILQ_EMPTY(&control->connections))
		uv_timer_stop(timer);
}

/* Closes the connection that was silent longest, of those that have to make room. False: there is none. */
static bool drop_silent(const struct control *control)
{
	struct control_connection *silent = NULL;

	for (struct control_connection *connection = first(control); connection; connection = after(connection))
		if (!connection->peer.is_trusted &&
		    (!silent || connection->active_ms < silent->active_ms))
			silent = connection;
	if (silent)
		control_connection_close(silent);
	return silent;
}

/*
 * Root and the daemon's own user are let in however many others there are: they may have come to see why. Where the
 * others are too many, the new one is served, and the one that was silent longest is closed: to have many users gains
 * nothing.
 */
static bool may_connect(const struct control *control, struct control_peer peer)
{
	size_t own = 0, others = 0;

	for (const struct control_connection *connection = first(control); connection; connection = after(connection)) {
		own += is_of(connection, peer);
		others += !connection->peer.is_trusted;
	}
	if (own >= CONTROL_CONNECTIONS_PER_UID)
		return false;
	return peer.is_trusted || others < control->most || drop_silent(control);
}

static void on_control_accepted(void *context, int fd)
{
	struct control *control = context;
	bool refuses_rights = control->listener.refuses_rights;
	struct ucred credentials = { .pid = 0 };
	socklen_t length = sizeof(credentials);
	int r = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length);
	const struct control_peer peer = { credentials.uid, r == 0 && peer_is_trusted(fd, &credentials) };
	struct control_connection *connection;

	if (r < 0 || !may_connect(control, peer) ||
	    control_connection_open(control->tick.loop, fd, peer, refuses_rights, &control->backend,
				    &connection_events, control, &connection) < 0) {
		rights_close(fd, refuses_rights);
		return;
	}
	TAILQ_INSERT_TAIL(&control->connections, connection, link);
	control->handles++;
	if (!uv_is_active((uv_handle_t *)&control->tick))
		(void)uv_timer_start(&control->tick, on_control_tick, TICK_MS, TICK_MS);
}

static bool on_control_ran_out(void *context, int error)
{
	struct control *control = context;

	control->backend.ran_out(control->backend.context, error);
	return drop_silent(control);
}

static const struct listener_events control_listener_events = {
	.accepts_in_a_turn = ACCEPTED_AT_ONCE,
	.accepted = on_control_accepted,
	.ran_out = on_control_ran_out,
	.closed = on_part_freed,
};

static void on_control_closed(uv_handle_t *handle)
{
	on_part_freed(handle->data);
}

int control_open(uv_loop_t *loop, int listening_fd, const struct control_backend *backend,
		 struct control **ret_control)
{
	CLEANUP(cleanup_free) struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return -ENOMEM;
	r = listener_open(&control->listener, loop, listening_fd, &control_listener_events, control);
	if (r < 0)
		return r;
	control->backend = *backend;
	control->most = listener_connections(CONTROL_CONNECTIONS, DESCRIPTORS_PART);
	control->handles = 5;
	TAILQ_INIT(&control->connections);
	uv_idle_init(loop, &control->turns);
	uv_timer_init(loop, &control->look);
	uv_timer_init(loop, &control->tick);
	uv_prepare_init(loop, &control->news);
	control->turns.data = control->look.data = control->tick.data = control->news.data = control;
	*ret_control = steal_pointer(&control);
	return 0;
}

void control_listen_on(struct control *control, int fd)
{
	int r = listener_replace(&control->listener, fd);

	if (r < 0)
		control->backend.ran_out(control->backend.context, -r);
}

void control_close(struct control *control)
{
	control->closing = true;
	while (!TAILQ_EMPTY(&control->connections))
		control_connection_close(first(control));
	listener_close(&control->listener);
	uv_close((uv_handle_t *)&control->turns, on_control_closed);
	uv_close((uv_handle_t *)&control->look, on_control_closed);
	uv_close((uv_handle_t *)&control->tick, on_control_closed);
	uv_close((uv_handle_t *)&control->news, on_control_closed);
}
