/* SPDX-License-Identifier: BSD-3-Clause */
/* test_handout -- what the decoders take, and every way in which a packet can be wrong. */
/* objects: common/base/ */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "common/base/handout.h"
#include "tests/unit/test.h"

static struct handout_request by_class(void)
{
	return (struct handout_request){ .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION, .kind = HANDOUT_BY_CLASS,
					 .least_bytes = 4096, .class_name = "warm-1" };
}

static struct handout_request by_directory(void)
{
	return (struct handout_request){ .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION,
					 .kind = HANDOUT_BY_DIRECTORY, .least_bytes = UINT64_MAX, .dir_dev = 7,
					 .dir_ino = 9 };
}

static struct handout_reply good_reply(void)
{
	return (struct handout_reply){ .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION, .status = HANDOUT_OK,
				       .pool_bytes = 8192, .pool_id = { 1, 2, 3 }, .class_name = "warm" };
}

static struct handout_reply refusal(uint32_t status)
{
	return (struct handout_reply){ .magic = HANDOUT_MAGIC, .version = HANDOUT_VERSION, .status = status };
}

/* A refused packet leaves the result as it was. */
static void assert_bad_request(struct handout_request request)
{
	struct handout_request result, before;

	memset(&result, 0xa5, sizeof(result));
	before = result;
	assert_int_equal(handout_request_decode(&request, sizeof(request), &result), -EBADMSG);
	assert_memory_equal(&result, &before, sizeof(result));
}

static void assert_bad_reply(struct handout_reply reply)
{
	struct handout_reply result, before;

	memset(&result, 0xa5, sizeof(result));
	before = result;
	assert_int_equal(handout_reply_decode(&reply, sizeof(reply), &result), -EBADMSG);
	assert_memory_equal(&result, &before, sizeof(result));
}

TEST(test_handout_takes_good_requests)
{
	struct handout_request request = by_class(), result;

	assert_int_equal(handout_request_decode(&request, sizeof(request), &result), 0);
	assert_memory_equal(&result, &request, sizeof(request));
	request.least_bytes = 0;
	assert_int_equal(handout_request_decode(&request, sizeof(request), &result), 0);
	request = by_directory();
	assert_int_equal(handout_request_decode(&request, sizeof(request), &result), 0);
	assert_memory_equal(&result, &request, sizeof(request));
}

TEST(test_handout_decodes_from_any_address)
{
	char packet[sizeof(struct handout_request) + 1];
	struct handout_request request = by_class(), result;

	memcpy(packet + 1, &request, sizeof(request));
	assert_int_equal(handout_request_decode(packet + 1, sizeof(request), &result), 0);
	assert_memory_equal(&result, &request, sizeof(request));
}

TEST(test_handout_refuses_packets_of_another_size)
{
	struct { struct handout_request request; char more; } packet = { .request = by_class() };
	struct { struct handout_reply reply; char more; } answer = { .reply = good_reply() };
	struct handout_request request;
	struct handout_reply reply;

	for (size_t bytes = 0; bytes <= sizeof(struct handout_request) + 1; bytes++) {
		int expected = bytes == sizeof(struct handout_request) ? 0 : -EBADMSG;

		assert_int_equal(handout_request_decode(&packet, bytes, &request), expected);
		assert_int_equal(handout_reply_decode(&answer, bytes, &reply), expected);
	}
}

TEST(test_handout_refuses_requests_of_another_protocol)
{
	struct handout_request request = by_class();

	for (size_t i = 0; i < sizeof(request.magic); i++) {
		request.magic[i] ^= 1;
		assert_bad_request(request);
		request.magic[i] ^= 1;
	}
	request.version = HANDOUT_VERSION + 1;
	assert_bad_request(request);
	request = by_class();
	for (uint32_t kind = 0; kind < 5; kind++) {
		request.kind = kind;
		if (kind != HANDOUT_BY_CLASS)
			assert_bad_request(request);
	}
}

TEST(test_handout_refuses_fields_that_the_kind_does_not_use)
{
	struct handout_request request = by_class();

	request.dir_dev = 1;
	assert_bad_request(request);
	request = by_class();
	request.dir_ino = 1;
	assert_bad_request(request);
	request = by_directory();
	request.class_name[0] = 'a';
	assert_bad_request(request);
	request = by_directory();
	request.class_name[HANDOUT_CLASS_BYTES - 1] = 'a';
	assert_bad_request(request);
}

TEST(test_handout_refuses_class_names_that_are_none)
{
	struct handout_request request = by_class();

	memset(request.class_name, 0, sizeof(request.class_name));
	assert_bad_request(request);
	memset(request.class_name, 'a', sizeof(request.class_name));  /* no NUL */
	assert_bad_request(request);
	request.class_name[HANDOUT_CLASS_BYTES - 1] = '\0';
	assert_int_equal(handout_request_decode(&request, sizeof(request), &request), 0);
	request = by_class();
	request.class_name[2] = '/';
	assert_bad_request(request);
	request = by_class();
	request.class_name[20] = 'x';  /* behind the NUL */
	assert_bad_request(request);
}

