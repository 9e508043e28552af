/* SPDX-License-Identifier: BSD-3-Clause */
/* notify -- see notify.h. The watchdog is fed from the loop: a loop that hangs does not feed it. */
#include "vmmallocd/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

struct notify {
	uv_timer_t watchdog;
	char status[NOTIFY_STATUS_BYTES];
};

static void feed_watchdog(uv_timer_t *timer)
{
	(void)timer;
	(void)sd_notify(0, "WATCHDOG=1");
}

int notify_open(uv_loop_t *loop, struct notify **ret_notify)
{
	struct notify *notify = calloc(1, sizeof(*notify));
	uint64_t watchdog_us = 0;

	if (!notify)
		return -ENOMEM;
	(void)uv_timer_init(loop, &notify->watchdog);
	notify->watchdog.data = notify;
	/* it goes on while the loop ends its work, but is no reason to go on */
	uv_unref((uv_handle_t *)&notify->watchdog);
	if (sd_watchdog_enabled(0, &watchdog_us) > 0)
		(void)uv_timer_start(&notify->watchdog, feed_watchdog, 0, watchdog_us / 3000);
	*ret_notify = notify;
	return 0;
}

static void free_notify(uv_handle_t *handle)
{
	free(handle->data);
}

void notify_close(struct notify *notify)
{
	if (notify)
		uv_close((uv_handle_t *)&notify->watchdog, free_notify);
}

void notify_ready(struct notify *notify)
{
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", notify->status);
}

void notify_reloading(struct notify *notify)
{
	struct timespec now;

	(void)notify;
	clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
			 (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

void notify_stopping(struct notify *notify)
{
	(void)notify;
	(void)sd_notify(0, "STOPPING=1");
}

void notify_status(struct notify *notify, const char *status)
{
	if (strncmp(notify->status, status, sizeof(notify->status) - 1) == 0)
		return;
	snprintf(notify->status, sizeof(notify->status), "%s", status);
	(void)sd_notifyf(0, "STATUS=%s", notify->status);
}

void notify_sockets(struct log *log, int *ret_pool_fd, int *ret_control_fd)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	*ret_pool_fd = *ret_control_fd = -1;
	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (strcmp(names[i], "pool") == 0 && *ret_pool_fd < 0 &&
		    sd_is_socket(fd, AF_UNIX, SOCK_SEQPACKET, 1) > 0) {
			*ret_pool_fd = fd;
		} else if (strcmp(names[i], "control") == 0 && *ret_control_fd < 0 &&
			   sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0) {
			*ret_control_fd = fd;
		} else {
			log_line(log, LOG_WARNING,
				 "socket '%s' from the service manager: expected listening AF_UNIX sockets,"
				 " 'pool' (SOCK_SEQPACKET) and 'control' (SOCK_STREAM); closed",
				 names[i]);
			close(fd);
		}
	}
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}
