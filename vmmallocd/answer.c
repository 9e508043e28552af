/* SPDX-License-Identifier: BSD-3-Clause */
/* answer -- see answer.h. */
#include "vmmallocd/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/base/listener.h"
#include "vmmallocd/base/peer.h"
#include "vmmallocd/base/rights.h"

const char *answer_class(const struct pools *pools, const struct answer_packet *packet,
			 const struct config_class *class)
{
	struct handout_long_request request;

	if (!class && handout_long_request_decode(packet->data, packet->bytes, &request) == 0)
		class = config_find(pools->config, request.request.class_name);
	return class ? class->name : NULL;
}

static void send_refusal(int fd, enum handout_status status)
{
	struct handout_reply reply = { .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION, .status = status };

	(void)send(fd, &reply, sizeof(reply), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void answer_refuse(struct pools *pools, const char *class_name, int fd, enum handout_status status)
{
	metrics_refused(&pools->metrics, class_name, status);
	send_refusal(fd, status);
}

/* What is told to a client that sent no long request: it may be of a version that knows no more words. */
static enum handout_status in_old_words(enum handout_status status)
{
	if (status == HANDOUT_BYTES_LIMIT)
		return HANDOUT_LIMIT;
	return status == HANDOUT_DRAINED || status == HANDOUT_CLOSED ? HANDOUT_NONE_READY : status;
}

static int send_pool(int fd, const struct registry_pool *pool, int pool_fd)
{
	struct handout_reply reply = {
		.magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION,
		.status = pool->cold ? HANDOUT_COLD : HANDOUT_OK, .pool_bytes = pool->file.size_bytes,
	};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec data = { .iov_base = &reply, .iov_len = sizeof(reply) };
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	ssize_t n;

	memcpy(reply.pool_id, pool->id, sizeof(reply.pool_id));
	memcpy(reply.class_name, pool->class_name, sizeof(reply.class_name));
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &pool_fd, sizeof(int));
	do
		n = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(reply) ? 0 : n < 0 ? -errno : -EIO;
}

/* Which groups the process was in when it connected. *ret_groups is malloc'ed. */
static int read_groups(int fd, gid_t **ret_groups, size_t *ret_count)
{
	socklen_t bytes = 0;
	CLEANUP(cleanup_free) gid_t *groups = NULL;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &bytes) == 0 || errno != ERANGE || bytes == 0) {
		*ret_groups = NULL;
		*ret_count = 0;
		return 0;
	}
	groups = malloc(bytes);
	if (!groups)
		return -ENOMEM;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes) != 0)
		return -errno;
	*ret_groups = steal_pointer(&groups);
	*ret_count = bytes / sizeof(gid_t);
	return 0;
}

/* Whether a request that would be refused is kept, and how. */
static enum answer_outcome keep(struct pools *pools, const struct handout_long_request *request,
				const struct request_peer *peer, const struct pools_taken *taken,
				enum handout_status status, enum answer_patience patience,
				struct answer_wait *ret_wait)
{
	bool first = patience == ANSWER_FIRST_TIME, is_coming = pools_put_off(pools, peer, status, taken, first);

	if (!request->wait_s || !taken->class || !taken->class->max_waiting || !taken->class->max_waiting_per_user ||
	    !request_can_wait(status) || patience == ANSWER_AGAIN)
		return is_coming ? ANSWER_PUT_OFF : ANSWER_GIVEN;
	*ret_wait = (struct answer_wait){ .request = *request, .refusal = status, .is_coming = is_coming };
	memcpy(ret_wait->class_name, taken->class->name, strlen(taken->class->name));
	if (!first)
		return ANSWER_WAITS;
	ret_wait->owner = pools_owner(peer);
	return ANSWER_WAITS;
}

/* The class that was asked for, or the one that it would be. */
static void tell_refused(struct pools *pools, const struct handout_request *request, const struct request_peer *peer,
			 const struct pools_taken *taken, enum handout_status status)
{
	const struct registry_owner owner = pools_owner(peer);

	pools_refused(pools, taken->class ? taken->class->name : request->class_name, &owner, status);
}

enum answer_outcome answer_request(struct pools *pools, int fd, const struct answer_packet *packet,
				   enum answer_patience patience, struct answer_wait *ret_wait)
{
	enum answer_outcome outcome = ANSWER_GIVEN;
	struct handout_long_request request;
	struct ucred credentials;
	socklen_t length = sizeof(credentials);
	struct request_peer peer;
	struct pools_taken taken;
	enum handout_status status;
	CLEANUP(cleanup_free) gid_t *groups = NULL;
	int r;

	if (handout_long_request_decode(packet->data, packet->bytes, &request) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0 ||
	    read_groups(fd, &groups, &peer.group_count) < 0) {
		answer_refuse(pools, NULL, fd, HANDOUT_BAD_REQUEST);
		return ANSWER_GIVEN;
	}
	peer.pid = credentials.pid;
	peer.uid = credentials.uid;
	peer.gid = credentials.gid;
	peer.groups = groups;
	peer.is_trusted = peer_is_trusted(fd, &credentials);
	peer.takes_cold = request.flags & HANDOUT_TAKES_COLD;
	status = pools_take(pools, &request.request, &peer, &taken);
	if (!handout_is_given(status) && patience != ANSWER_LAST_TIME)
		outcome = keep(pools, &request, &peer, &taken, status, patience, ret_wait);
	if (outcome != ANSWER_GIVEN)
		return outcome;
	if (!handout_is_given(status)) {
		tell_refused(pools, &request.request, &peer, &taken, status);
		metrics_refused(&pools->metrics, answer_class(pools, packet, taken.class), status);
		send_refusal(fd, peer.takes_cold ? status : in_old_words(status));
		return ANSWER_GIVEN;
	}
	r = send_pool(fd, taken.pool, taken.fd);
	/* a copy of it here would keep the pool leased for ever */
	close(taken.fd);
	if (r < 0)
		pools_unsent(pools, taken.pool, r);
	else
		pools_sent(pools, taken.pool, uv_hrtime() - packet->came_ns, packet->waited);
	return ANSWER_GIVEN;
}

enum answer_outcome answer_next(struct pools *pools, int fd, bool refuses_rights, struct answer_packet *ret_packet,
				struct answer_wait *ret_wait)
{
	struct rights rights;
	ssize_t n;

	rights_begin(&rights, refuses_rights);
	do
		n = recv(fd, ret_packet->data, sizeof(ret_packet->data), MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	rights_end(&rights);
	if (n < 0)
		return errno == EAGAIN ? ANSWER_NO_REQUEST : ANSWER_GIVEN;
	ret_packet->bytes = (size_t)n;
	ret_packet->came_ns = uv_hrtime();
	ret_packet->waited = false;
	if ((size_t)n > sizeof(ret_packet->data))
		answer_refuse(pools, NULL, fd, HANDOUT_BAD_REQUEST);
	else if (n > 0 && !listener_peer_has_gone(fd))
		return answer_request(pools, fd, ret_packet, ANSWER_FIRST_TIME, ret_wait);
	return ANSWER_GIVEN;
}
