/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handout_server -- the socket where processes ask for pools: the daemon's end of common/base/handout.h.
 *
 *     connection --> (its request is there already: answered in the same turn) --> closed
 *                \-> waits for its request, at most HANDOUT_SERVER_SILENCE_MS  --> answered, closed
 *
 * Clients are hostile, and nothing that a client does or leaves undone keeps others waiting. A user has no more waiting
 * connections than the configuration says (connections_per_user). All users together have no more than
 * HANDOUT_SERVER_CONNECTIONS, or half of the descriptors. Past these limits, and where there is no descriptor for the
 * next client, the oldest waiting connection is told HANDOUT_BUSY and closed. libuv knows neither SOCK_SEQPACKET nor
 * how to pass descriptors, so sockets are raw and polled.
 */
#ifndef VMMALLOCD_HANDOUT_SERVER_H
#define VMMALLOCD_HANDOUT_SERVER_H

#include <uv.h>

#include "vmmallocd/base/log.h"
#include "vmmallocd/pools/pools.h"

#define HANDOUT_SERVER_SILENCE_MS 2000
#define HANDOUT_SERVER_CONNECTIONS 1024

struct handout_server;

/* The listening descriptor becomes the server's. `pools` and `log` must last until it is closed. 0 or -errno. */
int handout_server_open(uv_loop_t *loop, int listening_fd, struct pools *pools, struct log *log,
			struct handout_server **ret_server);
/* Takes over another listening descriptor in the place of the one that it has. */
void handout_server_listen_on(struct handout_server *server, int fd);
/* Something about the pools has changed: requests that were put off are decided again. */
void handout_server_look_again(struct handout_server *server);
/* Ends all connections; frees itself in the turns of the loop that follow. */
void handout_server_close(struct handout_server *server);

#endif
