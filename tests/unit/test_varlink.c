/* SPDX-License-Identifier: BSD-3-Clause */
/* test_varlink -- messages come out whole, however the bytes came in, and none past the limit. */
/* objects: common/util/ */
/* wrap: realloc */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/varlink.h"
#include "tests/unit/faults.h"
#include "tests/unit/test.h"

/* Puts bytes in as far as they fit; returns how many, or -errno. */
static long put(struct varlink_splitter *splitter, const char *bytes, size_t count)
{
	size_t done = 0;

	while (done < count) {
		char *space;
		size_t room;
		int r = varlink_splitter_space(splitter, &space, &room);

		if (r < 0)
			return done ? (long)done : r;
		assert_true(room > 0);
		if (room > count - done)
			room = count - done;
		memcpy(space, bytes + done, room);
		varlink_splitter_filled(splitter, room);
		done += room;
	}
	return (long)done;
}

static void assert_next(struct varlink_splitter *splitter, const char *expected)
{
	char *message;
	size_t bytes;

	assert_true(varlink_splitter_has_message(splitter));
	assert_true(varlink_splitter_next(splitter, &message, &bytes));
	assert_string_equal(message, expected);
	assert_int_equal(bytes, strlen(expected));
}

static void assert_none(struct varlink_splitter *splitter)
{
	char *message;
	size_t bytes;

	assert_false(varlink_splitter_has_message(splitter));
	assert_false(varlink_splitter_next(splitter, &message, &bytes));
}

static const char stream[] = "{\"method\":\"a.B\"}\0\0{}\0rest";
#define STREAM_BYTES (sizeof(stream) - 1)

TEST(test_varlink_splits_at_every_byte)
{
	for (size_t first = 0; first <= STREAM_BYTES; first++)
		for (size_t second = first; second <= STREAM_BYTES; second++) {
			struct varlink_splitter splitter;
			const char *expected[] = { "{\"method\":\"a.B\"}", "", "{}" };
			size_t cuts[] = { 0, first, second, STREAM_BYTES }, seen = 0;

			varlink_splitter_init(&splitter, 100);
			for (size_t i = 0; i < 3; i++) {
				size_t bytes = cuts[i + 1] - cuts[i];

				assert_int_equal(put(&splitter, stream + cuts[i], bytes), bytes);
				while (varlink_splitter_has_message(&splitter))
					assert_next(&splitter, expected[seen++]);
			}
			assert_int_equal(seen, 3);
			assert_none(&splitter);
			assert_int_equal(splitter.end - splitter.begin, strlen("rest"));
			put(&splitter, "", 1);
			assert_next(&splitter, "rest");
			assert_int_equal(splitter.begin, splitter.end);
			varlink_splitter_done(&splitter);
		}
}

TEST(test_varlink_takes_bytes_one_by_one)
{
	struct varlink_splitter splitter;

	varlink_splitter_init(&splitter, 16);
	for (int round = 0; round < 1000; round++) {
		for (size_t i = 0; i < 16; i++) {
			assert_int_equal(put(&splitter, "0123456789abcdef" + i, 1), 1);
			assert_none(&splitter);
		}
		put(&splitter, "", 1);
		assert_next(&splitter, "0123456789abcdef");
	}
	varlink_splitter_done(&splitter);
}

TEST(test_varlink_takes_the_longest_message_and_refuses_one_byte_more)
{
	static const size_t limits[] = { 1, 2, 4095, 4096, 4097, 65536 };

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		struct varlink_splitter splitter;
		char *message = malloc(limits[i] + 2);

		memset(message, 'x', limits[i] + 1);
		message[limits[i] + 1] = '\0';
		varlink_splitter_init(&splitter, limits[i]);
		assert_int_equal(put(&splitter, message, limits[i] + 1), limits[i] + 1);
		assert_none(&splitter);
		assert_int_equal(put(&splitter, "", 1), -EMSGSIZE);
		assert_true(splitter.size <= limits[i] + 1);
		varlink_splitter_done(&splitter);

		message[limits[i]] = '\0';
		varlink_splitter_init(&splitter, limits[i]);
		assert_int_equal(put(&splitter, message, limits[i] + 1), limits[i] + 1);
		assert_next(&splitter, message);
		assert_int_equal(splitter.begin, splitter.end);
		varlink_splitter_done(&splitter);
		free(message);
	}
}

TEST(test_varlink_does_not_take_a_full_buffer_of_messages_for_a_long_one)
{
	struct varlink_splitter splitter;

	varlink_splitter_init(&splitter, 5);
	assert_int_equal(put(&splitter, "ab\0cd\0ef", 8), 6);
	assert_int_equal(put(&splitter, "ef", 2), -ENOBUFS);
	assert_next(&splitter, "ab");
	assert_int_equal(put(&splitter, "efg", 3), 3);
	assert_next(&splitter, "cd");
	assert_int_equal(put(&splitter, "hi", 2), 2);
	assert_none(&splitter);
	put(&splitter, "", 1);
	assert_next(&splitter, "efghi");
	varlink_splitter_done(&splitter);
}

TEST(test_varlink_keeps_what_it_has_when_memory_is_short)
{
	struct varlink_splitter splitter;
	char half[4096];

	memset(half, 'y', sizeof(half));
	varlink_splitter_init(&splitter, 8192);
	assert_int_equal(put(&splitter, half, sizeof(half)), sizeof(half));
	faults_order("memory", 0, FAULTS_ALWAYS, ENOMEM);
	assert_int_equal(put(&splitter, "z", 2), -ENOMEM);
	faults_clear();
	assert_int_equal(put(&splitter, "z", 2), 2);

	char *message;
	size_t bytes;

	assert_true(varlink_splitter_next(&splitter, &message, &bytes));
	assert_int_equal(bytes, 4097);
	assert_memory_equal(message, half, 4096);
	assert_string_equal(message + 4096, "z");
	varlink_splitter_done(&splitter);
}

TEST(test_varlink_splits_method_names_at_the_last_dot)
{
	const char *method = NULL;
	size_t bytes = 0;

	assert_true(varlink_method_split("org.vmmalloc.List", &bytes, &method));
	assert_int_equal(bytes, strlen(VARLINK_VMMALLOC));
	assert_string_equal(method, "List");
	assert_false(varlink_method_split("", &bytes, &method));
	assert_false(varlink_method_split("List", &bytes, &method));
	assert_false(varlink_method_split(".List", &bytes, &method));
	assert_false(varlink_method_split("org.vmmalloc.", &bytes, &method));
}
