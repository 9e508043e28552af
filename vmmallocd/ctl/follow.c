/* SPDX-License-Identifier: BSD-3-Clause */
/* follow -- see follow.h. */
#include "vmmallocd/ctl/follow.h"

#include <errno.h>
#include <poll.h>

#include "common/util/cleanup.h"
#include "common/util/runtime_dir.h"
#include "common/util/steady_clock.h"
#include "vmmallocd/ctl/field.h"

#define RETRY_MS 200     /* a daemon that has gone is looked for this often */

static void note_last(struct follow *follow, const json_t *reply)
{
	const json_t *events = json_object_get(reply, "events"), *event;
	size_t i;

	/* what is newer than these is still to come */
	json_array_foreach((json_t *)events, i, event) {
		follow->last = field_number(event, "number");
	}
}

int follow_begin(struct follow *follow, const struct ctl *ctl, int output_fd, int64_t deadline_ms)
{
	CLEANUP(json_decrefp) json_t *reply = NULL;
	int r;

	*follow = (struct follow){ .ctl = ctl, .output_fd = output_fd, .deadline_ms = deadline_ms, .stream.fd = -1 };
	r = client_subscribe(ctl, "Events", NULL, &follow->stream);
	if (r == 0)
		r = client_next(&follow->stream, -1, client_deadline(ctl), &reply);
	if (r < 0)
		return client_fail(ctl, r);
	follow->last = field_number(reply, "last");
	return r;
}

/* The next look; -1: the deadline is over, or nobody reads. */
static int pause_looking(const struct follow *follow)
{
	struct pollfd output = { .fd = follow->output_fd };
	int64_t left_ms = follow->deadline_ms == CLIENT_NEVER ? RETRY_MS : follow->deadline_ms - steady_clock_ms();

	if (left_ms <= 0 || poll(&output, 1, left_ms < RETRY_MS ? (int)left_ms : RETRY_MS) > 0)
		return -1;
	return CTL_OK;
}

/* Waits for the next daemon, and subscribes to what happened since. */
static int find_again(struct follow *follow)
{
	int r, status = CTL_OK;

	client_close(&follow->stream);
	do {
		r = client_subscribe(follow->ctl, "Events", json_pack("{s:I}", "after", follow->last), &follow->stream);
		if (r < 0)
			status = pause_looking(follow);
	} while (r < 0 && status == CTL_OK);
	return status;
}

void follow_say_gone(const struct ctl *ctl)
{
	ctl_complain("the daemon at %s/" RUNTIME_DIR_CONTROL_SOCKET " has gone: waiting for one", ctl->runtime_dir);
}

void follow_say_back(const struct ctl *ctl)
{
	ctl_complain("a daemon answers at %s/" RUNTIME_DIR_CONTROL_SOCKET, ctl->runtime_dir);
}

int follow_next(struct follow *follow, json_t **ret_reply)
{
	bool is_new = false;

	for (;;) {
		int status, r = client_next(&follow->stream, follow->output_fd, follow->deadline_ms, ret_reply);

		if (r == -ETIMEDOUT || r == -EPIPE)
			return -1;
		if (r == -EBADMSG || r == -EMSGSIZE || r == -ENOMEM)
			return client_fail(follow->ctl, r);
		if (r >= 0) {
			if (r == CTL_OK && is_new)
				follow_say_back(follow->ctl);
			if (r == CTL_OK)
				note_last(follow, *ret_reply);
			return r;
		}
		if (!is_new)
			follow_say_gone(follow->ctl);
		/* one that goes at once is no reason to ask without a pause */
		status = is_new ? pause_looking(follow) : CTL_OK;
		if (status == CTL_OK)
			status = find_again(follow);
		if (status != CTL_OK)
			return status;
		is_new = true;
	}
}

void follow_end(struct follow *follow)
{
	client_close(&follow->stream);
}
