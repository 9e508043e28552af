/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handout_server -- the socket where processes ask for pools: the daemon's end of common/base/handout.h.
 *
 *     connection --> (its request is there already: answered in the same turn) --> closed
 *                \-> waits for its request, at most HANDOUT_SERVER_SILENCE_MS  --> answered, closed
 *     request that asks to wait, and is refused --> waits for a pool, or that its client has gone, or for its deadline
 *
 * Clients are hostile, and nothing that a client does or leaves undone keeps others waiting. A user has no more waiting
 * connections than the configuration says (connections_per_user). All users together have no more than
 * HANDOUT_SERVER_CONNECTIONS, or half of the descriptors. Past these limits, and where there is no descriptor for the
 * next client, the oldest waiting connection is told HANDOUT_BUSY and closed.
 *
 * Requests that wait for a pool do not count there. They are as many as the class says (max_waiting), and a quarter of
 * the descriptors. Whenever pools have changed they are decided again (vmmallocd/plan/waiting.h), in the order in which
 * they came, and before whoever comes then.
 *
 * libuv knows neither SOCK_SEQPACKET nor how to pass descriptors, so sockets are raw and polled.
 */
#ifndef VMMALLOCD_HANDOUT_SERVER_H
#define VMMALLOCD_HANDOUT_SERVER_H

#include <uv.h>

#include "vmmallocd/base/log.h"
#include "vmmallocd/plan/waiting.h"
#include "vmmallocd/pools/pools.h"

#define HANDOUT_SERVER_SILENCE_MS 2000
#define HANDOUT_SERVER_CONNECTIONS 1024
#define HANDOUT_SERVER_WAITING 65536

struct handout_server;

/* The listening descriptor becomes the server's. `pools` and `log` must last until it is closed. 0 or -errno. */
int handout_server_open(uv_loop_t *loop, int listening_fd, struct pools *pools, struct log *log,
			struct handout_server **ret_server);
/* Takes over another listening descriptor in the place of the one that it has. */
void handout_server_listen_on(struct handout_server *server, int fd);
/* Something about the pools has changed: requests that were put off, or wait, are decided again. */
void handout_server_look_again(struct handout_server *server);
/* How many requests wait for a pool of that class. 0 for NULL. */
size_t handout_server_waiting(const struct handout_server *server, const char *class_name);
/* waiting_each, of the requests that wait. 0 for NULL. */
int handout_server_each_waiting(const struct handout_server *server, uint64_t after,
				int (*visit)(void *context, const struct waiting_client *client,
					     const char *class_name),
				void *context);
/* Ends all connections; who waits is told so. Frees itself in the turns of the loop that follow. */
void handout_server_close(struct handout_server *server);

#endif
