/* SPDX-License-Identifier: BSD-3-Clause */
/* handout_server -- see handout_server.h. */
#include "vmmallocd/handout_server.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/base/clock.h"
#include "vmmallocd/base/listener.h"
#include "vmmallocd/base/rights.h"
#include "vmmallocd/answer.h"

#define ACCEPTS_IN_A_TURN 64     /* then others in the loop have theirs */
#define PUT_OFF_MS 20            /* until a request that was put off is decided again */
#define PUT_OFF_MOST_MS 800      /* in all: the client has a second */
#define LOOK_PAUSE_MS 5          /* after a look that gave nothing, until the next one */
#define DESCRIPTORS_PART 2       /* of them, at most, are for strangers: the rest is for pools, and for work */
#define WAITING_PART 4           /* and for strangers that wait */

enum connection_state {
	CONNECTION_SILENT,       /* its request has not come */
	CONNECTION_PUT_OFF,      /* it came, and is decided again in a moment */
	CONNECTION_WAITS,        /* it came, and waits for a pool */
	CONNECTION_OVER,
};

struct connection {
	uv_poll_t poll;
	uv_timer_t patience;               /* of a request that waits */
	unsigned handles;                  /* not closed yet, of these two */
	struct handout_server *server;
	int fd;
	uid_t uid;
	enum connection_state state;
	uint64_t deadline_ms;
	struct answer_packet packet;
	TAILQ_ENTRY(connection) link;      /* silent or put off */
	struct waiting_client client;      /* put off or waits */
};

TAILQ_HEAD(connections, connection);

struct handout_server {
	uv_loop_t *loop;
	struct pools *pools;
	struct log *log;
	struct listener listener;
	uv_timer_t silence, put_off, pause;
	unsigned handles;        /* not closed yet; the listener and each connection count as one */
	struct connections connections;    /* the oldest, and so the next to time out, is the first */
	size_t count, most;
	struct waiting waiting;            /* the requests that came, and are not answered */
	size_t waiting_most;
	uint64_t looked_at;                /* pools->wakes, when all of these were decided last */
	bool look_is_due;                  /* when the pause is over */
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

	if (--connection->handles > 0)
		return;
	handle_closed(connection->server);
	free(connection);
}

