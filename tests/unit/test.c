/* SPDX-License-Identifier: BSD-3-Clause */
/* test -- see test.h. */
#include "tests/unit/test.h"

#include <stdlib.h>

/* The linker's names for the ends of the section. A program without a fixture has NULL for its address. */
extern const struct test *const __start_unit_tests[], *const __stop_unit_tests[];
#pragma weak test_fixture

/* The compiler is free to put the entries in any order. */
static int by_line(const void *left, const void *right)
{
	const struct test *a = *(const struct test *const *)left, *b = *(const struct test *const *)right;

	return a->line != b->line ? (a->line > b->line) - (a->line < b->line) : !!a->directory - !!b->directory;
}

static struct CMUnitTest as_cmocka_has_it(const struct test *test)
{
	const struct test_fixture none = { NULL, NULL };
	const struct test_fixture *fixture = test->fixture ? test->fixture : &test_fixture ? &test_fixture : &none;

	return (struct CMUnitTest){ test->name, test->run, fixture->set_up, fixture->tear_down,
				    (void *)test->directory };
}

int main(int argc, char **argv)
{
	size_t count = (size_t)(__stop_unit_tests - __start_unit_tests);
	const struct test **list = calloc(count, sizeof(const struct test *));
	struct CMUnitTest *tests = calloc(count, sizeof(*tests));
	int failed;

	if (!list || !tests)
		return 1;
	for (size_t i = 0; i < count; i++)
		list[i] = __start_unit_tests[i];
	qsort(list, count, sizeof(const struct test *), by_line);
	for (size_t i = 0; i < count; i++)
		tests[i] = as_cmocka_has_it(list[i]);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	failed = _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
	free(tests);
	free(list);
	return failed;
}
