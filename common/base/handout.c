/* SPDX-License-Identifier: BSD-3-Clause */
/* handout -- see handout.h. Both ends distrust each other: whatever is not exactly as specified is refused. */
#include "common/base/handout.h"

#include <errno.h>
#include <string.h>

#include "common/base/pool_header.h"

static bool all_zero(const void *data, size_t bytes)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < bytes; i++)
		if (byte[i])
			return false;
	return true;
}

static bool is_name_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

int handout_class_name_check(const char *name)
{
	size_t length = 0;

	while (length < HANDOUT_CLASS_BYTES && is_name_char(name[length]))
		length++;
	return length > 0 && length < HANDOUT_CLASS_BYTES && name[length] == '\0' ? 0 : -EINVAL;
}

/* A name, and nothing but NULs behind it: no byte of the peer's memory goes over the wire by mistake. */
static bool is_name_field(const char field[HANDOUT_CLASS_BYTES])
{
	size_t length = strnlen(field, HANDOUT_CLASS_BYTES);

	return handout_class_name_check(field) == 0 && all_zero(field + length, HANDOUT_CLASS_BYTES - length);
}

static bool is_head(const char magic[8], uint32_t version)
{
	return memcmp(magic, HANDOUT_MAGIC, sizeof(HANDOUT_MAGIC)) == 0 && version == HANDOUT_VERSION;
}

int handout_request_decode(const void *packet, size_t bytes, struct handout_request *ret_request)
{
	struct handout_request request;

	if (bytes != sizeof(request))
		return -EBADMSG;
	memcpy(&request, packet, sizeof(request));
	if (!is_head(request.magic, request.version))
		return -EBADMSG;
	switch (request.kind) {
	case HANDOUT_BY_CLASS:
		if (request.dir_dev || request.dir_ino || !is_name_field(request.class_name))
			return -EBADMSG;
		break;
	case HANDOUT_BY_DIRECTORY:
		if (!all_zero(request.class_name, sizeof(request.class_name)))
			return -EBADMSG;
		break;
	default:
		return -EBADMSG;
	}
	*ret_request = request;
	return 0;
}

int handout_long_request_decode(const void *packet, size_t bytes, struct handout_long_request *ret_request)
{
	struct handout_long_request request = { 0 };
	const size_t most = sizeof(request);
	int r;

	if (bytes != most && bytes != sizeof(request.request))
		return -EBADMSG;
	r = handout_request_decode(packet, sizeof(request.request), &request.request);
	if (r < 0)
		return r;
	memcpy(&request, packet, bytes);
	if ((request.flags & ~HANDOUT_TAKES_COLD) || request.wait_s > (request.flags ? HANDOUT_WAIT_MOST_S : 0))
		return -EBADMSG;
	*ret_request = request;
	return 0;
}

int handout_reply_decode(const void *packet, size_t bytes, struct handout_reply *ret_reply)
{
	struct handout_reply reply;

	if (bytes != sizeof(reply))
		return -EBADMSG;
	memcpy(&reply, packet, sizeof(reply));
	if (!is_head(reply.magic, reply.version))
		return -EBADMSG;
	if (handout_is_given(reply.status)) {
		if (reply.pool_bytes == 0 || reply.pool_bytes % POOL_PAGE_LEAST || !is_name_field(reply.class_name))
			return -EBADMSG;
	} else if (reply.pool_bytes || !all_zero(reply.pool_id, sizeof(reply.pool_id)) ||
		   !all_zero(reply.class_name, sizeof(reply.class_name))) {
		return -EBADMSG;
	}
	*ret_reply = reply;
	return 0;
}

const char *handout_status_text(uint32_t status)
{
	switch (status) {
	case HANDOUT_OK: return "a pool was handed out";
	case HANDOUT_NONE_READY: return "no pool is ready";
	case HANDOUT_NO_SUCH_CLASS: return "there is no such class of pools: vmmallocctl status lists all";
	case HANDOUT_NOT_ALLOWED: return "the class is not for this user";
	case HANDOUT_LIMIT:
		return "this user has as many pools of the class as one may have: end a program of this user's, or "
		       "raise max_per_user";
	case HANDOUT_BAD_REQUEST: return "the request was not understood";
	case HANDOUT_BUSY: return "this user has too many connections open";
	case HANDOUT_PINNED:
		return "pools of the class that this user gave back are not free yet: pages of them may still be held";
	case HANDOUT_COLD: return "a cold pool was handed out";
	case HANDOUT_FULL:
		return "the class has as many pools as it may have, and all are in use: end a program, or raise max";
	case HANDOUT_NO_SPACE: return "there is no space left for a pool of the class: free some in its directory";
	case HANDOUT_CROWDED:
		return "as many programs wait for a pool of the class, or of this user do, as may: try again later, or "
		       "raise max_waiting or max_waiting_per_user";
	case HANDOUT_PROCESS_LIMIT:
		return "this process has as many pools of the class as one may have: raise max_per_process";
	case HANDOUT_BYTES_LIMIT:
		return "this user would have more memory in pools than one may have: end a program of this user's, or "
		       "raise max_bytes_per_user";
	case HANDOUT_DRAINED:
		return "the class is drained, and nobody gets a pool of it for now: vmmallocctl enable lets it serve "
		       "again";
	case HANDOUT_CLOSED:
		return "the class is closed by a mistake in the daemon's configuration: vmmallocctl status names it, "
		       "and vmmallocctl reload lets it serve once it is mended";
	case HANDOUT_ENDING: return "the daemon has ended: start it, and try again";
	default: return "it refused, for a reason that this version does not know";
	}
}
