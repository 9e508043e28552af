/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control -- the control socket: Varlink calls of vmmallocctl and other clients (org.vmmalloc.varlink).
 *
 *     listening socket --accept--> connection: bytes -> varlink.h -> methods.h -> reply, piece by piece
 *
 * Nothing here blocks, and no client can make it work or grow without bound. In each turn of the loop one call is
 * answered, or one piece of a long reply written, however many clients wait. A client that does not read its reply is
 * not read from. Messages, connections and idle time are limited.
 */
#ifndef VMMALLOCD_CONTROL_CONTROL_H
#define VMMALLOCD_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/text.h"
#include "vmmallocd/config/config.h"
#include "vmmallocd/plan/events.h"
#include "vmmallocd/plan/metrics.h"
#include "vmmallocd/plan/registry.h"
#include "vmmallocd/plan/waiting.h"

#define CONTROL_MESSAGE_BYTES_MOST ((size_t)64 << 10)  /* of a call; a longer one ends the connection */
#define CONTROL_CONNECTIONS_PER_UID 32
/* Of all users but root and the daemon's own; or an eighth of the descriptors, if that is less. */
#define CONTROL_CONNECTIONS 256
/* Of those, and no more: somebody's forgotten subscriptions leave room for his other calls. */
#define CONTROL_SUBSCRIBERS_PER_UID 16
#define CONTROL_WORK_MS 5000             /* the most that an answer waits for work that it is about */
/* Without a byte read or written: the connection is closed, but for a subscriber's whose other end is there. */
#define CONTROL_IDLE_MS 60000

/* What the daemon says of itself. The strings are the daemon's, and need to last for the call only. */
struct control_daemon_info {
	pid_t pid;
	uint64_t uptime_s;
	const char *config_file;
	const char *runtime_dir;
	const char *state_dir;
	uint64_t handed_out, refused, recycled, destroyed;  /* pools since the daemon started (count) */
	const char *problem;                                /* NULL: none */
	/* In hundredths of a percent (psi.h); has_pressure: a class asks for it, and it can be known. */
	bool has_pressure, pressure_is_high;
	unsigned pressure, pressure_limit;
	int64_t started_s;                                  /* seconds since 1970 */
};

/* What may be wrong with the daemon: each part has words of its own in `problem`. */
enum control_part {
	CONTROL_CONFIGURATION,
	CONTROL_RELOAD,        /* it hangs */
	CONTROL_RESOURCES,     /* threads or descriptors run out */
	CONTROL_PLACES,        /* the sockets, the lock */
	CONTROL_REGISTRY,
	CONTROL_METRICS,
	CONTROL_ORDERS,        /* the file of drained and disabled classes */
	CONTROL_PARTS,
};

/* A directory of pools that a class has. */
struct control_directory {
	const char *path;
	bool in_service;
	bool has_space;        /* the figures are there; else its file system has not answered */
	uint64_t size_bytes, free_bytes, inodes, free_inodes;
};

/* How calls reach the daemon. None of the functions blocks, or calls control_close. */
struct control_backend {
	void *context;                  /* first argument of the functions */
	struct registry *registry;
	const struct events *events;
	const struct config *(*config)(void *context);
	void (*daemon_info)(void *context, struct control_daemon_info *ret);
	const char *(*class_problem)(void *context, const char *class_name);  /* NULL: none */
	bool (*class_releases)(void *context, const char *class_name);   /* its ready pools: memory is short */
	size_t (*waiting)(void *context, const char *class_name);    /* requests for a pool of the class */
	/* Those of all classes: waiting_each. */
	int (*each_waiting)(void *context, uint64_t after,
			    int (*visit)(void *visit_context, const struct waiting_client *client,
					 const char *class_name),
			    void *visit_context);
	/* What is given to a pool of that size in that directory: whole pages, which are huge ones on hugetlbfs. */
	uint64_t (*pool_bytes)(void *context, const char *directory, uint64_t size_bytes);
	/* Of a leased pool, from its header. 0 or -errno: they cannot be known. */
	int (*pool_figures)(void *context, const struct registry_pool *pool, uint64_t *ret_used, uint64_t *ret_peak);
	/*
	 * Calls `visit` for each pool before its removal is begun, or would be. 0, -errno, or what `visit` ended it
	 * with.
	 */
	int (*prune)(void *context, bool dry_run, int (*visit)(void *visit_context, const struct registry_pool *pool),
		     void *visit_context);
	/* What became of such a pool. NULL: it is removed; else why it is not, and whether that may come yet. */
	const char *(*not_removed)(void *context, const uint8_t id[POOL_FILE_ID_BYTES], bool *ret_at_work);
	/* What was counted so far. */
	const struct metrics *(*metrics)(void *context);
	/* Whether something is wrong with that part of the daemon. */
	bool (*has_problem)(void *context, enum control_part part);
	/* Directories are asked for their space; whether answers may still come in a moment; and what they were. */
	void (*ask_space)(void *context);
	bool (*space_is_coming)(void *context);
	int (*each_directory)(void *context,
			      int (*visit)(void *visit_context, const struct control_directory *directory),
			      void *visit_context);
	/* Begins to read the configuration again. The number is for reload_result. */
	uint64_t (*reload)(void *context);
	/*
	 * What became of that. 0: it is in use; -EINPROGRESS: it is not read yet; -errno: it is what it was. But for 0,
	 * with one line in `error`.
	 */
	int (*reload_result)(void *context, uint64_t number, struct text *error);
	const struct control_orders *orders;    /* control/orders.h; their functions get orders_context */
	void *orders_context;
	/* No descriptor, or no memory, for the next client. */
	void (*ran_out)(void *context, int error);
};

struct control;
struct control_orders;
struct uv_loop_s;

/*
 * Serves the clients that connect to `listening_fd`, a bound and listening SOCK_STREAM socket, which is the control's
 * own from now on. `*backend` must last until control_close, the loop until the handles are closed. 0 or -errno; on
 * failure the descriptor is still the caller's.
 */
int control_open(struct uv_loop_s *loop, int listening_fd, const struct control_backend *backend,
		 struct control **ret_control);

/* Takes over another listening descriptor, in the place of the one that it has. */
void control_listen_on(struct control *control, int fd);

/* Closes every connection and handle, and the descriptor; frees itself in the turns of the loop that follow. */
void control_close(struct control *control);

#endif
