/* SPDX-License-Identifier: BSD-3-Clause */
/* client -- see client.h. */
#include "vmmallocd/ctl/client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/paths.h"
#include "common/util/cleanup.h"
#include "common/util/runtime_dir.h"
#include "common/util/steady_clock.h"
#include "common/util/systemd.h"
#include "common/util/varlink.h"

#define LEAST_MS 1000                        /* that a daemon has for an answer, however short the time is */
#define WORDS_BYTES 8192                     /* of a complaint */
#define REPLY_BYTES_MOST ((size_t)1 << 30)   /* some 4 million pools */

int64_t client_deadline(const struct ctl *ctl)
{
	int64_t now_ms = steady_clock_ms(), usual_ms = now_ms + ctl->patience_ms, least_ms = now_ms + LEAST_MS;
	int64_t deadline_ms = ctl->deadline_ms > least_ms ? ctl->deadline_ms : least_ms;

	return ctl->deadline_ms && deadline_ms < usual_ms ? deadline_ms : usual_ms;
}

/* A descriptor, or -errno. */
static int connect_to_daemon(const struct ctl *ctl, int64_t deadline_ms)
{
	int64_t left_ms = deadline_ms - steady_clock_ms();
	const struct timeval patience = { .tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/" RUNTIME_DIR_CONTROL_SOCKET,
			      ctl->runtime_dir);
	CLEANUP(cleanup_fd) int fd = -1;

	if (length < 0 || (size_t)length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	if (left_ms <= 0)
		return -ETIMEDOUT;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* for connect, too: a stopped daemon's queue may be full */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return steal_fd(&fd);
}

int client_connect(const struct ctl *ctl)
{
	return connect_to_daemon(ctl, client_deadline(ctl));
}

/* -EPIPE: nobody reads `output_fd` any more. */
static int wait_for_socket(int fd, short events, int output_fd, int64_t deadline_ms)
{
	struct pollfd fds[] = { { .fd = fd, .events = events }, { .fd = output_fd } };
	int64_t left_ms = deadline_ms == CLIENT_NEVER ? INT_MAX : deadline_ms - steady_clock_ms();
	int r = left_ms > 0 ? poll(fds, 2, left_ms < INT_MAX ? (int)left_ms : -1) : 0;

	if (r == 0)
		return -ETIMEDOUT;
	if (r < 0)
		return errno != EINTR ? -errno : 0;
	return fds[1].revents ? -EPIPE : 0;
}

static int send_all(int fd, const char *bytes, size_t count, int64_t deadline_ms)
{
	while (count > 0) {
		ssize_t n = send(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r;

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n < 0 && (r = wait_for_socket(fd, POLLOUT, -1, deadline_ms)) < 0)
			return r;
		bytes += n > 0 ? n : 0;
		count -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int receive_message(int fd, struct varlink_splitter *splitter, int output_fd, int64_t deadline_ms)
{
	while (!varlink_splitter_has_message(splitter)) {
		char *space;
		size_t bytes;
		ssize_t n;
		int r;

		if ((r = wait_for_socket(fd, POLLIN, output_fd, deadline_ms)) < 0 ||
		    (r = varlink_splitter_space(splitter, &space, &bytes)) < 0)
			return r;
		n = recv(fd, space, bytes, MSG_DONTWAIT);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		varlink_splitter_filled(splitter, n > 0 ? (size_t)n : 0);
	}
	return 0;
}

/* 0 and the next reply's object; -EBADMSG: it is none; -errno. */
static int receive_object(struct client_stream *stream, int output_fd, int64_t deadline_ms, json_t **ret_object)
{
	CLEANUP(json_decrefp) json_t *object = NULL;
	char *message;
	size_t bytes;
	int r = receive_message(stream->fd, &stream->splitter, output_fd, deadline_ms);

	if (r < 0)
		return r;
	if (varlink_splitter_next(&stream->splitter, &message, &bytes))
		object = json_loadb(message, bytes, 0, NULL);
	if (!json_is_object(object))
		return -EBADMSG;
	*ret_object = steal_pointer(&object);
	return 0;
}

/* The daemon's refusal in plain words. */
static void tell_refusal(const char *error, const json_t *parameters, struct text *complaint)
{
	const char *message = json_string_value(json_object_get(parameters, "message"));
	const char *expected = json_string_value(json_object_get(parameters, "expected"));
	const char *method = json_string_value(json_object_get(parameters, "method"));

	if (strcmp(error, VARLINK_METHOD_NOT_FOUND) == 0)
		text_add(complaint, "the daemon is of an older version, and has no %s",
			 method ? method : "such method");
	else if (strcmp(error, VARLINK_PERMISSION_DENIED) == 0 && expected)
		text_add(complaint, "not permitted: this is for %s", expected);
	else if (message)
		text_add(complaint, "%s", message);
	else
		text_add(complaint, "the daemon refused: %s", error);
}

static int take_reply(json_t *object, json_t **ret_reply, struct text *complaint)
{
	const char *error = json_string_value(json_object_get(object, "error"));
	json_t *parameters = json_object_get(object, "parameters");

	if (error) {
		tell_refusal(error, parameters, complaint);
		return strcmp(error, VARLINK_NO_SUCH) == 0 ? CTL_NO_SUCH : CTL_FAILED;
	}
	if (!json_is_object(parameters)) {
		text_add(complaint, "the daemon's reply makes no sense");
		return CTL_FAILED;
	}
	*ret_reply = json_incref(parameters);
	return CTL_OK;
}

void client_say_start(const struct ctl *ctl, struct text *words)
{
	bool is_usual = !ctl->is_runtime_dir_given || strcmp(ctl->runtime_dir, PATHS_RUNTIME_DIR) == 0;
	const char *start = geteuid() != 0 ? "vmmallocd --user" :
			    systemd_is_here() ? "systemctl start vmmallocd" : "vmmallocd";

	text_add(words, "%s%s", is_usual ? start : "vmmallocd --runtime-dir ", is_usual ? "" : ctl->runtime_dir);
}

/* With what to do then, for who has never started one. */
static void tell_no_daemon(const struct ctl *ctl, int r, struct text *complaint)
{
	text_add(complaint, "no daemon answers at %s/" RUNTIME_DIR_CONTROL_SOCKET ": %s", ctl->runtime_dir,
		 strerrordesc_np(-r));
	if (r == -ENOENT || r == -ECONNREFUSED)
		text_add(complaint, "; %s: ", r == -ENOENT ? "start one" : "it has ended, start it again");
	if (r == -ENOENT || r == -ECONNREFUSED)
		client_say_start(ctl, complaint);
	if (r == -ETIMEDOUT)
		text_add(complaint, "; it is stopped or busy: vmmallocctl doctor tells more");
}

static int tell_failure(const struct ctl *ctl, int r, struct text *complaint)
{
	if (r == -EBADMSG || r == -EMSGSIZE) {
		text_add(complaint, "the daemon's reply makes no sense");
		return CTL_FAILED;
	}
	if (r == -ENOMEM) {
		text_add(complaint, "%s", strerrordesc_np(ENOMEM));
		return CTL_FAILED;
	}
	tell_no_daemon(ctl, r, complaint);
	return CTL_UNREACHABLE;
}

int client_fail(const struct ctl *ctl, int r)
{
	char words[WORDS_BYTES];
	struct text complaint = TEXT_INIT(words);
	int status = tell_failure(ctl, r, &complaint);

	ctl_complain("%s", words);
	return status;
}

void client_close(struct client_stream *stream)
{
	varlink_splitter_done(&stream->splitter);
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}

/* Takes the parameters over. 0, and a stream whose call is sent; or -errno. */
static int begin_call(const struct ctl *ctl, const char *method, bool more, json_t *parameters, int64_t deadline_ms,
		      struct client_stream *ret_stream)
{
	CLEANUP(json_decrefp) json_t *call =
		json_pack("{s:s++, s:o*, s:o*}", "method", VARLINK_VMMALLOC, ".", method,
			  "more", more ? json_true() : NULL, "parameters", parameters);
	CLEANUP(cleanup_free) char *text = call ? json_dumps(call, JSON_COMPACT) : NULL;
	CLEANUP(client_close) struct client_stream stream = { .fd = -1 };
	int r;

	if (!text)
		return -ENOMEM;
	varlink_splitter_init(&stream.splitter, REPLY_BYTES_MOST);
	r = stream.fd = connect_to_daemon(ctl, deadline_ms);
	if (r >= 0)
		r = send_all(stream.fd, text, strlen(text) + 1, deadline_ms);
	if (r < 0)
		return r;
	*ret_stream = stream;
	stream = (struct client_stream){ .fd = -1 };
	return 0;
}

int client_ask(const struct ctl *ctl, const char *method, json_t *parameters, json_t **ret_reply,
	       struct text *complaint)
{
	CLEANUP(client_close) struct client_stream stream = { .fd = -1 };
	CLEANUP(json_decrefp) json_t *object = NULL;
	int64_t deadline_ms = client_deadline(ctl);
	int r = begin_call(ctl, method, false, parameters, deadline_ms, &stream);

	if (r == 0)
		r = receive_object(&stream, -1, deadline_ms, &object);
	return r < 0 ? tell_failure(ctl, r, complaint) : take_reply(object, ret_reply, complaint);
}

int client_call(const struct ctl *ctl, const char *method, json_t *parameters, json_t **ret_reply)
{
	char words[WORDS_BYTES] = "";
	struct text complaint = TEXT_INIT(words);
	int status = client_ask(ctl, method, parameters, ret_reply, &complaint);

	if (status != CTL_OK)
		ctl_complain("%s", words);
	return status;
}

int client_try(const struct ctl *ctl, const char *method, json_t **ret_reply)
{
	CLEANUP(client_close) struct client_stream stream = { .fd = -1 };
	CLEANUP(json_decrefp) json_t *object = NULL;
	int64_t deadline_ms = client_deadline(ctl);
	json_t *parameters;
	int r = begin_call(ctl, method, false, NULL, deadline_ms, &stream);

	if (r == 0)
		r = receive_object(&stream, -1, deadline_ms, &object);
	if (r < 0)
		return r == -EBADMSG || r == -EMSGSIZE ? -EPROTO : r;
	parameters = json_object_get(object, "parameters");
	if (json_object_get(object, "error") || !json_is_object(parameters))
		return -EPROTO;
	*ret_reply = json_incref(parameters);
	return 0;
}

int client_subscribe(const struct ctl *ctl, const char *method, json_t *parameters, struct client_stream *ret_stream)
{
	return begin_call(ctl, method, true, parameters, client_deadline(ctl), ret_stream);
}

int client_next(struct client_stream *stream, int output_fd, int64_t deadline_ms, json_t **ret_reply)
{
	CLEANUP(json_decrefp) json_t *object = NULL;
	char words[WORDS_BYTES] = "";
	struct text complaint = TEXT_INIT(words);
	int r = receive_object(stream, output_fd, deadline_ms, &object);

	if (r == 0)
		r = take_reply(object, ret_reply, &complaint);
	if (complaint.length > 0)
		ctl_complain("%s", words);
	return r;
}