TEST(test_handout_takes_long_requests_and_short_ones)
{
	const struct handout_long_request good = { .request = by_class(), .flags = HANDOUT_TAKES_COLD };
	struct handout_long_request request = good, result, before;
	char longer[sizeof(good) + 1] = "";

	assert_int_equal(handout_long_request_decode(&request, sizeof(request), &result), 0);
	assert_memory_equal(&result, &good, sizeof(good));
	assert_int_equal(handout_long_request_decode(&request, sizeof(request.request), &result), 0);
	assert_memory_equal(&result.request, &good.request, sizeof(good.request));
	assert_int_equal(result.flags, 0);
	/* a daemon of before takes none for a request */
	assert_int_equal(handout_request_decode(&request, sizeof(request), &result.request), -EBADMSG);

	memcpy(longer, &good, sizeof(good));
	before = result;
	for (size_t bytes = 0; bytes <= sizeof(longer); bytes++)
		if (bytes != sizeof(good) && bytes != sizeof(good.request))
			assert_int_equal(handout_long_request_decode(longer, bytes, &result), -EBADMSG);
	request.wait_s = HANDOUT_WAIT_MOST_S;
	assert_int_equal(handout_long_request_decode(&request, sizeof(request), &result), 0);
	assert_int_equal(result.wait_s, HANDOUT_WAIT_MOST_S);
	before = result;
	request.flags = 2;
	assert_int_equal(handout_long_request_decode(&request, sizeof(request), &result), -EBADMSG);
	request = good;
	request.wait_s = HANDOUT_WAIT_MOST_S + 1;
	assert_int_equal(handout_long_request_decode(&request, sizeof(request), &result), -EBADMSG);
	/* a wait takes what there is, cold ones as well */
	request.wait_s = 1;
	request.flags = 0;
	assert_int_equal(handout_long_request_decode(&request, sizeof(request), &result), -EBADMSG);
	request = good;
	request.request.kind = 3;
	assert_int_equal(handout_long_request_decode(&request, sizeof(request), &result), -EBADMSG);
	assert_memory_equal(&result, &before, sizeof(before));
}

TEST(test_handout_takes_good_replies)
{
	struct handout_reply reply = good_reply(), result;

	assert_int_equal(handout_reply_decode(&reply, sizeof(reply), &result), 0);
	assert_memory_equal(&result, &reply, sizeof(reply));
	reply.status = HANDOUT_COLD;
	assert_int_equal(handout_reply_decode(&reply, sizeof(reply), &result), 0);
	assert_memory_equal(&result, &reply, sizeof(reply));
	for (uint32_t status = HANDOUT_NONE_READY; status < HANDOUT_STATUSES; status++) {
		if (handout_is_given(status))
			continue;
		reply = refusal(status);
		assert_int_equal(handout_reply_decode(&reply, sizeof(reply), &result), 0);
		assert_int_equal(result.status, status);
	}
}

TEST(test_handout_takes_a_status_of_a_newer_daemon_for_a_refusal)
{
	const uint32_t newer[] = { HANDOUT_STATUSES, UINT32_MAX };

	for (size_t i = 0; i < sizeof(newer) / sizeof(*newer); i++) {
		struct handout_reply reply = refusal(newer[i]), result;

		assert_int_equal(handout_reply_decode(&reply, sizeof(reply), &result), 0);
		assert_int_equal(result.status, newer[i]);
		reply.pool_bytes = 1 << 24;
		assert_bad_reply(reply);
	}
}

TEST(test_handout_refuses_replies_of_another_protocol)
{
	struct handout_reply reply = good_reply();

	reply.magic[6] = 'X';
	assert_bad_reply(reply);
	reply = good_reply();
	reply.version = 0;
	assert_bad_reply(reply);
}

TEST(test_handout_refuses_pools_of_no_or_broken_pages)
{
	struct handout_reply reply = good_reply();

	reply.pool_bytes = 0;
	assert_bad_reply(reply);
	reply.pool_bytes = 4097;
	assert_bad_reply(reply);
	reply.pool_bytes = UINT64_MAX;
	assert_bad_reply(reply);
	reply = good_reply();
	reply.class_name[0] = '\0';
	assert_bad_reply(reply);
}

TEST(test_handout_refuses_refusals_that_carry_a_pool)
{
	struct handout_reply reply = refusal(HANDOUT_NONE_READY);

	reply.pool_bytes = 4096;
	assert_bad_reply(reply);
	reply = refusal(HANDOUT_LIMIT);
	reply.pool_id[15] = 1;
	assert_bad_reply(reply);
	reply = refusal(HANDOUT_LIMIT);
	reply.class_name[0] = 'a';
	assert_bad_reply(reply);
}

TEST(test_handout_class_names)
{
	char longest[HANDOUT_CLASS_BYTES], too_long[HANDOUT_CLASS_BYTES + 1];
	const char *bad[] = { "", " ", "a b", "a/b", "..", "a.b", "a\n", "\xc3\xa4", "a:", "@", "[", "`", "{" };

	memset(longest, 'z', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	memset(too_long, 'z', sizeof(too_long));
	too_long[sizeof(too_long) - 1] = '\0';
	assert_int_equal(handout_class_name_check("AZaz09_-"), 0);
	assert_int_equal(handout_class_name_check("-"), 0);
	assert_int_equal(handout_class_name_check(longest), 0);
	assert_int_equal(handout_class_name_check(too_long), -EINVAL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(handout_class_name_check(bad[i]), -EINVAL);
}

TEST(test_handout_has_its_own_words_for_each_status)
{
	assert_string_equal(handout_status_text(HANDOUT_NONE_READY), "no pool is ready");
	assert_string_equal(handout_status_text(HANDOUT_STATUSES),
			    "it refused, for a reason that this version does not know");
	for (uint32_t a = 0; a < HANDOUT_STATUSES; a++)
		for (uint32_t b = 0; b <= HANDOUT_STATUSES; b++)
			assert_true(a == b || strcmp(handout_status_text(a), handout_status_text(b)) != 0);
}
