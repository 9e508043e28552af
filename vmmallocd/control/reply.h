/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reply -- one reply on its way out, in pieces.
 *
 * A reply about thousands of pools is not made at once: it remembers their ids, and each piece says what they are when
 * it is made. So memory and time for a piece are bounded, and a slow client costs 16 bytes a pool. A pool that is gone
 * by then is left out. Of those who wait it remembers who came last, and how far it is.
 */
#ifndef VMMALLOCD_CONTROL_REPLY_H
#define VMMALLOCD_CONTROL_REPLY_H

#include <jansson.h>

#include "vmmallocd/control/control.h"
#include "vmmallocd/control/figures.h"
#include "vmmallocd/control/orders.h"
#include "vmmallocd/control/prune.h"

#define CONTROL_REPLY_PIECE_BYTES ((size_t)16 << 10)  /* of a List: about so many */

struct control_reply;

/* What the answer to an order is about. */
struct control_order {
	enum control_order_shape {
		CONTROL_ORDER_CLASS,     /* the class as it is then */
		CONTROL_ORDER_HOLDERS,   /* and its pools that somebody has */
		CONTROL_ORDER_FILL,      /* and how many pools were made */
		CONTROL_ORDER_REMOVED,   /* pools that are removed: a struct control_prune */
	} shape;
	uint64_t number;                 /* of what is to be saved; 0: nothing is */
	struct control_fill fill;
};

/* All return NULL for want of memory, or if an object that they are given, and take over, is NULL. */
struct control_reply *control_reply_new(json_t *parameters);
struct control_reply *control_reply_new_error(const char *name, json_t *parameters);
/* All pools that there are now, by class, then id; and all who wait, in their order. The backend must outlive it. */
struct control_reply *control_reply_new_list(const struct control_backend *backend);
/* What was counted, and how things are; takes `figures` over, which may be NULL. */
struct control_reply *control_reply_new_figures(struct control_figures *figures);
/* What becomes of pools that are being removed; takes `prune` over. */
struct control_reply *control_reply_new_prune(struct control_prune *prune);
/* What becomes of a reload, by its number. The backend must outlive it. */
struct control_reply *control_reply_new_reload(const struct control_backend *backend, uint64_t number);

/* What becomes of an order for a class; takes `prune` over, which may be NULL. The backend must outlive it. */
struct control_reply *control_reply_new_order(const struct control_backend *backend, const char *class_name,
					      const struct control_order *order, struct control_prune *prune);
/* What has happened: news.h. The backend must outlive it. */
struct control_reply *control_reply_new_events(const struct control_backend *backend, bool follows,
					       const uint64_t *after);

void control_reply_free(struct control_reply *reply);

/* Whether something that it is about is still being done. Its pieces can be taken all the same. */
bool control_reply_waits(const struct control_reply *reply);
/* For how long that is to be waited for at the most. */
unsigned control_reply_patience_ms(const struct control_reply *reply);

/*
 * Whether it is a subscription: one reply after another, and no end. Then control_reply_next is called only when there
 * is something new.
 */
bool control_reply_follows(const struct control_reply *reply);
bool control_reply_has_news(const struct control_reply *reply);

/* The next piece, valid until the next call; the last one of a reply ends in NUL. 1; 0: that was all; -ENOMEM. */
int control_reply_next(struct control_reply *reply, const char **ret_piece, size_t *ret_bytes);

#endif
