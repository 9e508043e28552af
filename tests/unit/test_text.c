/* SPDX-License-Identifier: BSD-3-Clause */
/* test_text -- formatting into a buffer: every directive, and what does not fit. */
/* objects: common/base/ */
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "tests/unit/test.h"

TEST(test_text_copies_plain_characters)
{
	char buffer[32];
	struct text text = TEXT_INIT(buffer);

	text_add(&text, "plain words");
	assert_string_equal(buffer, "plain words");
	assert_int_equal(text.length, strlen("plain words"));
}

TEST(test_text_appends_to_what_is_there)
{
	char buffer[32];
	struct text text = TEXT_INIT(buffer);

	text_add(&text, "one");
	text_add(&text, ", %s", "two");
	text_add(&text, ", %d", 3);
	assert_string_equal(buffer, "one, two, 3");
	assert_int_equal(text.length, 11);
}

TEST(test_text_writes_strings_and_characters)
{
	char buffer[64];
	struct text text = TEXT_INIT(buffer);

	text_add(&text, "[%s][%s][%c%c]", "", "a%sb", 'x', '%');
	assert_string_equal(buffer, "[][a%sb][x%]");
}

TEST(test_text_writes_null_string_as_word)
{
	char buffer[32];
	struct text text = TEXT_INIT(buffer);
	const char *volatile none = NULL;

	text_add(&text, "<%s>", none);
	assert_string_equal(buffer, "<(null)>");
}

TEST(test_text_writes_percent_sign)
{
	char buffer[32];
	struct text text = TEXT_INIT(buffer);

	text_add(&text, "100 %%, %d%%", 50);
	assert_string_equal(buffer, "100 %, 50%");
}

TEST(test_text_writes_ints_like_printf)
{
	static const int numbers[] = { 0, 1, -1, 9, 10, -10, 1234567890, INT_MAX, INT_MIN };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		char buffer[128], expected[128];
		struct text text = TEXT_INIT(buffer);
		unsigned number = (unsigned)numbers[i];

		text_add(&text, "%d %u %x", numbers[i], number, number);
		snprintf(expected, sizeof(expected), "%d %u %x", numbers[i], number, number);
		assert_string_equal(buffer, expected);
	}
}

TEST(test_text_writes_long_numbers_like_printf)
{
	static const long numbers[] = { 0, -1, 1L << 32, -(1L << 40), LONG_MAX, LONG_MIN };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		char buffer[256], expected[256];
		struct text text = TEXT_INIT(buffer);
		long n = numbers[i];
		long long nn = n;
		size_t z = (size_t)n;

		text_add(&text, "%ld %lu %lx", n, (unsigned long)n, (unsigned long)n);
		text_add(&text, " %lld %llu %llx", nn, (unsigned long long)nn, (unsigned long long)nn);
		text_add(&text, " %zd %zu %zx", (ssize_t)n, z, z);
		snprintf(expected, sizeof(expected), "%ld %lu %lx %lld %llu %llx %zd %zu %zx", n, (unsigned long)n,
			 (unsigned long)n, nn, (unsigned long long)nn, (unsigned long long)nn, (ssize_t)n, z, z);
		assert_string_equal(buffer, expected);
	}
}

TEST(test_text_keeps_arguments_of_mixed_widths_apart)
{
	char buffer[128];
	struct text text = TEXT_INIT(buffer);

	text_add(&text, "%d %zu %s %u %ld %c", -1, (size_t)SIZE_MAX, "s", UINT_MAX, -1L, 'c');
	assert_string_equal(buffer, "-1 18446744073709551615 s 4294967295 -1 c");
}

TEST(test_text_writes_pointers_in_hexadecimal)
{
	char buffer[64];
	struct text text = TEXT_INIT(buffer);

	text_add(&text, "%p %p", (void *)(uintptr_t)0x7fffdeadbeef, (void *)NULL);
	assert_string_equal(buffer, "0x7fffdeadbeef 0x0");
}

TEST(test_text_cuts_off_what_does_not_fit)
{
	char buffer[8];
	struct text text = TEXT_INIT(buffer);

	text_add(&text, "%s%d", "12345", 6789);
	assert_string_equal(buffer, "1234567");
	assert_int_equal(text.length, 7);
	text_add(&text, "more");
	assert_string_equal(buffer, "1234567");
	assert_int_equal(text.length, 7);
}

TEST(test_text_fills_a_buffer_to_its_last_byte)
{
	char buffer[8];
	struct text text = TEXT_INIT(buffer);

	text_add(&text, "1234567");
	assert_string_equal(buffer, "1234567");
}

TEST(test_text_never_writes_past_any_size)
{
	char buffer[40];

	for (size_t size = 1; size < sizeof(buffer); size++) {
		struct text text = { .data = buffer, .size = size };
		char expected[40];

		memset(buffer, '#', sizeof(buffer));
		text_add(&text, "%s|%d|%p|%c", "string", -123456, (void *)(uintptr_t)0xabcdef, 'z');
		snprintf(expected, size, "%s", "string|-123456|0xabcdef|z");
		assert_string_equal(buffer, expected);
		for (size_t i = size; i < sizeof(buffer); i++)
			assert_int_equal(buffer[i], '#');
	}
}

TEST(test_text_ends_in_nul_when_nothing_was_added)
{
	char buffer[8];
	struct text text = TEXT_INIT(buffer);

	memset(buffer, '#', sizeof(buffer));
	text_add(&text, "%s", "");
	assert_int_equal(text.length, 0);
	assert_int_equal(buffer[0], '\0');
}

static void add_through_va(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_add_va(text, format, args);
	va_end(args);
}

TEST(test_text_add_va_takes_a_list)
{
	char buffer[32];
	struct text text = TEXT_INIT(buffer);

	add_through_va(&text, "%s=%zu", "size", (size_t)42);
	assert_string_equal(buffer, "size=42");
}
