/* SPDX-License-Identifier: BSD-3-Clause */
/* connection -- see connection.h. */
#include "vmmallocd/control/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/util/cleanup.h"
#include "vmmallocd/base/listener.h"
#include "vmmallocd/base/rights.h"
#include "vmmallocd/control/methods.h"

static void on_poll(uv_poll_t *poll, int status, int events);

static void on_connection_closed(uv_handle_t *handle)
{
	struct control_connection *connection = handle->data;
	const struct control_connection_events *events = connection->events;
	void *context = connection->context;

	varlink_splitter_done(&connection->splitter);
	control_reply_free(connection->reply);
	free(connection);
	events->freed(context);
}

void control_connection_close(struct control_connection *connection)
{
	if (uv_is_closing((uv_handle_t *)&connection->poll))
		return;
	connection->wants_turn = false;
	connection->events->closed(connection->context, connection);
	/* first the handle: its number may be another thread's file in an instant */
	uv_close((uv_handle_t *)&connection->poll, on_connection_closed);
	rights_close(connection->fd, connection->refuses_rights);
}

/* Decides what it waits for. */
static void settle_connection(struct control_connection *connection)
{
	int events = 0;

	if (uv_is_closing((uv_handle_t *)&connection->poll))
		return;
	connection->wants_turn = false;
	if (connection->waits) {
		(void)uv_poll_stop(&connection->poll);
		return connection->events->waits(connection->context);
	}
	if (connection->piece_bytes > 0)
		events = UV_WRITABLE;
	else if (control_connection_follows(connection) && !control_reply_has_news(connection->reply))
		events = connection->eof ? 0 : UV_DISCONNECT;
	else if (connection->reply || varlink_splitter_has_message(&connection->splitter))
		connection->wants_turn = true;
	else if (connection->eof)
		return control_connection_close(connection);
	else
		events = UV_READABLE;

	if (connection->wants_turn) {
		(void)uv_poll_stop(&connection->poll);
		connection->events->wants_turn(connection->context);
	} else if (events == 0) {
		(void)uv_poll_stop(&connection->poll);
	} else {
		(void)uv_poll_start(&connection->poll, events, on_poll);
	}
}

static void receive(struct control_connection *connection)
{
	struct rights rights;
	char *space;
	size_t bytes;
	ssize_t n;

	if (varlink_splitter_space(&connection->splitter, &space, &bytes) < 0)
		return control_connection_close(connection);
	rights_begin(&rights, connection->refuses_rights);
	n = recv(connection->fd, space, bytes, MSG_DONTWAIT);
	rights_end(&rights);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			control_connection_close(connection);
		return;
	}
	connection->eof = n == 0;
	varlink_splitter_filled(&connection->splitter, (size_t)n);
	if (n > 0)
		connection->active_ms = uv_now(connection->poll.loop);
}

static void send_piece(struct control_connection *connection)
{
	while (connection->piece_bytes > 0) {
		ssize_t n = send(connection->fd, connection->piece, connection->piece_bytes,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				control_connection_close(connection);
			return;
		}
		connection->piece += n;
		connection->piece_bytes -= (size_t)n;
		connection->active_ms = uv_now(connection->poll.loop);
	}
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct control_connection *connection = poll->data;

	if (status < 0 || (events & UV_DISCONNECT && listener_peer_has_gone(connection->fd)))
		return control_connection_close(connection);
	/* only that no call will come: a subscriber may still read */
	if (events & UV_DISCONNECT)
		connection->eof = true;
	if (events & UV_WRITABLE)
		send_piece(connection);
	if (events & UV_READABLE)
		receive(connection);
	settle_connection(connection);
}

static void refuse_subscription(struct control_connection *connection)
{
	control_reply_free(connection->reply);
	connection->reply = control_reply_new_error(VARLINK_TOO_MANY_SUBSCRIBERS,
						    json_pack("{s:s}", "message", "this user has as many subscriptions"
							      " to events as one may have: end one of them"));
}

/* False: the connection cannot go on. */
static bool take_call(struct control_connection *connection)
{
	char *message;
	size_t bytes;

	if (!varlink_splitter_next(&connection->splitter, &message, &bytes))
		return true;
	if (control_methods_call(connection->backend, connection->peer.is_trusted,
				 listener_peer_has_gone(connection->fd), message, bytes, &connection->reply) < 0)
		return false;
	if (control_connection_follows(connection) &&
	    !connection->events->may_follow(connection->context, connection))
		refuse_subscription(connection);
	connection->waits = connection->reply && control_reply_waits(connection->reply);
	if (connection->waits)
		connection->waits_until_ms =
			uv_now(connection->poll.loop) + control_reply_patience_ms(connection->reply);
	return true;
}

bool control_connection_follows(const struct control_connection *connection)
{
	return connection->reply && control_reply_follows(connection->reply);
}

void control_connection_hear(struct control_connection *connection)
{
	settle_connection(connection);
}

void control_connection_look(struct control_connection *connection)
{
	/* the work goes on, for all that */
	if (listener_peer_has_gone(connection->fd))
		return control_connection_close(connection);
	if (control_reply_waits(connection->reply) &&
	    uv_now(connection->poll.loop) < connection->waits_until_ms)
		return;
	connection->waits = false;
	settle_connection(connection);
}

void control_connection_turn(struct control_connection *connection)
{
	int r = 0;

	if (!connection->reply && !take_call(connection))
		return control_connection_close(connection);
	if (connection->waits)
		return settle_connection(connection);
	if (connection->reply)
		r = control_reply_next(connection->reply, &connection->piece, &connection->piece_bytes);
	if (r < 0)
		return control_connection_close(connection);
	if (r == 0) {
		control_reply_free(connection->reply);
		connection->reply = NULL;
	}
	send_piece(connection);
	settle_connection(connection);
}

int control_connection_open(uv_loop_t *loop, int fd, struct control_peer peer, bool refuses_rights,
			    const struct control_backend *backend, const struct control_connection_events *events,
			    void *context, struct control_connection **ret_connection)
{
	CLEANUP(cleanup_free) struct control_connection *connection = calloc(1, sizeof(*connection));
	int r;

	if (!connection)
		return -ENOMEM;
	r = uv_poll_init(loop, &connection->poll, fd);
	if (r < 0)
		return r;
	connection->poll.data = connection;
	connection->events = events;
	connection->context = context;
	connection->backend = backend;
	connection->fd = fd;
	connection->peer = peer;
	connection->refuses_rights = refuses_rights;
	connection->active_ms = uv_now(loop);
	varlink_splitter_init(&connection->splitter, CONTROL_MESSAGE_BYTES_MOST);
	(void)uv_poll_start(&connection->poll, UV_READABLE, on_poll);  /* uv_poll_init has tried the descriptor */
	*ret_connection = steal_pointer(&connection);
	return 0;
}
