/* SPDX-License-Identifier: BSD-3-Clause */
/* test_environment -- a variable's value, and whether it is good. */
/* objects: common/base/environment.c common/base/size.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/environment.h"

#define ENVIRONMENT(...) ((char *const *)(const char *[]){ __VA_ARGS__, NULL })
#define LEAST ((size_t)14 << 20)

static void test_environment_value_finds_a_variable(void **state)
{
	char *const *environment = ENVIRONMENT("A=1", "B=two=2", "C=");

	(void)state;
	assert_string_equal(environment_value(environment, "A"), "1");
	assert_string_equal(environment_value(environment, "B"), "two=2");
	assert_string_equal(environment_value(environment, "C"), "");
}

static void test_environment_value_compares_whole_names(void **state)
{
	char *const *environment = ENVIRONMENT("NAMES=1", "MY_NAME=2", "NAME", "name=3", "", "=4");

	(void)state;
	assert_null(environment_value(environment, "NAME"));
	assert_null(environment_value(environment, "N"));
}

static void test_environment_value_takes_the_first_of_two(void **state)
{
	(void)state;
	assert_string_equal(environment_value(ENVIRONMENT("A=1", "A=2"), "A"), "1");
}

static void test_environment_value_bears_no_environment(void **state)
{
	char *const empty[] = { NULL };

	(void)state;
	assert_null(environment_value(empty, "A"));
	assert_null(environment_value(NULL, "A"));
}

static void test_environment_pool_size_has_a_least_one(void **state)
{
	size_t bytes = 0;

	(void)state;
	assert_int_equal(environment_pool_size("14M", LEAST, &bytes), 0);
	assert_int_equal(bytes, LEAST);
	assert_int_equal(environment_pool_size("14680063", LEAST, &bytes), -ENOSPC);
	assert_int_equal(bytes, LEAST - 1);
}

static void test_environment_pool_size_refuses_what_is_none(void **state)
{
	size_t bytes = 5;

	(void)state;
	assert_int_equal(environment_pool_size("64MB", LEAST, &bytes), -EINVAL);
	assert_int_equal(environment_pool_size("-64M", LEAST, &bytes), -EDOM);
	assert_int_equal(environment_pool_size("16777216T", LEAST, &bytes), -ERANGE);
	assert_int_equal(bytes, 5);
}

static void test_environment_fork_knows_five_values(void **state)
{
	static const char *const bad[] = { "", "4", "01", "11", "-1", "Auto", "auto " };

	(void)state;
	assert_int_equal(environment_fork("0"), 0);
	assert_int_equal(environment_fork("1"), 1);
	assert_int_equal(environment_fork("2"), 2);
	assert_int_equal(environment_fork("3"), 3);
	assert_int_equal(environment_fork("auto"), ENVIRONMENT_FORK_AUTO);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(environment_fork(bad[i]), -EINVAL);
}

static void test_environment_children_tells_words_from_sizes(void **state)
{
	(void)state;
	assert_int_equal(environment_children("inherit"), ENVIRONMENT_CHILDREN_INHERIT);
	assert_int_equal(environment_children("off"), ENVIRONMENT_CHILDREN_OFF);
	assert_int_equal(environment_children("64M"), ENVIRONMENT_CHILDREN_SIZE);
	assert_int_equal(environment_children("-1"), ENVIRONMENT_CHILDREN_SIZE);
	assert_int_equal(environment_children("on"), -EINVAL);
	assert_int_equal(environment_children(""), -EINVAL);
}

static void test_environment_arenas_takes_plain_numbers_only(void **state)
{
	static const char *const bad[] = { "", "0", "-1", "4095", "99999999999999999999", "4294967297", "four", "4 ",
					   "1.5", "1K" };

	(void)state;
	assert_int_equal(environment_arenas("1"), 1);
	assert_int_equal(environment_arenas("4094"), 4094);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(environment_arenas(bad[i]), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environment_value_finds_a_variable),
		cmocka_unit_test(test_environment_value_compares_whole_names),
		cmocka_unit_test(test_environment_value_takes_the_first_of_two),
		cmocka_unit_test(test_environment_value_bears_no_environment),
		cmocka_unit_test(test_environment_pool_size_has_a_least_one),
		cmocka_unit_test(test_environment_pool_size_refuses_what_is_none),
		cmocka_unit_test(test_environment_fork_knows_five_values),
		cmocka_unit_test(test_environment_children_tells_words_from_sizes),
		cmocka_unit_test(test_environment_arenas_takes_plain_numbers_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
