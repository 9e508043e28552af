/* SPDX-License-Identifier: BSD-3-Clause */
/* notify -- see notify.h. The watchdog is fed from the loop: a loop that hangs does not feed it. */
#include "vmmallocd/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#define RETRY_MS 100

struct notify {
	uv_timer_t watchdog, retry;
	int fd;                      /* -1: there is no manager, or libsystemd knows how to reach it */
	struct sockaddr_un address;
	socklen_t address_bytes;
	char state[96];              /* what the manager was not told yet, the last of it; "": nothing */
	char status[NOTIFY_STATUS_BYTES];
	bool status_is_new;          /* it was not told that */
	unsigned handles;            /* not closed yet */
};

/* sd_notify(3) waits for a manager that does not read. Opened once: when it matters there may be no descriptor left. */
static int open_notify_socket(struct notify *notify)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;

	if (length == 0 || length >= sizeof(notify->address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return -1;
	notify->address.sun_family = AF_UNIX;
	memcpy(notify->address.sun_path, path, length);
	if (path[0] == '@')
		notify->address.sun_path[0] = '\0';
	notify->address_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* False: there is no room for it, try again. */
static bool say(const struct notify *notify, const char *message)
{
	if (notify->fd < 0) {
		(void)sd_notify(0, message);
		return true;
	}
	return sendto(notify->fd, message, strlen(message), MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)&notify->address, notify->address_bytes) >= 0 ||
	       (errno != EAGAIN && errno != ENOBUFS);
}

static void tell_manager(struct notify *notify);

static void on_notify_retry(uv_timer_t *timer)
{
	tell_manager(timer->data);
}

/* What is to be told, in one message: states that came and went meanwhile are not. */
static void tell_manager(struct notify *notify)
{
	char message[sizeof(notify->state) + sizeof(notify->status) + 16];

	snprintf(message, sizeof(message), "%s%s%s%s", notify->state, notify->state[0] ? "\n" : "",
		 notify->status_is_new ? "STATUS=" : "", notify->status_is_new ? notify->status : "");
	if (message[0] == '\0')
		return;
	if (!say(notify, message)) {
		(void)uv_timer_start(&notify->retry, on_notify_retry, RETRY_MS, 0);
		return;
	}
	notify->state[0] = '\0';
	notify->status_is_new = false;
}

static void feed_watchdog(uv_timer_t *timer)
{
	(void)say(timer->data, "WATCHDOG=1");
}

int notify_open(uv_loop_t *loop, struct notify **ret_notify)
{
	struct notify *notify = calloc(1, sizeof(*notify));
	uint64_t watchdog_us = 0;

	if (!notify)
		return -ENOMEM;
	notify->fd = open_notify_socket(notify);
	notify->handles = 2;
	(void)uv_timer_init(loop, &notify->watchdog);
	(void)uv_timer_init(loop, &notify->retry);
	notify->watchdog.data = notify->retry.data = notify;
	/* they go on while the loop ends its work, but are no reason to go on */
	uv_unref((uv_handle_t *)&notify->watchdog);
	uv_unref((uv_handle_t *)&notify->retry);
	if (sd_watchdog_enabled(0, &watchdog_us) > 0)
		(void)uv_timer_start(&notify->watchdog, feed_watchdog, 0, watchdog_us / 3000);
	*ret_notify = notify;
	return 0;
}

static void on_notify_closed(uv_handle_t *handle)
{
	struct notify *notify = handle->data;

	if (--notify->handles == 0)
		free(notify);
}

void notify_close(struct notify *notify)
{
	if (!notify)
		return;
	if (notify->fd >= 0)
		close(notify->fd);
	uv_close((uv_handle_t *)&notify->watchdog, on_notify_closed);
	uv_close((uv_handle_t *)&notify->retry, on_notify_closed);
}

static void tell_state(struct notify *notify, const char *state)
{
	snprintf(notify->state, sizeof(notify->state), "%s", state);
	tell_manager(notify);
}

void notify_ready(struct notify *notify)
{
	notify->status_is_new = notify->status_is_new || notify->status[0] != '\0';
	tell_state(notify, "READY=1");
}

void notify_reloading(struct notify *notify)
{
	char state[sizeof(notify->state)];
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		 (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
	tell_state(notify, state);
}

void notify_stopping(struct notify *notify)
{
	tell_state(notify, "STOPPING=1");
}

void notify_status(struct notify *notify, const char *status)
{
	if (strncmp(notify->status, status, sizeof(notify->status) - 1) == 0)
		return;
	snprintf(notify->status, sizeof(notify->status), "%s", status);
	notify->status_is_new = true;
	tell_manager(notify);
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
