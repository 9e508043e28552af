/* SPDX-License-Identifier: BSD-3-Clause */
/* daemon_take -- see daemon_take.h. */
#include "tests/bench/daemon_take.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

void die(const char *what, int error)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(error));
	exit(EXIT_FAILURE);
}

static int receive(int connection, struct handout_reply *ret_reply, int *ret_fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char packet[sizeof(*ret_reply) + 1];
	struct iovec data = { packet, sizeof(packet) };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	int r;

	if (n <= 0)
		return n == 0 ? -ECONNRESET : -errno;
	r = handout_reply_decode(packet, (size_t)n, ret_reply);
	if (r != 0 || !handout_is_given(ret_reply->status))
		return r;
	if (!header || header->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EBADMSG;
	memcpy(ret_fd, CMSG_DATA(header), sizeof(int));
	return 0;
}

int daemon_take_any(const char *socket_path, const char *class_name, bool takes_cold, struct handout_reply *ret_reply,
		    int *ret_fd)
{
	struct handout_long_request packet = { .flags = HANDOUT_TAKES_COLD,
					       .request = { .magic = HANDOUT_MAGIC,
							    .version = HANDOUT_VERSION,
							    .kind = HANDOUT_BY_CLASS } };
	size_t bytes = takes_cold ? sizeof(packet) : sizeof(packet.request);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r = connection < 0 ? -errno : 0;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	snprintf(packet.request.class_name, sizeof(packet.request.class_name), "%s", class_name);
	if (r == 0 && (connect(connection, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		       send(connection, &packet, bytes, MSG_NOSIGNAL) < 0))
		r = -errno;
	if (r == 0)
		r = receive(connection, ret_reply, ret_fd);
	if (connection >= 0)
		close(connection);
	return r;
}

int daemon_take(const char *socket_path, const char *class_name, struct handout_reply *ret_reply, int *ret_fd)
{
	return daemon_take_any(socket_path, class_name, false, ret_reply, ret_fd);
}