static void drop_connection(struct connection *connection)
{
	struct handout_server *server = connection->server;

	if (connection->state != CONNECTION_WAITS) {
		TAILQ_REMOVE(&server->connections, connection, link);
		server->count--;
	}
	if (connection->state != CONNECTION_SILENT)
		waiting_remove(&server->waiting, &connection->client);
	connection->state = CONNECTION_OVER;
	/* the handle first: once the descriptor is closed, its number may be another thread's file */
	uv_close((uv_handle_t *)&connection->poll, connection_closed);
	uv_close((uv_handle_t *)&connection->patience, connection_closed);
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

static enum answer_outcome receive_request(struct connection *connection, struct answer_wait *ret_wait)
{
	struct handout_server *server = connection->server;

	return answer_next(server->pools, connection->fd, server->listener.refuses_rights, &connection->packet,
			   ret_wait);
}

static enum answer_outcome decide_again(const struct connection *connection, enum answer_patience patience,
					struct answer_wait *ret_wait)
{
	return answer_request(connection->server->pools, connection->fd, &connection->packet, patience, ret_wait);
}

/* --- requests that are not answered yet --- */

static struct connection *connection_of(struct waiting_client *client)
{
	return (struct connection *)((char *)client - offsetof(struct connection, client));
}

static enum answer_patience patience_of(const struct connection *connection)
{
	uint64_t began_ms = connection->deadline_ms - HANDOUT_SERVER_SILENCE_MS;

	if (connection->state == CONNECTION_WAITS)
		return ANSWER_WAITING;
	return uv_now(connection->server->loop) - began_ms < PUT_OFF_MOST_MS ? ANSWER_AGAIN : ANSWER_LAST_TIME;
}

/* Its client has closed the connection, or is dead. */
static void client_is_gone(struct connection *connection)
{
	struct pools *pools = connection->server->pools;

	if (connection->state == CONNECTION_WAITS)
		pools_gave_up(pools, waiting_class(&connection->client), &connection->client.owner);
	drop_connection(connection);
}

static void on_put_off(uv_timer_t *timer);

/* Decides all requests again, in the order in which they came. Whether one of them has its answer. */
static bool decide_all(struct handout_server *server)
{
	bool gave = false, more = false;
	struct waiting_client *next;

	waiting_begin_walk(&server->waiting);
	for (struct waiting_client *client = TAILQ_FIRST(&server->waiting.clients); client; client = next) {
		struct connection *connection = connection_of(client);
		struct answer_wait wait = { 0 };
		enum answer_outcome outcome;

		next = TAILQ_NEXT(client, link);
		if (waiting_is_passed_over(&server->waiting, client))
			continue;
		if (listener_peer_has_gone(connection->fd)) {
			client_is_gone(connection);
			gave = true;
			continue;
		}
		outcome = decide_again(connection, patience_of(connection), &wait);
		if (outcome == ANSWER_GIVEN) {
			drop_connection(connection);
			gave = true;
		} else if (outcome == ANSWER_PUT_OFF) {
			more = true;
		} else if (wait.refusal != HANDOUT_PROCESS_LIMIT) {
			/* what one process has says nothing of others that ask for the same */
			waiting_refused(&server->waiting, client, request_is_at_limit(wait.refusal));
		}
	}
	server->looked_at = server->pools->wakes;
	if (more)
		(void)uv_timer_start(&server->put_off, on_put_off, PUT_OFF_MS, 0);
	else
		(void)uv_timer_stop(&server->put_off);
	return gave;
}

static void on_put_off(uv_timer_t *timer)
{
	(void)decide_all(timer->data);
}

static void on_pause_over(uv_timer_t *timer)
{
	struct handout_server *server = timer->data;

	if (server->look_is_due)
		handout_server_look_again(server);
}

/* What is made for whoever waits, and fails, changes something each time: so there is a pause. */
void handout_server_look_again(struct handout_server *server)
{
	server->look_is_due = uv_is_active((uv_handle_t *)&server->pause);
	if (!server->look_is_due && !TAILQ_EMPTY(&server->waiting.clients) && !decide_all(server))
		(void)uv_timer_start(&server->pause, on_pause_over, LOOK_PAUSE_MS, 0);
}

/* Before somebody else is decided: what has come free since is theirs who wait. */
static void look_before_others(struct handout_server *server)
{
	if (server->waiting.count == 0)
		return;
	watch_hear(server->pools->watch);
	if (server->pools->wakes != server->looked_at)
		(void)decide_all(server);
}

size_t handout_server_waiting(const struct handout_server *server, const char *class_name)
{
	return server ? waiting_count(&server->waiting, class_name) : 0;
}

int handout_server_each_waiting(const struct handout_server *server, uint64_t after,
				int (*visit)(void *context, const struct waiting_client *client,
					     const char *class_name),
				void *context)
{
	return server ? waiting_each(&server->waiting, after, visit, context) : 0;
}

/* Its request is there. The timer decides it again, and looks whether the client is still there. */
static void put_off(struct connection *connection)
{
	struct handout_server *server = connection->server;

	connection->state = CONNECTION_PUT_OFF;
	waiting_add_short(&server->waiting, &connection->client);
	(void)uv_poll_stop(&connection->poll);
	if (!uv_is_active((uv_handle_t *)&server->put_off))
		(void)uv_timer_start(&server->put_off, on_put_off, PUT_OFF_MS, 0);
}

static void on_client_gone(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	client_is_gone(poll->data);
}

static void on_patience_over(uv_timer_t *timer)
{
	struct connection *connection = timer->data;
	struct answer_wait wait;

	/* who came before is served before */
	look_before_others(connection->server);
	if (connection->state != CONNECTION_WAITS)
		return;
	(void)decide_again(connection, ANSWER_LAST_TIME, &wait);
	drop_connection(connection);
}

static int join_waiting(struct connection *connection, const struct answer_wait *wait)
{
	struct handout_server *server = connection->server;
	const struct config_class *class = config_find(server->pools->config, wait->class_name);

	if (!class || server->waiting.count >= server->waiting_most)
		return -EUSERS;
	connection->client.owner = wait->owner;
	connection->client.since_s = clock_boot_s();
	return waiting_add(&server->waiting, &connection->client, &wait->request.request, class, connection->uid);
}

/* Its request is there, and asks to wait: it does; or it is put off; or refused, for those who wait already. */
static void begin_to_wait(struct connection *connection, const struct answer_wait *wait)
{
	struct handout_server *server = connection->server;

	if (join_waiting(connection, wait) == 0) {
		TAILQ_REMOVE(&server->connections, connection, link);
		server->count--;
		connection->state = CONNECTION_WAITS;
		pools_waits(server->pools, wait->class_name, &wait->owner, wait->request.wait_s, wait->refusal);
		connection->packet.waited = true;
		(void)uv_poll_start(&connection->poll, UV_DISCONNECT, on_client_gone);
		(void)uv_timer_start(&connection->patience, on_patience_over, wait->request.wait_s * 1000ull, 0);
	} else if (wait->is_coming) {
		put_off(connection);
	} else {
		pools_refused(server->pools, wait->class_name, &wait->owner, HANDOUT_CROWDED);
		answer_refuse(server->pools, wait->class_name, connection->fd, HANDOUT_CROWDED);
		drop_connection(connection);
	}
}

/* --- connections --- */

static void on_request(uv_poll_t *poll, int status, int events)
{
	struct connection *connection = poll->data;
	enum answer_outcome outcome = ANSWER_GIVEN;
	struct answer_wait wait;

	(void)events;
	look_before_others(connection->server);
	if (status == 0)
		outcome = receive_request(connection, &wait);
	if (outcome == ANSWER_GIVEN)
		drop_connection(connection);
	else if (outcome == ANSWER_PUT_OFF)
		put_off(connection);
	else if (outcome == ANSWER_WAITS)
		begin_to_wait(connection, &wait);
}

/* Closes a connection in favour of another. If its request has come by now it is answered. */
static void give_up(struct connection *connection)
{
	enum answer_outcome outcome = ANSWER_PUT_OFF;
	struct answer_wait wait;

	if (connection->state == CONNECTION_SILENT)
		outcome = receive_request(connection, &wait);
	if (outcome == ANSWER_WAITS) {
		begin_to_wait(connection, &wait);
		if (connection->state != CONNECTION_PUT_OFF)
			return;
		outcome = ANSWER_PUT_OFF;
	}
	if (outcome == ANSWER_PUT_OFF) {
		(void)decide_again(connection, ANSWER_LAST_TIME, &wait);
	} else if (outcome == ANSWER_NO_REQUEST) {
		log_line(connection->server->log, LOG_DEBUG, "connection of uid %u: too many",
			 (unsigned)connection->uid);
		answer_refuse(connection->server->pools, NULL, connection->fd, HANDOUT_BUSY);
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

/* The connection keeps the descriptor, and is silent; NULL: no memory. */
static struct connection *keep_connection(struct handout_server *server, int fd, uid_t uid)
{
	CLEANUP(cleanup_free) struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection || uv_poll_init(server->loop, &connection->poll, fd) < 0)
		return NULL;
	(void)uv_timer_init(server->loop, &connection->patience);
	connection->poll.data = connection->patience.data = connection;
	connection->handles = 2;
	connection->server = server;
	connection->fd = fd;
	connection->uid = uid;
	connection->deadline_ms = uv_now(server->loop) + HANDOUT_SERVER_SILENCE_MS;
	append_connection(server, connection);
	return steal_pointer(&connection);
}

static void on_handout_accepted(void *context, int fd)
{
	struct handout_server *server = context;
	struct ucred credentials;
	socklen_t length = sizeof(credentials);
	struct connection *connection;
	struct answer_packet packet;
	struct answer_wait wait;
	enum answer_outcome outcome;

	look_before_others(server);
	outcome = answer_next(server->pools, fd, server->listener.refuses_rights, &packet, &wait);
	if (outcome == ANSWER_GIVEN || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
		close_connection(server, fd);
		return;
	}
	make_room_for_user(server, credentials.uid);
	connection = keep_connection(server, fd, credentials.uid);
	if (!connection) {
		answer_refuse(server->pools, NULL, fd, HANDOUT_BUSY);
		close_connection(server, fd);
		return;
	}
	connection->packet = packet;
	if (outcome == ANSWER_PUT_OFF)
		put_off(connection);
	else if (outcome == ANSWER_WAITS)
		begin_to_wait(connection, &wait);
	else
		(void)uv_poll_start(&connection->poll, UV_READABLE | UV_DISCONNECT, on_request);
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
	server->waiting_most = listener_connections(HANDOUT_SERVER_WAITING, WAITING_PART);
	server->handles = 4;
	TAILQ_INIT(&server->connections);
	waiting_init(&server->waiting);
	(void)uv_timer_init(loop, &server->silence);
	(void)uv_timer_init(loop, &server->put_off);
	(void)uv_timer_init(loop, &server->pause);
	server->silence.data = server->put_off.data = server->pause.data = server;
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
	struct waiting_client *client, *next;

	if (!server)
		return;
	for (client = TAILQ_FIRST(&server->waiting.clients); client; client = next) {
		struct connection *connection = connection_of(client);

		next = TAILQ_NEXT(client, link);
		if (connection->state != CONNECTION_WAITS)
			continue;
		answer_refuse(server->pools, answer_class(server->pools, &connection->packet, NULL), connection->fd,
			      HANDOUT_ENDING);
		drop_connection(connection);
	}
	while (!TAILQ_EMPTY(&server->connections))
		drop_connection(TAILQ_FIRST(&server->connections));
	listener_close(&server->listener);
	uv_close((uv_handle_t *)&server->silence, on_server_closed);
	uv_close((uv_handle_t *)&server->put_off, on_server_closed);
	uv_close((uv_handle_t *)&server->pause, on_server_closed);
}
