/* SPDX-License-Identifier: BSD-3-Clause */
/* handout_client -- see handout_client.h. The daemon is not trusted: it may be slow, mistaken, or somebody else. */
#include "libvmmalloc/start/handout_client.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/base/handout.h"
#include "common/base/paths.h"
#include "include/libvmmalloc.h"
#include "libvmmalloc/base/clock.h"
#include "libvmmalloc/base/kernel.h"

struct daemon {
	struct sockaddr_un address;
	bool is_users;         /* of the user's own, or nobody's */
};

static int64_t now_us(void)
{
	return (int64_t)(clock_now_ns() / 1000);
}

/* The next call on the socket may take what is left until the deadline. */
static int limit_time(int socket, int64_t deadline_us)
{
	int64_t left_us = deadline_us - now_us();
	struct timeval left = { .tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000 };
	int r;

	if (left_us <= 0)
		return -ETIMEDOUT;
	r = kernel_setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof(left));
	return r < 0 ? r : kernel_setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &left, sizeof(left));
}

/* What a call on the socket that failed means: 1 if a signal came and it must be made again. */
static int failure(int error)
{
	return error == -EINTR ? 1 : error == -EAGAIN ? -ETIMEDOUT : error;
}

static int connect_in_time(int socket, const struct sockaddr_un *address, int64_t deadline_us)
{
	int r;

	do
		if ((r = limit_time(socket, deadline_us)) == 0)
			r = failure(kernel_connect(socket, address, sizeof(*address)));
	while (r == 1);
	return r;
}

static int send_request(int socket, const void *request, size_t bytes, int64_t deadline_us)
{
	ssize_t n;
	int r;

	do
		if ((r = limit_time(socket, deadline_us)) == 0 &&
		    (n = kernel_send(socket, request, bytes, MSG_NOSIGNAL)) != (ssize_t)bytes)
			r = n < 0 ? failure((int)n) : -EIO;
	while (r == 1);
	return r;
}

/* Takes the descriptors of a message: one is returned, -1 if there was none; all others are closed. */
static int take_descriptor(struct msghdr *message)
{
	int taken = -1;

	for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control)) {
		size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(control) + i * sizeof(fd), sizeof(fd));
			if (taken >= 0)
				(void)kernel_close(taken);
			taken = fd;
		}
	}
	return taken;
}

static int receive_reply(int socket, int64_t deadline_us, struct handout_reply *ret_reply, int *ret_fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control;
	char packet[sizeof(struct handout_reply) + 1];  /* a longer one shall be noticed */
	struct iovec part = { .iov_base = packet, .iov_len = sizeof(packet) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t n = 0;
	int r, fd;

	do
		if ((r = limit_time(socket, deadline_us)) == 0 &&
		    (n = kernel_recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0)
			r = failure((int)n);
	while (r == 1);
	if (r < 0)
		return r;

	fd = take_descriptor(&message);
	r = n == 0 ? -ECONNRESET : handout_reply_decode(packet, (size_t)n, ret_reply);
	/* a process without a free number loses it here */
	if (r == 0 && handout_is_given(ret_reply->status) && fd < 0)
		r = message.msg_flags & MSG_CTRUNC ? -EMFILE : -EBADMSG;
	if (r == 0 && handout_is_given(ret_reply->status))
		*ret_fd = fd;
	else if (fd >= 0)
		(void)kernel_close(fd);
	return r;
}

static bool is_good(int fd, const struct handout_reply *reply, const struct vmm_config_tier *tier)
{
	size_t least_bytes = tier->pool_class[0] ? 0 : tier->bytes;
	struct stat st;

	return kernel_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == reply->pool_bytes &&
	       (size_t)st.st_size >= least_bytes && (size_t)st.st_size >= VMMALLOC_MIN_POOL &&
	       (kernel_fcntl(fd, F_GETFL, 0) & O_ACCMODE) == O_RDWR;
}

static int make_request(const struct vmm_config_tier *tier, struct handout_request *ret_request)
{
	struct handout_request request = { .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION };
	struct stat st;
	int r;

	/* a class says what its pools are, and a size that is given besides is that of a pool made here instead */
	if (tier->pool_class[0]) {
		request.kind = HANDOUT_BY_CLASS;
		memcpy(request.class_name, tier->pool_class, strlen(tier->pool_class));
	} else {
		r = kernel_stat(tier->dir, &st);
		if (r < 0)
			return r;
		request.kind = HANDOUT_BY_DIRECTORY;
		request.least_bytes = tier->bytes;
		request.dir_dev = st.st_dev;
		request.dir_ino = st.st_ino;
	}
	*ret_request = request;
	return 0;
}

/*
 * A user's own daemon runs as that user. XDG_RUNTIME_DIR may be somebody else's, as after su, or a directory for
 * everybody: whose daemon listens there is none of this user's, whatever the file's owner, and would have his heap.
 */
static int check_peer(int socket)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);
	int r = kernel_getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &bytes);

	return r < 0 ? r : peer.uid == kernel_geteuid() ? 0 : -ENOENT;
}

