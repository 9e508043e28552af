/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * orders -- what an operator orders for a class or a pool: Drain, Disable, Enable, Resize, TopUp, Create and Destroy of
 * org.vmmalloc.varlink. And Holders, which only asks.
 *
 * An answer says what was done, and so may wait: until an order is saved, pools are removed, or pools are made.
 */
#ifndef VMMALLOCD_CONTROL_ORDERS_H
#define VMMALLOCD_CONTROL_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/text.h"
#include "vmmallocd/config/config.h"
#include "vmmallocd/plan/registry.h"

#define CONTROL_FILL_MS 500    /* the most that an answer waits for pools that are made: so that the client can tell */

/* Pools that are made on order, by what the class had before. */
struct control_fill {
	uint64_t made, failures;
};

/*
 * How orders reach the daemon: as struct control_backend, whose orders_context they get. All that return an int: 0;
 * -ENOENT: there is no such class, or pool; -errno: it cannot be done, with one line in `error` if that is not NULL.
 */
struct control_orders {
	/* In force at once. The number is for `saved`, which is -EINPROGRESS until it outlasts the daemon. */
	int (*serve)(void *context, const char *class_name, enum config_service service, uint64_t *ret_number,
		     struct text *error);
	int (*saved)(void *context, uint64_t number, struct text *error);
	int (*resize)(void *context, const char *class_name, unsigned ready, unsigned max, struct text *error);
	/* What the class wants is made now, and `count` more. */
	int (*fill)(void *context, const char *class_name, unsigned count, struct control_fill *ret_fill,
		    struct text *error);
	/* What became of that: 0: all is there; -EINPROGRESS; -EIO: not all could be made. And how many were, since. */
	int (*filled)(void *context, const char *class_name, const struct control_fill *fill, uint64_t *ret_made,
		      struct text *error);
	/* These call `visit` for each pool before its removal is begun, as control_backend.prune does. */
	int (*empty)(void *context, const char *class_name,
		     int (*visit)(void *visit_context, const struct registry_pool *pool), void *visit_context);
	int (*destroy)(void *context, const uint8_t id[POOL_FILE_ID_BYTES],
		       int (*visit)(void *visit_context, const struct registry_pool *pool), void *visit_context,
		       struct text *error);
};

struct control_backend;
struct control_reply;
struct json_t;

/* Carries the method out; `parameters` may be NULL. NULL: no memory. */
struct control_reply *control_orders_call(const struct control_backend *backend, const char *method,
					  const struct json_t *parameters);

#endif
