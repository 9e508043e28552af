/* SPDX-License-Identifier: BSD-3-Clause */
/* test_absolute_path -- paths that mean the same in another working directory. */
/* objects: common/util/ */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/util/absolute_path.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

static char scratch[SCRATCH_PATH];

static int setup(void **state)
{
	(void)state;
	scratch_make("/tmp", scratch);
	return chdir(scratch);
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(chdir("/"), 0);
	scratch_remove(scratch);
	return 0;
}

TEST_FIXTURE(setup, teardown);

static void assert_becomes(const char *path, const char *directory, const char *rest)
{
	char expected[2 * PATH_MAX], made[PATH_MAX];

	snprintf(expected, sizeof(expected), "%s%s", directory, rest);
	assert_int_equal(absolute_path(path, made, sizeof(made)), 0);
	assert_string_equal(made, expected);
}

TEST(test_absolute_path_stays_as_it_is)
{
	assert_becomes("/", "", "/");
	assert_becomes("/a/../b/./c//", "", "/a/../b/./c//");
}

TEST(test_absolute_path_of_a_relative_one_is_below_the_working_directory)
{
	assert_becomes("run", scratch, "/run");
	assert_becomes("./run", scratch, "/run");
	assert_becomes(".//./run/x", scratch, "/run/x");
	assert_becomes("../run", scratch, "/../run");
	assert_becomes(".", scratch, "/.");
	assert_becomes("./", scratch, "/");
	assert_becomes(".hidden", scratch, "/.hidden");
	assert_int_equal(chdir("/"), 0);
	assert_becomes("run", "", "/run");
	assert_becomes("./run", "", "/run");
}

TEST(test_absolute_path_that_does_not_fit_leaves_the_buffer_alone)
{
	char small[8] = "before";

	assert_int_equal(absolute_path("/1234567", small, sizeof(small)), -ENAMETOOLONG);
	assert_string_equal(small, "before");
	assert_int_equal(absolute_path("/123456", small, sizeof(small)), 0);
	assert_string_equal(small, "/123456");
}

TEST(test_absolute_path_needs_a_working_directory_only_if_it_is_relative)
{
	char made[PATH_MAX] = "before";

	assert_int_equal(rmdir(scratch), 0);
	assert_int_equal(absolute_path("run", made, sizeof(made)), -ENOENT);
	assert_string_equal(made, "before");
	assert_becomes("/run", "", "/run");
	scratch_make("/tmp", scratch);
}