/* On a connection of its own. The answer may take so many seconds longer than the deadline. */
static int ask_and_hear(const struct daemon *daemon, const void *request, size_t bytes, int64_t deadline_us,
			unsigned wait_s, struct handout_reply *ret_reply, int *ret_fd)
{
	int socket = kernel_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r = socket < 0 ? socket : connect_in_time(socket, &daemon->address, deadline_us);

	if (r == 0 && daemon->is_users)
		r = check_peer(socket);
	if (r == 0)
		r = send_request(socket, request, bytes, deadline_us);
	if (r == 0)
		r = receive_reply(socket, deadline_us + wait_s * 1000000ll, ret_reply, ret_fd);
	if (socket >= 0)
		(void)kernel_close(socket);
	return r;
}

static bool is_dropped(int r)
{
	return r == -ECONNRESET || r == -EPIPE;
}

/*
 * A daemon that is started anew drops whom it has not answered. The next one is asked, if there is one by now, for what
 * is left of the time; and it has a second, if there is a wait, to take this request.
 */
static int ask_and_ask_again(const struct daemon *daemon, struct handout_long_request *request,
			     int64_t *deadline_us, struct handout_reply *ret_reply, int *ret_fd)
{
	int64_t began_us = now_us();
	uint32_t waited_s;
	int again, r;

	r = ask_and_hear(daemon, request, sizeof(*request), *deadline_us, request->wait_s, ret_reply, ret_fd);
	if (!is_dropped(r))
		return r;
	if (request->wait_s)
		*deadline_us = now_us() + HANDOUT_TIMEOUT_MS * 1000;
	waited_s = (uint32_t)((now_us() - began_us) / 1000000);
	request->wait_s -= waited_s < request->wait_s ? waited_s : request->wait_s;
	again = ask_and_hear(daemon, request, sizeof(*request), *deadline_us, request->wait_s, ret_reply, ret_fd);
	return again == 0 ? again : r;
}

/*
 * A daemon of before cold pools does not understand that they are known here, and is asked as it was then. It knows no
 * waiting either.
 */
static int ask_any(const struct daemon *daemon, const struct vmm_config_tier *tier, unsigned wait_seconds,
		   struct handout_reply *ret_reply, int *ret_fd, bool *ret_is_old)
{
	struct handout_long_request request = { .flags = HANDOUT_TAKES_COLD, .wait_s = wait_seconds };
	int64_t deadline_us = now_us() + HANDOUT_TIMEOUT_MS * 1000;
	int r = make_request(tier, &request.request);

	if (r == 0)
		r = ask_and_ask_again(daemon, &request, &deadline_us, ret_reply, ret_fd);
	*ret_is_old = r == 0 && ret_reply->status == HANDOUT_BAD_REQUEST;
	if (*ret_is_old)
		r = ask_and_hear(daemon, &request.request, sizeof(request.request), deadline_us, 0, ret_reply, ret_fd);
	return r;
}

/* The same, unless the daemon was silent a moment ago. */
static int ask_unless_silent(const struct daemon *daemon, const struct vmm_config_tier *tier, unsigned wait_seconds,
			     struct handout_reply *ret_reply, int *ret_fd, bool *ret_is_old)
{
	uint64_t *until_ns = daemon->is_users ? &vmm_handout_silence.users_until_ns
					      : &vmm_handout_silence.others_until_ns;
	int r;

	if (*until_ns && clock_now_ns() < *until_ns)
		return -ETIMEDOUT;
	r = ask_any(daemon, tier, wait_seconds, ret_reply, ret_fd, ret_is_old);
	*until_ns = r == -ETIMEDOUT ? clock_now_ns() + HANDOUT_SILENCE_MS * UINT64_C(1000000) : 0;
	return r;
}

