/* SPDX-License-Identifier: BSD-3-Clause */
/* handout_server -- see handout_server.h. */
#include "vmmallocd/handout_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/base/listener.h"
#include "vmmallocd/base/rights.h"

#define ACCEPTS_IN_A_TURN 64     /* then others in the loop have theirs */
#define PUT_OFF_MS 20            /* until a request that was put off is decided again */
#define PUT_OFF_MOST_MS 500      /* in all: the client has a second */
#define DESCRIPTORS_PART 2       /* of them, at most, are for strangers: the rest is for pools, and for work */

struct packet {
	char data[sizeof(struct handout_request)];
	size_t bytes;
};

struct connection {
	uv_poll_t poll;
	struct handout_server *server;
	int fd;
	uid_t uid;
	uint64_t deadline_ms;
	bool put_off;                      /* its request, which came, is decided again */
	struct packet packet;
	struct connection *next, *prev;    /* the oldest, and so the next to time out, first */
};

struct handout_server {
	uv_loop_t *loop;
	struct pools *pools;
	struct log *log;
	struct listener listener;
	uv_timer_t silence, put_off;
	unsigned handles;        /* not closed yet; the listener and each connection count as one */
	struct connection *oldest, *newest;
	size_t count, most;
};

/* --- one request --- */

static void send_reply(int fd, enum handout_status status)
{
	struct handout_reply reply = { .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION, .status = status };

	(void)send(fd, &reply, sizeof(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int send_pool(int fd, const struct registry_pool *pool, int pool_fd)
{
	struct handout_reply reply = {
		.magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION, .status = HANDOUT_OK,
		.pool_bytes = pool->file.size_bytes,
	};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec data = { .iov_base = &reply, .iov_len = sizeof(reply) };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	ssize_t n;

	memcpy(reply.pool_id, pool->id, sizeof(reply.pool_id));
	memcpy(reply.class_name, pool->class_name, sizeof(reply.class_name));
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &pool_fd, sizeof(int));
	do
		n = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(reply) ? 0 : n < 0 ? -errno : -EIO;
}

/* Which groups the process was in when it connected. *ret_groups is malloc'ed. */
static int read_groups(int fd, gid_t **ret_groups, size_t *ret_count)
{
	socklen_t bytes = 0;
	CLEANUP(cleanup_free) gid_t *groups = NULL;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &bytes) == 0 || errno != ERANGE || bytes == 0) {
		*ret_groups = NULL;
		*ret_count = 0;
		return 0;
	}
	groups = malloc(bytes);
	if (!groups)
		return -ENOMEM;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes) != 0)
		return -errno;
	*ret_groups = steal_pointer(&groups);
	*ret_count = bytes / sizeof(gid_t);
	return 0;
}

/* What became of a request. */
enum outcome { ANSWERED, NOT_THERE, PUT_OFF };

/* Whether, and how, a request may be decided later instead of being refused. */
enum patience { FIRST_TIME, AGAIN, LAST_TIME };

static enum outcome answer(struct handout_server *server, int fd, const struct packet *packet, enum patience patience)
{
	struct handout_request request;
	struct ucred credentials;
	socklen_t length = sizeof(credentials);
	struct request_peer peer;
	struct registry_pool *pool;
	enum handout_status status;
	CLEANUP(cleanup_free) gid_t *groups = NULL;
	int pool_fd, r;

	if (handout_request_decode(packet->data, packet->bytes, &request) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0 ||
	    read_groups(fd, &groups, &peer.group_count) != 0) {
		send_reply(fd, HANDOUT_BAD_REQUEST);
		return ANSWERED;
	}
	peer.pid = credentials.pid;
	peer.uid = credentials.uid;
	peer.gid = credentials.gid;
	peer.groups = groups;
	status = pools_take(server->pools, &request, &peer, &pool, &pool_fd);
	if (status == HANDOUT_PINNED && patience != LAST_TIME &&
	    pools_put_off(server->pools, &peer, patience == FIRST_TIME))
		return PUT_OFF;
	if (status != HANDOUT_OK) {
		send_reply(fd, status);
		return ANSWERED;
	}
	r = send_pool(fd, pool, pool_fd);
	/* a copy of it here would keep the pool leased for ever */
	close(pool_fd);
	if (r != 0)
		pools_unsent(server->pools, pool, r);
	return ANSWERED;
}

static enum outcome receive_request(struct handout_server *server, int fd, struct packet *ret_packet)
{
	struct rights rights;
	ssize_t n;

	rights_begin(&rights, server->listener.refuses_rights);
	do
		n = recv(fd, ret_packet->data, sizeof(ret_packet->data), MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	rights_end(&rights);
	if (n < 0)
		return errno == EAGAIN ? NOT_THERE : ANSWERED;
	ret_packet->bytes = (size_t)n;
	if ((size_t)n > sizeof(ret_packet->data))
		send_reply(fd, HANDOUT_BAD_REQUEST);
	else if (n > 0 && !listener_peer_has_gone(fd))
		return answer(server, fd, ret_packet, FIRST_TIME);
	return ANSWERED;
}

/* --- connections --- */

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

	*(connection->prev ? &connection->prev->next : &server->oldest) = connection->next;
	*(connection->next ? &connection->next->prev : &server->newest) = connection->prev;
	server->count--;
	/* first the handle: its number may be another thread's file in an instant */
	uv_close((uv_handle_t *)&connection->poll, connection_closed);
	close_connection(server, connection->fd);
}

