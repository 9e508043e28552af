/* SPDX-License-Identifier: BSD-3-Clause */
/* test_environment -- a variable's value, and whether it is good. */
/* objects: common/base/ */
#include <errno.h>
#include <string.h>

#include "common/base/environment.h"
#include "tests/unit/test.h"

#define ENVIRONMENT(...) ((char *const *)(const char *[]){ __VA_ARGS__, NULL })
#define LEAST ((size_t)14 << 20)

TEST(test_environment_value_finds_a_variable)
{
	char *const *environment = ENVIRONMENT("A=1", "B=two=2", "C=");

	assert_string_equal(environment_value(environment, "A"), "1");
	assert_string_equal(environment_value(environment, "B"), "two=2");
	assert_string_equal(environment_value(environment, "C"), "");
}

TEST(test_environment_value_compares_whole_names)
{
	char *const *environment = ENVIRONMENT("NAMES=1", "MY_NAME=2", "NAME", "name=3", "", "=4");

	assert_null(environment_value(environment, "NAME"));
	assert_null(environment_value(environment, "N"));
}

TEST(test_environment_value_takes_the_first_of_two)
{
	assert_string_equal(environment_value(ENVIRONMENT("A=1", "A=2"), "A"), "1");
}

TEST(test_environment_value_bears_no_environment)
{
	char *const empty[] = { NULL };

	assert_null(environment_value(empty, "A"));
	assert_null(environment_value(NULL, "A"));
}

TEST(test_environment_pool_size_has_a_least_one)
{
	size_t bytes = 0;

	assert_int_equal(environment_pool_size("14M", LEAST, &bytes), 0);
	assert_int_equal(bytes, LEAST);
	assert_int_equal(environment_pool_size("14680063", LEAST, &bytes), -ENOSPC);
	assert_int_equal(bytes, LEAST - 1);
}

TEST(test_environment_pool_size_refuses_what_is_none)
{
	size_t bytes = 5;

	assert_int_equal(environment_pool_size("64MB", LEAST, &bytes), -EINVAL);
	assert_int_equal(environment_pool_size("-64M", LEAST, &bytes), -EDOM);
	assert_int_equal(environment_pool_size("16777216T", LEAST, &bytes), -ERANGE);
	assert_int_equal(bytes, 5);
}

TEST(test_environment_fork_knows_five_values)
{
	static const char *const bad[] = { "", "4", "01", "11", "-1", "Auto", "auto " };

	assert_int_equal(environment_fork("0"), 0);
	assert_int_equal(environment_fork("1"), 1);
	assert_int_equal(environment_fork("2"), 2);
	assert_int_equal(environment_fork("3"), 3);
	assert_int_equal(environment_fork("auto"), ENVIRONMENT_FORK_AUTO);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(environment_fork(bad[i]), -EINVAL);
}

TEST(test_environment_children_tells_words_from_sizes)
{
	assert_int_equal(environment_children("inherit"), ENVIRONMENT_CHILDREN_INHERIT);
	assert_int_equal(environment_children("off"), ENVIRONMENT_CHILDREN_OFF);
	assert_int_equal(environment_children("64M"), ENVIRONMENT_CHILDREN_SIZE);
	assert_int_equal(environment_children("-1"), ENVIRONMENT_CHILDREN_SIZE);
	assert_int_equal(environment_children("on"), -EINVAL);
	assert_int_equal(environment_children(""), -EINVAL);
}

TEST(test_environment_release_is_a_number_or_never)
{
	static const char *const bad[] = { "", "-1", "1000001", "99999999999999999999", "10s", "1K", "1.5", "Never",
					   "no" };

	assert_int_equal(environment_release("0"), 0);
	assert_int_equal(environment_release("10"), 10);
	assert_int_equal(environment_release("1000000"), 1000000);
	assert_int_equal(environment_release("never"), ENVIRONMENT_RELEASE_NEVER);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(environment_release(bad[i]), -EINVAL);
}

TEST(test_environment_wait_is_a_number_of_seconds)
{
	static const char *const bad[] = { "", "-1", "1000001", "4294967296", "99999999999999999999", "10s", "1K",
					   "1.5", " 1", "forever" };

	assert_int_equal(environment_wait("0"), 0);
	assert_int_equal(environment_wait("10"), 10);
	assert_int_equal(environment_wait("1000000"), 1000000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(environment_wait(bad[i]), -EINVAL);
}

TEST(test_environment_arenas_takes_plain_numbers_only)
{
	static const char *const bad[] = { "", "0", "-1", "4095", "99999999999999999999", "4294967297", "four", "4 ",
					   "1.5", "1K" };

	assert_int_equal(environment_arenas("1"), 1);
	assert_int_equal(environment_arenas("4094"), 4094);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(environment_arenas(bad[i]), -EINVAL);
}