/* What became of VMMALLOC_WAIT. Less than half a second is no wait. */
static void say_wait(unsigned wait_seconds, bool is_old, int64_t waited_us, struct text *error)
{
	int64_t waited_s = (waited_us + 500000) / 1000000;

	if (wait_seconds && is_old)
		text_add(error, " (it is too old to know " ENVIRONMENT_WAIT ")");
	else if (wait_seconds && waited_s > 0)
		text_add(error, " (waited %zu s)", (size_t)waited_s);
}

/*
 * Asks one daemon. *ret_is_last: it has the class, or the directory, and its answer is the one that counts; else it may
 * as well not be there.
 */
static int ask_daemon_at(const char *path, bool is_users, const struct vmm_config_tier *tier, unsigned wait_seconds,
			 int *ret_fd, bool *ret_is_cold, bool *ret_is_last, struct text *error)
{
	struct daemon daemon = { .address.sun_family = AF_UNIX, .is_users = is_users };
	struct handout_reply reply = { .status = HANDOUT_OK };
	int64_t began_us = now_us();
	bool is_old = false;
	int fd = -1, r = -ENAMETOOLONG;

	if (strlen(path) < sizeof(daemon.address.sun_path)) {
		memcpy(daemon.address.sun_path, path, strlen(path));
		r = ask_unless_silent(&daemon, tier, wait_seconds, &reply, &fd, &is_old);
	}
	if (r == 0 && handout_is_given(reply.status) && !is_good(fd, &reply, tier)) {
		(void)kernel_close(fd);
		r = -EBADMSG;
	}
	*ret_is_last = r == 0 && reply.status != HANDOUT_NO_SUCH_CLASS && reply.status != HANDOUT_ENDING;
	if (r == 0 && !handout_is_given(reply.status)) {
		text_add(error, "vmmallocd (%s): %s", path, handout_status_text(reply.status));
		say_wait(wait_seconds, is_old, now_us() - began_us, error);
		return -EAGAIN;
	}
	if (r < 0) {
		text_add(error, "vmmallocd (%s): %s", path, strerrordesc_np(-r));
		say_wait(wait_seconds, is_old, now_us() - began_us, error);
	} else {
		*ret_fd = fd;
		*ret_is_cold = reply.status == HANDOUT_COLD;
	}
	return r;
}

/* What is left of a wait that began then. */
static unsigned wait_left(unsigned wait_seconds, int64_t began_us)
{
	int64_t passed_s = (now_us() - began_us) / 1000000;

	return passed_s < wait_seconds ? wait_seconds - (unsigned)passed_s : 0;
}

/*
 * Asks the daemon behind which there is another, and lets it wait only once it has shown that it answers: one that is
 * stopped would take all of the wait, and the other one may have a pool.
 */
static int ask_first(const char *path, const struct vmm_config_tier *tier, unsigned wait_seconds, int *ret_fd,
		     bool *ret_is_cold, bool *ret_is_last, struct text *error)
{
	size_t before = error->length;
	int r = ask_daemon_at(path, true, tier, 0, ret_fd, ret_is_cold, ret_is_last, error);

	if (r != -EAGAIN || !*ret_is_last || wait_seconds == 0)
		return r;
	error->length = before;
	return ask_daemon_at(path, true, tier, wait_seconds, ret_fd, ret_is_cold, ret_is_last, error);
}

/* A daemon that is not there is no part of what is said, if there is another. */
int vmm_handout_ask(const struct vmm_config *config, size_t tier, unsigned wait_seconds, int *ret_fd,
		    bool *ret_is_cold, struct text *error)
{
	const char *path = config->socket[0] ? config->socket : PATHS_RUNTIME_DIR "/" HANDOUT_SOCKET;
	const struct vmm_config_tier *asking = &config->tiers[tier];
	size_t before = error->length, first_words;
	int64_t began_us = now_us();
	bool is_last = false;
	int first = -ENOENT, r;

	if (config->user_socket[0])
		first = ask_first(config->user_socket, asking, wait_seconds, ret_fd, ret_is_cold, &is_last, error);
	if (first == 0 || is_last)
		return first;
	if (first == -ENOENT)
		error->length = before;
	first_words = error->length;
	if (first_words > before)
		text_add(error, "; ");
	r = ask_daemon_at(path, false, asking, wait_left(wait_seconds, began_us), ret_fd, ret_is_cold, &is_last, error);
	if (r != -ENOENT || first == -ENOENT)
		return r;
	error->length = first_words;
	text_add(error, "%s", "");
	return first;
}