static void on_silence(uv_timer_t *timer)
{
	struct handout_server *server = timer->data;
	uint64_t now_ms = uv_now(timer->loop);

	while (server->oldest && server->oldest->deadline_ms <= now_ms) {
		log_line(server->log, LOG_DEBUG, "connection of uid %u: silent, closed", (unsigned)server->oldest->uid);
		drop_connection(server->oldest);
	}
	if (server->oldest)
		(void)uv_timer_start(timer, on_silence, server->oldest->deadline_ms - now_ms, 0);
}

static void on_put_off(uv_timer_t *timer)
{
	struct handout_server *server = timer->data;
	uint64_t now_ms = uv_now(timer->loop);
	bool more = false;

	for (struct connection *connection = server->oldest, *next; connection; connection = next) {
		uint64_t began_ms = connection->deadline_ms - HANDOUT_SERVER_SILENCE_MS;

		next = connection->next;
		if (!connection->put_off)
			continue;
		if (!listener_peer_has_gone(connection->fd) &&
		    answer(server, connection->fd, &connection->packet,
			   now_ms - began_ms < PUT_OFF_MOST_MS ? AGAIN : LAST_TIME) == PUT_OFF)
			more = true;
		else
			drop_connection(connection);
	}
	if (more)
		(void)uv_timer_start(timer, on_put_off, PUT_OFF_MS, 0);
}

/* Its request is there: the timer looks at it, and whether the client is, and nothing else has to be heard. */
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
	enum outcome outcome = ANSWERED;

	if (status == 0)
		outcome = receive_request(connection->server, connection->fd, &connection->packet);
	(void)events;
	if (outcome == ANSWERED)
		drop_connection(connection);
	else if (outcome == PUT_OFF)
		put_off(connection);
}

/* Unless its request has come: then it is answered. */
static void give_up(struct connection *connection)
{
	enum outcome outcome = PUT_OFF;

	if (!connection->put_off)
		outcome = receive_request(connection->server, connection->fd, &connection->packet);
	if (outcome == PUT_OFF) {
		(void)answer(connection->server, connection->fd, &connection->packet, LAST_TIME);
	} else if (outcome == NOT_THERE) {
		log_line(connection->server->log, LOG_DEBUG, "connection of uid %u: too many",
			 (unsigned)connection->uid);
		send_reply(connection->fd, HANDOUT_BUSY);
	}
	drop_connection(connection);
}

/*
 * The connection that was silent longest is closed, and not the one that comes: a request follows its connection at
 * once, so a user's honest programs are served in this way beside those that only connect.
 */
static void make_room_for_user(struct handout_server *server, uid_t uid)
{
	struct connection *oldest = NULL;
	size_t n = 0;

	for (struct connection *other = server->oldest; other; other = other->next) {
		if (other->uid == uid && n++ == 0)
			oldest = other;
	}
	if (n < server->pools->config->connections_per_user)
		oldest = server->count >= server->most ? server->oldest : NULL;
	if (oldest)
		give_up(oldest);
}

/* 0: the connection keeps the descriptor. `came`: what came and was put off; NULL: nothing. */
static int wait_for_request(struct handout_server *server, int fd, uid_t uid, const struct packet *came)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	int r;

	if (!connection)
		return -ENOMEM;
	r = uv_poll_init(server->loop, &connection->poll, fd);
	if (r != 0) {
		free(connection);
		return r;
	}
	server->handles++;
	connection->poll.data = connection;
	connection->server = server;
	connection->fd = fd;
	connection->uid = uid;
	connection->deadline_ms = uv_now(server->loop) + HANDOUT_SERVER_SILENCE_MS;
	connection->prev = server->newest;
	*(server->newest ? &server->newest->next : &server->oldest) = connection;
	server->newest = connection;
	server->count++;
	if (came) {
		connection->packet = *came;
		put_off(connection);
	} else {
		(void)uv_poll_start(&connection->poll, UV_READABLE | UV_DISCONNECT, on_request);
	}
	if (!uv_is_active((uv_handle_t *)&server->silence))
		(void)uv_timer_start(&server->silence, on_silence, HANDOUT_SERVER_SILENCE_MS, 0);
	return 0;
}

static void on_handout_accepted(void *context, int fd)
{
	struct handout_server *server = context;
	struct ucred credentials;
	socklen_t length = sizeof(credentials);
	struct packet packet;
	enum outcome outcome = receive_request(server, fd, &packet);

	if (outcome == ANSWERED || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
		close_connection(server, fd);
		return;
	}
	make_room_for_user(server, credentials.uid);
	if (wait_for_request(server, fd, credentials.uid, outcome == PUT_OFF ? &packet : NULL) == 0)
		return;
	send_reply(fd, HANDOUT_BUSY);
	close_connection(server, fd);
}

/* --- the server --- */

static bool on_handout_ran_out(void *context, int error)
{
	struct handout_server *server = context;

	pools_short_of_descriptors(server->pools, error, "hand-out socket: accept");
	if (!server->oldest)
		return false;
	give_up(server->oldest);
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
	while (server->oldest)
		drop_connection(server->oldest);
	listener_close(&server->listener);
	uv_close((uv_handle_t *)&server->silence, on_server_closed);
	uv_close((uv_handle_t *)&server->put_off, on_server_closed);
}
