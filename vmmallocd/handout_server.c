/* SPDX-License-Identifier: BSD-3-Clause */
/* handout_server -- see handout_server.h. */
#include "vmmallocd/handout_server.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/base/listener.h"
#include "vmmallocd/base/rights.h"
#include "vmmallocd/answer.h"

#define ACCEPTS_IN_A_TURN 64     /* then others in the loop have theirs */
#define PUT_OFF_MS 20            /* until a request that was put off is decided again */
#define PUT_OFF_MOST_MS 800      /* in all: the client has a second */
#define DESCRIPTORS_PART 2       /* of them, at most, are for strangers: the rest is for pools, and for work */

struct connection {
	uv_poll_t poll;
	struct handout_server *server;
	int fd;
	uid_t uid;
	uint64_t deadline_ms;
	bool put_off;                      /* its request, which came, is decided again */
	struct answer_packet packet;
	TAILQ_ENTRY(connection) link;
};

TAILQ_HEAD(connections, connection);

struct handout_server {
	uv_loop_t *loop;
	struct pools *pools;
	struct log *log;
	struct listener listener;
	uv_timer_t silence, put_off;
	unsigned handles;        /* not closed yet; the listener and each connection count as one */
	struct connections connections;    /* the oldest, and so the next to time out, is the first */
	size_t count, most;
};

static void close_connection(const struct handout_server *server, int fd)
{
	rights_close(fd, server->listener.refuses_rights);
}

static void handle_closed(struct handout_server *server)
{
	if (--server->handles == 0)
		free(server);
}

static void connection_closed(uv_handle_t *handle)
{
	struct connection *connection = handle->data;

	handle_closed(connection->server);
	free(connection);
}

static void drop_connection(struct connection *connection)
{
	struct handout_server *server = connection->server;

	TAILQ_REMOVE(&server->connections, connection, link);
	server->count--;
	/* the handle first: once the descriptor is closed, its number may be another thread's file */
	uv_close((uv_handle_t *)&connection->poll, connection_closed);
	close_connection(server, connection->fd);
}

static void on_silence(uv_timer_t *timer)
{
	struct handout_server *server = timer->data;
	uint64_t now_ms = uv_now(timer->loop);
	struct connection *oldest;

	while ((oldest = TAILQ_FIRST(&server->connections)) && oldest->deadline_ms <= now_ms) {
		log_line(server->log, LOG_DEBUG, "connection of uid %u: silent, closed", (unsigned)oldest->uid);
		drop_connection(oldest);
	}
	if (oldest)
		(void)uv_timer_start(timer, on_silence, oldest->deadline_ms - now_ms, 0);
}

static enum answer_outcome receive_request(struct connection *connection)
{
	struct handout_server *server = connection->server;

	return answer_next(server->pools, connection->fd, server->listener.refuses_rights, &connection->packet);
}

static enum answer_outcome decide_again(const struct connection *connection, enum answer_patience patience)
{
	return answer_request(connection->server->pools, connection->fd, &connection->packet, patience);
}

static void on_put_off(uv_timer_t *timer);

void handout_server_look_again(struct handout_server *server)
{
	uint64_t now_ms = uv_now(server->loop);
	bool more = false;

	if (!uv_is_active((uv_handle_t *)&server->put_off))
		return;

	for (struct connection *connection = TAILQ_FIRST(&server->connections), *next; connection; connection = next) {
		uint64_t began_ms = connection->deadline_ms - HANDOUT_SERVER_SILENCE_MS;
		enum answer_patience patience;

		next = TAILQ_NEXT(connection, link);
		if (!connection->put_off)
			continue;
		patience = now_ms - began_ms < PUT_OFF_MOST_MS ? ANSWER_AGAIN : ANSWER_LAST_TIME;
		if (!listener_peer_has_gone(connection->fd) && decide_again(connection, patience) == ANSWER_PUT_OFF)
			more = true;
		else
			drop_connection(connection);
	}
	if (more)
		(void)uv_timer_start(&server->put_off, on_put_off, PUT_OFF_MS, 0);
	else
		(void)uv_timer_stop(&server->put_off);
}

static void on_put_off(uv_timer_t *timer)
{
	struct handout_server *server = timer->data;

	/* it is active no more, and that is how one knows that somebody waits */
	(void)uv_timer_start(timer, on_put_off, PUT_OFF_MS, 0);
	handout_server_look_again(server);
}

/* Its request is there. The timer decides it again, and looks whether the client is still there. */
static void put_off(struct connection *connection)
{
	struct handout_server *server = connection->server;

	connection->put_off = true;
	(void)uv_poll_stop(&connection->poll);
	if (!uv_is_active((uv_handle_t *)&server->put_off))
		(void)uv_timer_start(&server->put_off, on_put_off, PUT_OFF_MS, 0);
}

static void on_request(uv_poll_t *poll, int status, int events)
{
	struct connection *connection = poll->data;
	enum answer_outcome outcome = ANSWER_GIVEN;

	if (status == 0)
		outcome = receive_request(connection);
	(void)events;
	if (outcome == ANSWER_GIVEN)
		drop_connection(connection);
	else if (outcome == ANSWER_PUT_OFF)
		put_off(connection);
}

