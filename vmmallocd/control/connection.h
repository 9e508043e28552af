/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * connection -- one client of the control socket. It waits for one thing at a time:
 *
 *     for bytes --a whole call--> for its turn --reply--> for the client to read --sent--> for its turn, or bytes
 *                                              \--> for work that the reply is about --done--> for its turn
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

struct control_connection {
	TAILQ_ENTRY(control_connection) link;   /* in control.c's list, until it is closed */
	struct control *control;
	const struct control_backend *backend;
	uv_poll_t poll;
	int fd;
	uid_t uid;
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

/* In control.c. A connection wants a turn: it will get one of the next. It is closed: takes it out of the list. */
void control_wants_turn(struct control *control);
/* A connection waits for work: it will be looked at now and then, by control_connection_look. */
void control_waits(struct control *control);
void control_forget(struct control *control, struct control_connection *connection);
/* Its memory is about to be freed: the last thing it says. */
void control_freed(struct control *control);

/* Serves a connected, non-blocking socket, which it closes in the end. 0, or -errno and the socket is the caller's. */
int control_connection_open(uv_loop_t *loop, int fd, uid_t uid, bool refuses_rights,
			    const struct control_backend *backend, struct control *control,
			    struct control_connection **ret_connection);
/* Frees itself in a later turn of the loop. */
void control_connection_close(struct control_connection *connection);

/* It waits: whether the work is done by now, or takes too long. It may close itself. */
void control_connection_look(struct control_connection *connection);

/* Its turn: answers a call, or makes the next piece of a reply. It may close itself. */
void control_connection_turn(struct control_connection *connection);

#endif
