/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * listener -- a listening socket, and accepting its clients: what the hand-out server and the control server share. The
 * server decides which connection is closed when there are too many.
 *
 *     listening socket --accept--> accepted()
 *                             \--> no descriptor: ran_out(), which closes another connection, and the next one comes;
 *                                  or the listener pauses, and clients wait in the socket's queue
 */
#ifndef VMMALLOCD_BASE_LISTENER_H
#define VMMALLOCD_BASE_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define LISTENER_PAUSE_MS 100    /* without descriptors, accept(2) would fail in every turn of the loop */

/* What the server does. `context` is the listener's. None of them may close the listener. */
struct listener_events {
	unsigned accepts_in_a_turn;      /* of the loop; then others in the loop have theirs */
	/* Somebody has connected. The descriptor is the server's own, non-blocking and close-on-exec. */
	void (*accepted)(void *context, int fd);
	/* There is no descriptor, or no memory, for the next one. Whether a connection was closed in its favour. */
	bool (*ran_out)(void *context, int error);
	/* The last event, after listener_close: the storage is the server's again. */
	void (*closed)(void *context);
};

/* The server's storage: stays until `closed` was called. */
struct listener {
	int fd;
	bool refuses_rights;             /* rights.h */
	/* the module's own */
	const struct listener_events *events;
	void *context;
	uv_poll_t poll;
	uv_timer_t pause;
	unsigned handles;                /* not closed yet */
};

/* Takes over a bound and listening AF_UNIX socket. 0; or -errno, and it is still the caller's, and nothing is open. */
int listener_open(struct listener *listener, uv_loop_t *loop, int fd, const struct listener_events *events,
		  void *context);

/*
 * Takes over another listening socket in the place of the one that it has. Clients that wait at the old one are
 * accepted before. 0; or -errno, and it goes on with the old one.
 */
int listener_replace(struct listener *listener, int fd);

/* Closes the socket, and with it the connections that wait in its queue. */
void listener_close(struct listener *listener);

/*
 * Whether the peer of a connection has closed it in both directions. What it asked for would be done for nobody, and
 * its user may have been told already that it was not done.
 */
bool listener_peer_has_gone(int fd);

/* So many connections of strangers, or this part of the descriptors of the process (1 / `part`) if that is less. */
size_t listener_connections(size_t most, unsigned part);

#endif
