/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * follow -- the daemon's events as they come, also those of the next daemon: one that has gone is waited for, and that
 * is said.
 */
#ifndef VMMALLOCD_CTL_FOLLOW_H
#define VMMALLOCD_CTL_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "vmmallocd/ctl/client.h"

struct follow {
	const struct ctl *ctl;
	int output_fd;           /* when nobody reads this any more, it is over; -1: none */
	int64_t deadline_ms;     /* by steady_clock.h, or CLIENT_NEVER */
	json_int_t last;         /* the number of the last event that was received, or of the last one before */
	struct client_stream stream;
};

/*
 * Begins with what comes from now on. An exit status, and a complaint if it is not CTL_OK; the structure can be given
 * to follow_end in any case.
 */
int follow_begin(struct follow *follow, const struct ctl *ctl, int output_fd, int64_t deadline_ms);
/*
 * The next reply of Events, which is the caller's; it may have no events, when a daemon has come back. -1: the deadline
 * is over, or nobody reads; else an exit status, with a complaint if it is not CTL_OK.
 */
int follow_next(struct follow *follow, json_t **ret_reply);
void follow_end(struct follow *follow);

/* What is said then, also by who asks again and again. */
void follow_say_gone(const struct ctl *ctl);
void follow_say_back(const struct ctl *ctl);

#endif
