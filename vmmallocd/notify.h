/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * notify -- what the daemon tells the service manager (sd_notify(3)), and the sockets that it gets from it.
 *
 * Without a service manager (no NOTIFY_SOCKET, no LISTEN_FDS) all of it does nothing. A manager that does not read is
 * not waited for: it is told the last state, and the last status, as soon as it does.
 */
#ifndef VMMALLOCD_NOTIFY_H
#define VMMALLOCD_NOTIFY_H

#include <uv.h>

#include "vmmallocd/base/log.h"

#define NOTIFY_STATUS_BYTES 1280    /* a longer line is cut off */

struct notify;

/* Starts the watchdog's timer if the manager wants one. Freed by notify_close, after some turns of the loop. */
int notify_open(uv_loop_t *loop, struct notify **ret_notify);
void notify_close(struct notify *notify);

void notify_ready(struct notify *notify);
void notify_reloading(struct notify *notify);  /* followed by notify_ready */
void notify_stopping(struct notify *notify);
/* Sends the line if it is another than the last. */
void notify_status(struct notify *notify, const char *status);

/*
 * The sockets that were passed under the names "pool" and "control", else -1. Others, and those that do not listen or
 * are of the wrong type, are closed and logged.
 */
void notify_sockets(struct log *log, int *ret_pool_fd, int *ret_control_fd);

#endif
