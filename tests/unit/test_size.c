/* SPDX-License-Identifier: BSD-3-Clause */
/* test_size -- amounts of memory as people write them. */
/* objects: common/base/ */
#include <errno.h>
#include <stdint.h>

#include "common/base/size.h"
#include "tests/unit/test.h"

#define UNTOUCHED ((size_t)0x5a5a5a5a5a5a5a5a)

static void assert_reads(const char *string, size_t expected)
{
	size_t bytes = UNTOUCHED;

	if (size_parse(string, &bytes) != 0)
		fail_msg("'%s' is refused", string);
	if (bytes != expected)
		fail_msg("'%s' gives %zu, not %zu", string, bytes, expected);
}

static void assert_refused(const char *string, int expected)
{
	size_t bytes = UNTOUCHED;
	int r = size_parse(string, &bytes);

	if (r != expected)
		fail_msg("'%s' gives %d, not %d", string, r, expected);
	assert_int_equal(bytes, UNTOUCHED);
}

TEST(test_size_reads_plain_numbers)
{
	assert_reads("0", 0);
	assert_reads("1", 1);
	assert_reads("14680064", 14680064);
	assert_reads("00012", 12);
	assert_reads("18446744073709551615", SIZE_MAX);
}

TEST(test_size_reads_suffixes_as_powers_of_1024)
{
	assert_reads("3K", (size_t)3 << 10);
	assert_reads("64M", (size_t)64 << 20);
	assert_reads("16G", (size_t)16 << 30);
	assert_reads("2T", (size_t)2 << 40);
	assert_reads("0G", 0);
}

TEST(test_size_reads_small_suffixes)
{
	assert_reads("3k", (size_t)3 << 10);
	assert_reads("64m", (size_t)64 << 20);
	assert_reads("16g", (size_t)16 << 30);
	assert_reads("2t", (size_t)2 << 40);
}

TEST(test_size_reads_the_largest_of_every_suffix)
{
	assert_reads("18014398509481983K", SIZE_MAX - 1023);
	assert_reads("17592186044415M", SIZE_MAX - ((size_t)1 << 20) + 1);
	assert_reads("17179869183G", SIZE_MAX - ((size_t)1 << 30) + 1);
	assert_reads("16777215T", SIZE_MAX - ((size_t)1 << 40) + 1);
}

TEST(test_size_refuses_what_does_not_fit)
{
	assert_refused("18446744073709551616", -ERANGE);
	assert_refused("18446744073709551620", -ERANGE);
	assert_refused("99999999999999999999999999999999999999999", -ERANGE);
	assert_refused("18014398509481984K", -ERANGE);
	assert_refused("17592186044416M", -ERANGE);
	assert_refused("17179869184G", -ERANGE);
	assert_refused("16777216T", -ERANGE);
	assert_refused("99999999999999999999T", -ERANGE);
}

TEST(test_size_refuses_negative_numbers)
{
	assert_refused("-1", -EDOM);
	assert_refused("-64M", -EDOM);
	assert_refused("-99999999999999999999999999", -EDOM);
}

TEST(test_size_refuses_what_is_no_number)
{
	assert_refused("", -EINVAL);
	assert_refused("-", -EINVAL);
	assert_refused("--1", -EINVAL);
	assert_refused("+1", -EINVAL);
	assert_refused("abc", -EINVAL);
	assert_refused("M", -EINVAL);
	assert_refused("-M", -EINVAL);
	assert_refused(".5G", -EINVAL);
}

TEST(test_size_refuses_anything_before_or_after)
{
	assert_refused(" 64M", -EINVAL);
	assert_refused("64M ", -EINVAL);
	assert_refused("64 M", -EINVAL);
	assert_refused("64\n", -EINVAL);
	assert_refused("64MB", -EINVAL);
	assert_refused("64MM", -EINVAL);
	assert_refused("64KiB", -EINVAL);
	assert_refused("64P", -EINVAL);
	assert_refused("1.5G", -EINVAL);
	assert_refused("1,024", -EINVAL);
	assert_refused("1e9", -EINVAL);
	assert_refused("0x1000000", -EINVAL);
	assert_refused("-1x", -EINVAL);
	assert_refused("99999999999999999999999x", -EINVAL);
}
