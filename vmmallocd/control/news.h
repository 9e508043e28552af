/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * news -- the answer to Events: what the ring has; and, of a subscription, what comes, a reply for each few of them.
 *
 * It remembers a number, and the ring has the events: so a subscriber who does not read costs nothing, and what is gone
 * by the time that he reads is counted for him.
 */
#ifndef VMMALLOCD_CONTROL_NEWS_H
#define VMMALLOCD_CONTROL_NEWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmmallocd/plan/events.h"

struct control_news {
	const struct events *events;
	bool follows;            /* a subscription: it has no end */
	uint64_t after;          /* the number of the last that was written */
	uint64_t last;           /* without a subscription: that of the last to be written */
	bool has_begun;          /* a reply is being written, */
	uint64_t lost;           /* and so many are missing in it */
	bool has_told;           /* a reply has been written */
};

/* `after`: the number that the reader has come to; NULL: a subscriber wants what comes, another all that there is. */
void control_news_init(struct control_news *news, const struct events *events, bool follows, const uint64_t *after);

/* Whether there is a reply to be written. The first one of a subscription says that it stands. */
bool control_news_is_there(const struct control_news *news);

/*
 * Writes a piece of a reply, of about `most` bytes, by `append`. 1: with it the reply is whole; 0: it is not yet, which
 * is never so in a subscription; -ENOMEM, or what `append` returned other than 0.
 */
int control_news_write(struct control_news *news, size_t most,
		       int (*append)(const char *bytes, size_t count, void *context), void *context);

#endif
