/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * connection -- one client of the control socket. It waits for one thing at a time:
 *
 *     for bytes --a whole call--> for its turn --reply--> for the client to read --sent--> for its turn, or bytes
 *                                              \--> for work that the reply is about --done--> for its turn
 *                                               \--> for something new, of a subscription --> for its turn
 *
 * So what it keeps is bounded: one call at most, and one piece of a reply. control.c gives the turns.
 */
#ifndef VMMALLOCD_CONTROL_CONNECTION_H
#define VMMALLOCD_CONTROL_CONNECTION_H

#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

#include "common/util/varlink.h"
#include "vmmallocd/control/control.h"
#include "vmmallocd/control/reply.h"

struct control_connection;

/* What a connection tells the server that has it. `context` is the one that it was opened with. */
struct control_connection_events {
	/* It wants a turn: control_connection_turn is to be called soon. */
	void (*wants_turn)(void *context);
	/* It waits for work: control_connection_look is to be called now and then. */
	void (*waits)(void *context);
	/* Whether it may have a subscription. Then control_connection_hear is to be called when there are events. */
	bool (*may_follow)(void *context, const struct control_connection *connection);
	/* It is closed: it must not be in any list any more. */
	void (*closed)(void *context, struct control_connection *connection);
	/* Its memory is freed. It is the last event. */
	void (*freed)(void *context);
};

struct control_peer {
	uid_t uid;
	bool is_trusted;                        /* peer.h: may change something, and is let in beside any others */
};

struct control_connection {
	TAILQ_ENTRY(control_connection) link;   /* in the server's list, until it is closed */
	const struct control_connection_events *events;
	void *context;
	const struct control_backend *backend;
	uv_poll_t poll;
	int fd;
	struct control_peer peer;
	bool refuses_rights;                    /* rights.h */
	uint64_t active_ms;                     /* when a byte was read or written, uv_now() */
	struct varlink_splitter splitter;
	struct control_reply *reply;            /* on its way out */
	const char *piece;                      /* of it, not sent yet: the connection waits for the client to read */
	size_t piece_bytes;
	bool eof;                               /* nothing more will come; what came is answered */
	bool wants_turn;
	bool waits;                             /* for work that the reply is about, */
	uint64_t waits_until_ms;                /* so long at the most */
};

TAILQ_HEAD(control_connections, control_connection);

/* Serves a connected, non-blocking socket, which it closes in the end. 0, or -errno and the socket is the caller's. */
int control_connection_open(uv_loop_t *loop, int fd, struct control_peer peer, bool refuses_rights,
			    const struct control_backend *backend, const struct control_connection_events *events,
			    void *context, struct control_connection **ret_connection);
/* Frees itself in a later turn of the loop. */
void control_connection_close(struct control_connection *connection);

/* Whether it has a subscription. */
bool control_connection_follows(const struct control_connection *connection);
/* There may be something new for its subscription. */
void control_connection_hear(struct control_connection *connection);

/* It waits: whether the work is done by now, or takes too long. It may close itself. */
void control_connection_look(struct control_connection *connection);

/* Its turn: answers a call, or makes the next piece of a reply. It may close itself. */
void control_connection_turn(struct control_connection *connection);

#endif