/* Closes a connection in favour of another. If its request has come by now it is answered. */
static void give_up(struct connection *connection)
{
	enum answer_outcome outcome = ANSWER_PUT_OFF;

	if (!connection->put_off)
		outcome = receive_request(connection);
	if (outcome == ANSWER_PUT_OFF) {
		(void)decide_again(connection, ANSWER_LAST_TIME);
	} else if (outcome == ANSWER_NO_REQUEST) {
		log_line(connection->server->log, LOG_DEBUG, "connection of uid %u: too many",
			 (unsigned)connection->uid);
		answer_refuse(connection->fd, HANDOUT_BUSY);
	}
	drop_connection(connection);
}

/*
 * The connection that was silent longest is closed, and not the one that comes: a request follows its connection at
 * once, so a user's honest programs are served in this way beside those that only connect.
 */
static void make_room_for_user(struct handout_server *server, uid_t uid)
{
	struct connection *oldest = NULL, *other;
	size_t n = 0;

	TAILQ_FOREACH(other, &server->connections, link)
		if (other->uid == uid && n++ == 0)
			oldest = other;
	if (n < server->pools->config->connections_per_user)
		oldest = server->count >= server->most ? TAILQ_FIRST(&server->connections) : NULL;
	if (oldest)
		give_up(oldest);
}

static void append_connection(struct handout_server *server, struct connection *connection)
{
	TAILQ_INSERT_TAIL(&server->connections, connection, link);
	server->count++;
	server->handles++;
	if (!uv_is_active((uv_handle_t *)&server->silence))
		(void)uv_timer_start(&server->silence, on_silence, HANDOUT_SERVER_SILENCE_MS, 0);
}

/* 0: the connection keeps the descriptor. `came`: the request that came and was put off; NULL: none has come. */
static int wait_for_request(struct handout_server *server, int fd, uid_t uid, const struct answer_packet *came)
{
	CLEANUP(cleanup_free) struct connection *connection = calloc(1, sizeof(*connection));
	int r;

	if (!connection)
		return -ENOMEM;
	r = uv_poll_init(server->loop, &connection->poll, fd);
	if (r < 0)
		return r;
	connection->poll.data = connection;
	connection->server = server;
	connection->fd = fd;
	connection->uid = uid;
	connection->deadline_ms = uv_now(server->loop) + HANDOUT_SERVER_SILENCE_MS;
	append_connection(server, connection);
	if (came) {
		connection->packet = *came;
		put_off(connection);
	} else {
		(void)uv_poll_start(&connection->poll, UV_READABLE | UV_DISCONNECT, on_request);
	}
	(void)steal_pointer(&connection);
	return 0;
}

static void on_handout_accepted(void *context, int fd)
{
	struct handout_server *server = context;
	struct ucred credentials;
	socklen_t length = sizeof(credentials);
	struct answer_packet packet;
	enum answer_outcome outcome = answer_next(server->pools, fd, server->listener.refuses_rights, &packet);

	if (outcome == ANSWER_GIVEN || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
		close_connection(server, fd);
		return;
	}
	make_room_for_user(server, credentials.uid);
	if (wait_for_request(server, fd, credentials.uid, outcome == ANSWER_PUT_OFF ? &packet : NULL) == 0)
		return;
	answer_refuse(fd, HANDOUT_BUSY);
	close_connection(server, fd);
}

static bool on_handout_ran_out(void *context, int error)
{
	struct handout_server *server = context;

	pools_short_of_descriptors(server->pools, error, "hand-out socket: accept");
	if (TAILQ_EMPTY(&server->connections))
		return false;
	give_up(TAILQ_FIRST(&server->connections));
	return true;
}

static void on_handout_listener_closed(void *context)
{
	handle_closed(context);
}

static const struct listener_events handout_listener_events = {
	.accepts_in_a_turn = ACCEPTS_IN_A_TURN,
	.accepted = on_handout_accepted,
	.ran_out = on_handout_ran_out,
	.closed = on_handout_listener_closed,
};

int handout_server_open(uv_loop_t *loop, int listening_fd, struct pools *pools, struct log *log,
			struct handout_server **ret_server)
{
	CLEANUP(cleanup_free) struct handout_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	r = listener_open(&server->listener, loop, listening_fd, &handout_listener_events, server);
	if (r < 0)
		return r;
	server->loop = loop;
	server->pools = pools;
	server->log = log;
	server->most = listener_connections(HANDOUT_SERVER_CONNECTIONS, DESCRIPTORS_PART);
	server->handles = 3;
	TAILQ_INIT(&server->connections);
	(void)uv_timer_init(loop, &server->silence);
	(void)uv_timer_init(loop, &server->put_off);
	server->silence.data = server->put_off.data = server;
	*ret_server = steal_pointer(&server);
	return 0;
}

void handout_server_listen_on(struct handout_server *server, int fd)
{
	int r = listener_replace(&server->listener, fd);

	if (r < 0)
		log_line(server->log, LOG_ERR, "hand-out socket: %s", strerrordesc_np(-r));
}

static void on_server_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

void handout_server_close(struct handout_server *server)
{
	if (!server)
		return;
	while (!TAILQ_EMPTY(&server->connections))
		drop_connection(TAILQ_FIRST(&server->connections));
	listener_close(&server->listener);
	uv_close((uv_handle_t *)&server->silence, on_server_closed);
	uv_close((uv_handle_t *)&server->put_off, on_server_closed);
}
