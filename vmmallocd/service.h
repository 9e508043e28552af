/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * service -- the orders that are in force (vmmallocd/plan/orders.h), and their file in the state directory.
 *
 * An order is in force at once, and its file is written in a thread; whoever gave it asks what became of that. What
 * could not be written is tried again, and said in the status meanwhile.
 */
#ifndef VMMALLOCD_SERVICE_H
#define VMMALLOCD_SERVICE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "vmmallocd/base/log.h"
#include "vmmallocd/base/work.h"
#include "vmmallocd/control/orders.h"
#include "vmmallocd/plan/orders.h"
#include "vmmallocd/pools/pools.h"
#include "vmmallocd/settings.h"

#define SERVICE_RETRY_MS 5000

struct service {
	struct orders orders;
	/* the module's own */
	uv_loop_t *loop;
	struct log *log;
	struct settings *settings;
	struct pools *pools;
	uv_timer_t retry;
	struct work work;
	char path[PATH_MAX];
	uint64_t given, begun, saved, failed;   /* numbers of orders: the last one that was; 0: none */
	bool saving, stopped;
	char *text;
	int result;
	char problem[512];
};

/*
 * Reads the file, and logs what is wrong with it. `settings` and `pools` must last, and pools need not be open. 0 or
 * -errno: the path is too long, or no memory.
 */
int service_open(struct service *service, uv_loop_t *loop, struct settings *settings, struct pools *pools,
		 const char *state_dir);

/* Puts orders in force in the configuration. `is_reload`: it was read again. */
void service_apply(struct service *service, bool is_reload);

/* For the control interface; the context is a struct service. */
extern const struct control_orders service_orders;

/* That an order could not be saved, or that the file could not be read, in words; or NULL. */
const char *service_problem(const struct service *service);

/* Begins no write any more; the loop ends the one that is at work. */
void service_stop(struct service *service);
/* After that and after the loop: the last write, at once, if it is needed; and frees all but the structure itself. */
void service_done(struct service *service);

#endif
