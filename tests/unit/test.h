/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test -- a unit test is run because it is written: TEST() defines it and puts it into its program's list, and test.c
 * has the main() that runs the list. Nothing is listed by hand.
 *
 *   TEST_FIXTURE(set_up, tear_down);          for every test of the program that does not say otherwise
 *   TEST(test_x_does_y) { ... }
 *   TEST_IN(test_x_does_y, "/var/tmp") { ... }       set_up() finds the directory in *state
 *   TEST_ALSO_IN(test_x_does_y, "/var/tmp") { ... }  once without one, and once in it
 *   TEST_WITH(test_x_does_y, other_set_up, other_tear_down) { ... }
 *
 * They run in the order in which they stand in the file. A program's argument is a pattern for the names of those that
 * shall run: build/tests/unit/test_heap '*sparse*'.
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* cmocka 2 has another name for it, and warns of this one. */
#ifndef assert_uint_in_range
#define assert_uint_in_range(value, minimum, maximum) \
	_assert_in_range(cast_to_largest_integral_type(value), cast_to_largest_integral_type(minimum), \
			 cast_to_largest_integral_type(maximum), __FILE__, __LINE__)
#undef assert_in_range
#endif

#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

struct test_fixture {
	CMFixtureFunction set_up, tear_down;
};

struct test {
	const char *name;
	CMUnitTestFunction run;
	const struct test_fixture *fixture;  /* NULL: the program's, if it has one */
	const char *directory;
	int line;
};

extern const struct test_fixture test_fixture;

#define TEST_FIXTURE(set_up, tear_down) const struct test_fixture test_fixture = { set_up, tear_down }

#define TEST(function) \
	TEST_DECLARE(function); \
	TEST_ENTER(function, function##_entry, #function, NULL, NULL) \
	TEST_DEFINE(function)
#define TEST_IN(function, directory) \
	TEST_DECLARE(function); \
	TEST_ENTER(function, function##_entry, #function, NULL, directory) \
	TEST_DEFINE(function)
#define TEST_ALSO_IN(function, directory) \
	TEST_DECLARE(function); \
	TEST_ENTER(function, function##_entry, #function, NULL, NULL) \
	TEST_ENTER(function, function##_entry_there, #function " in " directory, NULL, directory) \
	TEST_DEFINE(function)
#define TEST_WITH(function, set_up, tear_down) \
	TEST_DECLARE(function); \
	static const struct test_fixture function##_fixture = { set_up, tear_down }; \
	TEST_ENTER(function, function##_entry, #function, &function##_fixture, NULL) \
	TEST_DEFINE(function)

#define TEST_DECLARE(function) static void function(void **state)
#define TEST_DEFINE(function) static void function(__attribute__((unused)) void **state)

/* The linker gathers pointers to the entries in a section of their own, and names its beginning and its end. */
#define TEST_ENTER(function, entry, name, fixture, directory) \
	static const struct test entry = { name, function, fixture, directory, __LINE__ }; \
	__attribute__((section("unit_tests"), used)) static const struct test *const entry##_pointer = &entry;

#endif
