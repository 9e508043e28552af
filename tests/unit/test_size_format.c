/* SPDX-License-Identifier: BSD-3-Clause */
/* test_size_format -- amounts of memory for people to read. */
/* objects: common/util/ */
#include <stdint.h>

#include "common/util/size_format.h"
#include "tests/unit/test.h"

static void assert_short(uint64_t bytes, const char *expected)
{
	char text[SIZE_FORMAT_BYTES];

	size_format_short(bytes, text);
	assert_string_equal(text, expected);
}

static void assert_whole(uint64_t bytes, const char *expected)
{
	char text[SIZE_FORMAT_BYTES];

	size_format_whole(bytes, text);
	assert_string_equal(text, expected);
}

TEST(test_size_format_short_writes_the_largest_unit_rounded)
{
	assert_short(0, "0");
	assert_short(1023, "1023");
	assert_short(1024, "1K");
	assert_short(1536, "1.5K");
	assert_short((1 << 20) - 1, "1024.0K");
	assert_short(64 << 20, "64M");
	assert_short(UINT64_C(3) << 29, "1.5G");
	assert_short(UINT64_C(16) << 40, "16T");
	assert_short(INT64_MAX, "8.0E");
	assert_short(UINT64_MAX, "16.0E");
}

TEST(test_size_format_whole_rounds_nothing)
{
	assert_whole(0, "0 bytes");
	assert_whole(1023, "1023 bytes");
	assert_whole(4097, "4097 bytes");
	assert_whole(1024, "1 KiB");
	assert_whole(1536 << 10, "1536 KiB");
	assert_whole(14 << 20, "14 MiB");
	assert_whole(UINT64_C(1) << 30, "1 GiB");
	assert_whole(UINT64_C(3) << 39, "1536 GiB");
	assert_whole(UINT64_C(2) << 40, "2 TiB");
	assert_whole(UINT64_C(1) << 63, "8 EiB");
	assert_whole(UINT64_MAX, "18446744073709551615 bytes");
}
