/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client -- one call to the daemon, in CTL_PATIENCE_MS at most as a rule, less where the command itself is to take less
 * (ctl->deadline_ms); or a subscription, which has more replies.
 */
#ifndef VMMALLOCD_CTL_CLIENT_H
#define VMMALLOCD_CTL_CLIENT_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/text.h"
#include "common/util/varlink.h"
#include "vmmallocd/ctl/ctl.h"

/*
 * Calls org.vmmalloc.METHOD with an object of parameters, or NULL, which it takes over. Returns an exit status, and has
 * complained if it is not CTL_OK; then *ret_reply, the reply's parameters, is the caller's.
 */
int client_call(const struct ctl *ctl, const char *method, json_t *parameters, json_t **ret_reply);
/* The same, with one line in `complaint` instead of a complaint. */
int client_ask(const struct ctl *ctl, const char *method, json_t *parameters, json_t **ret_reply,
	       struct text *complaint);

/* The same, which complains of nothing: 0; -EPROTO: the daemon refused, or its reply makes no sense; -errno. */
int client_try(const struct ctl *ctl, const char *method, json_t **ret_reply);

/* A deadline by steady_clock.h that does not come. */
#define CLIENT_NEVER INT64_MAX
/* When a call that begins now is given up. */
int64_t client_deadline(const struct ctl *ctl);

struct client_stream {
	int fd;
	struct varlink_splitter splitter;
};

/*
 * Calls a method that has more replies than one, as the two above. 0, and the stream is the caller's, who closes it; or
 * -errno: no daemon answers, which is not complained of.
 */
int client_subscribe(const struct ctl *ctl, const char *method, json_t *parameters, struct client_stream *ret_stream);
/*
 * The next reply. An exit status, as with client_call; -ETIMEDOUT; -EPIPE: nobody reads `output_fd` (-1: none) any
 * more; or -errno: the daemon has gone.
 */
int client_next(struct client_stream *stream, int output_fd, int64_t deadline_ms, json_t **ret_reply);
void client_close(struct client_stream *stream);
/* A connection on which nothing is said. A descriptor, or -errno. */
int client_connect(const struct ctl *ctl);
/* The command that starts the daemon that was to answer. */
void client_say_start(const struct ctl *ctl, struct text *words);
/* Complains that no daemon answers, for that reason. Returns the exit status. */
int client_fail(const struct ctl *ctl, int r);

#endif
