/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_handout -- packets from the other end of the hand-out socket. */
/* objects: common/base/ */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/handout.h"
#include "tests/fuzz/fuzz.h"

static bool all_bytes_are(const void *data, size_t size, uint8_t value)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i < size; i++)
		if (byte[i] != value)
			return false;
	return true;
}

static void check_name(const char name[HANDOUT_CLASS_BYTES])
{
	FUZZ_ASSERT(memchr(name, '\0', HANDOUT_CLASS_BYTES));
	FUZZ_ASSERT(handout_class_name_check(name) == 0);
	FUZZ_ASSERT(strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(name));
}

static void check_request(const uint8_t *data, size_t size)
{
	struct handout_request request;
	int r;

	memset(&request, 0xa5, sizeof(request));
	r = handout_request_decode(data, size, &request);
	if (r < 0) {
		FUZZ_ASSERT(r == -EBADMSG && all_bytes_are(&request, sizeof(request), 0xa5));
		return;
	}
	FUZZ_ASSERT(size == sizeof(request) && memcmp(data, &request, size) == 0);
	FUZZ_ASSERT(request.kind == HANDOUT_BY_CLASS || request.kind == HANDOUT_BY_DIRECTORY);
	if (request.kind == HANDOUT_BY_CLASS)
		check_name(request.class_name);
	else
		FUZZ_ASSERT(all_bytes_are(request.class_name, sizeof(request.class_name), 0));
}

static void check_long_request(const uint8_t *data, size_t size)
{
	struct handout_long_request request;
	struct handout_request alone;
	int r;

	memset(&request, 0xa5, sizeof(request));
	r = handout_long_request_decode(data, size, &request);
	if (r < 0) {
		FUZZ_ASSERT(r == -EBADMSG && all_bytes_are(&request, sizeof(request), 0xa5));
		return;
	}
	FUZZ_ASSERT((size == sizeof(request) || size == sizeof(alone)) && memcmp(data, &request, size) == 0);
	FUZZ_ASSERT(handout_request_decode(data, sizeof(alone), &alone) == 0);
	FUZZ_ASSERT(request.wait_s <= (request.flags ? HANDOUT_WAIT_MOST_S : 0));
	FUZZ_ASSERT(size == sizeof(request) ? request.flags <= HANDOUT_TAKES_COLD : request.flags == 0);
}

static void check_reply(const uint8_t *data, size_t size)
{
	struct handout_reply reply;
	int r;

	memset(&reply, 0xa5, sizeof(reply));
	r = handout_reply_decode(data, size, &reply);
	if (r < 0) {
		FUZZ_ASSERT(r == -EBADMSG && all_bytes_are(&reply, sizeof(reply), 0xa5));
		return;
	}
	FUZZ_ASSERT(size == sizeof(reply) && memcmp(data, &reply, size) == 0);
	FUZZ_ASSERT(strlen(handout_status_text(reply.status)) > 0);
	if (handout_is_given(reply.status)) {
		check_name(reply.class_name);
		FUZZ_ASSERT(reply.pool_bytes > 0 && reply.pool_bytes % 4096 == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_request(data, size);
	check_long_request(data, size);
	check_reply(data, size);
	return 0;
}
