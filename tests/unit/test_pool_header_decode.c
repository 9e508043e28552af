/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pool_header_decode -- what is made of headers that their owners have spoilt. */
/* objects: common/base/ common/util/ */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "common/util/pool_header_decode.h"
#include "tests/unit/test.h"

static struct pool_header good_header(void)
{
	return (struct pool_header){ .magic = POOL_HEADER_MAGIC, .version = POOL_HEADER_VERSION,
				     .header_bytes = sizeof(struct pool_header), .pool_bytes = MIB,
				     .owner_command = "sort", .class_name = "small" };
}

static int decode(struct pool_header *header)
{
	return pool_header_decode(header, sizeof(*header), header);
}

TEST(test_pool_header_decode_of_an_honest_client_is_read_as_it_is)
{
	struct pool_header header = good_header(), before;

	for (uint64_t mode = POOL_HEADER_SHARED; mode <= POOL_HEADER_RETURNING; mode++) {
		header.mode = mode;
		header.used_bytes = 12345;
		before = header;
		assert_int_equal(decode(&header), 0);
		assert_memory_equal(&header, &before, sizeof(header));
	}
}

TEST(test_pool_header_decode_must_be_one)
{
	struct pool_header header = good_header(), result;

	memset(&result, 0xa5, sizeof(result));
	for (size_t bytes = 0; bytes < sizeof(header); bytes++)
		assert_int_equal(pool_header_decode(&header, bytes, &result), -EBADMSG);
	for (size_t i = 0; i < sizeof(header.magic); i++) {
		header = good_header();
		header.magic[i] ^= 0x20;
		assert_int_equal(pool_header_decode(&header, sizeof(header), &result), -EBADMSG);
	}
	header = good_header();
	header.version++;
	assert_int_equal(pool_header_decode(&header, sizeof(header), &result), -EPROTO);
	header = good_header();
	header.header_bytes--;
	assert_int_equal(pool_header_decode(&header, sizeof(header), &result), -EPROTO);
	assert_int_equal(result.magic[0], (char)0xa5);
}

TEST(test_pool_header_decode_strings_end_and_can_be_printed)
{
	struct pool_header header = good_header();

	memset(header.owner_command, 'x', sizeof(header.owner_command));
	memset(header.class_name, 'y', sizeof(header.class_name));
	assert_int_equal(decode(&header), 0);
	assert_string_equal(header.owner_command, "xxxxxxxxxxxxxxx");
	assert_int_equal(strlen(header.class_name), sizeof(header.class_name) - 1);

	header = good_header();
	memcpy(header.owner_command, "a\033[2J\n\xff\x7f\0hidden", 15);
	assert_int_equal(decode(&header), 0);
	assert_string_equal(header.owner_command, "a?[2J???");
	for (size_t i = 8; i < sizeof(header.owner_command); i++)
		assert_int_equal(header.owner_command[i], '\0');
}

TEST(test_pool_header_decode_class_that_is_none_is_left_out)
{
	struct pool_header header = good_header();

	strcpy(header.class_name, "../etc");
	assert_int_equal(decode(&header), 0);
	assert_string_equal(header.class_name, "");
}

static struct pool_page good_page(void)
{
	return (struct pool_page){ .header = good_header(),
				   .outside = { .magic = POOL_OUTSIDE_MAGIC, .reasons = POOL_OUTSIDE_REASONS,
						.bytes = { 1, 2, 3, 4, 5, 6 } } };
}

static void assert_unknown(const void *data, size_t bytes)
{
	struct pool_outside outside, nothing = { 0 };

	memset(&outside, 0xa5, sizeof(outside));
	assert_int_equal(pool_outside_decode(data, bytes, &outside), -ENODATA);
	assert_memory_equal(&outside, &nothing, sizeof(outside));
}

TEST(test_pool_header_decode_of_reasons_is_read_as_it_is)
{
	struct pool_page page = good_page();
	struct pool_outside outside;

	assert_int_equal(pool_outside_decode(&page, sizeof(page), &outside), 0);
	assert_memory_equal(&outside, &page.outside, sizeof(outside));
	/* of a later version, which knows more of them */
	page.outside.reasons = POOL_OUTSIDE_MOST;
	page.outside.bytes[POOL_OUTSIDE_MOST - 1] = 7;
	assert_int_equal(pool_outside_decode(&page, sizeof(page), &outside), 0);
	assert_int_equal(outside.bytes[POOL_OUTSIDE_MOST - 1], 7);
	/* and of one that knows fewer: what lies behind is nobody's */
	page.outside.reasons = 2;
	page.outside.unused = 9;
	assert_int_equal(pool_outside_decode(&page, sizeof(page), &outside), 0);
	assert_int_equal(outside.bytes[1], 2);
	for (size_t i = 2; i < POOL_OUTSIDE_MOST; i++)
		assert_int_equal(outside.bytes[i], 0);
	assert_int_equal(outside.unused, 0);
}

TEST(test_pool_header_decode_knows_no_reasons_where_nothing_can_be_meant)
{
	struct pool_page page = good_page();

	for (size_t bytes = 0; bytes < sizeof(page); bytes++)
		assert_unknown(&page, bytes);
	for (size_t i = 0; i < sizeof(page.outside.magic); i++) {
		page = good_page();
		page.outside.magic[i] ^= 0x20;
		assert_unknown(&page, sizeof(page));
	}
	/* a pool of release 1.2.0 */
	page = good_page();
	memset(&page.outside, 0, sizeof(page.outside));
	assert_unknown(&page, sizeof(page));
	page = good_page();
	page.outside.reasons = 0;
	assert_unknown(&page, sizeof(page));
	page.outside.reasons = POOL_OUTSIDE_MOST + 1;
	assert_unknown(&page, sizeof(page));
	page.outside.reasons = UINT32_MAX;
	assert_unknown(&page, sizeof(page));
}

TEST(test_pool_header_decode_mode_that_is_none_is_shared)
{
	struct pool_header header = good_header();

	for (int i = 0; i < 2; i++) {
		header.mode = i ? UINT64_MAX : POOL_HEADER_MODES;
		assert_int_equal(decode(&header), 0);
		assert_int_equal(header.mode, POOL_HEADER_SHARED);
	}
}
