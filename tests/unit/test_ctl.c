/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ctl -- how vmmallocctl finds the library, names it in LD_PRELOAD, and writes figures. */
/* objects: vmmallocd/ctl/ common/base/ common/util/ */
#include <errno.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/base/paths.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"
#include "vmmallocd/ctl/format.h"
#include "vmmallocd/ctl/preload.h"

TEST(test_preload_is_found_nearest_first)
{
	char scratch[SCRATCH_PATH], bin[SCRATCH_PATH + 8], path[4096], multiarch[SCRATCH_PATH + 128];
	const char *const places[] = { "lib64", "lib", "bin" };
	struct utsname machine;
	char made[4][SCRATCH_PATH + 160];

	if (strcmp(PATHS_LIB_FROM_BIN, "../lib") != 0)
		skip();  /* that place is the second, and these are in another order */
	assert_int_equal(uname(&machine), 0);
	scratch_make("/tmp", scratch);
	snprintf(bin, sizeof(bin), "%s/bin", scratch);
	snprintf(multiarch, sizeof(multiarch), "%s/lib/%s-linux-gnu", scratch, machine.machine);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", scratch, places[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	assert_int_equal(mkdir(multiarch, 0700), 0);

	assert_int_equal(preload_find(bin, path, sizeof(path)), 0);
	assert_string_equal(path, "libvmmalloc.so.1");

	/* from the last place that is looked at to the first */
	snprintf(made[0], sizeof(made[0]), "%s/libvmmalloc.so.1", multiarch);
	for (size_t i = 0; i < 3; i++)
		snprintf(made[i + 1], sizeof(made[0]), "%s/%s/libvmmalloc.so.1", scratch, places[i]);
	for (size_t i = 0; i < 4; i++) {
		struct stat found, expected;

		assert_int_equal(mknod(made[i], S_IFREG | 0600, 0), 0);
		assert_int_equal(preload_find(bin, path, sizeof(path)), 0);
		assert_int_equal(stat(path, &found), 0);
		assert_int_equal(stat(made[i], &expected), 0);
		assert_int_equal(found.st_ino, expected.st_ino);
	}
	assert_int_equal(preload_find(bin, path, strlen(bin)), -ENAMETOOLONG);

	for (size_t i = 0; i < 4; i++)
		unlink(made[i]);
	rmdir(multiarch);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", scratch, places[i]);
		rmdir(path);
	}
	scratch_remove(scratch);
	assert_int_equal(access(scratch, F_OK), -1);
}

static void assert_list(const char *library, const char *list, const char *expected)
{
	char *made;

	assert_int_equal(preload_list(library, list, &made), 0);
	assert_string_equal(made, expected);
	free(made);
}

TEST(test_preload_goes_before_what_is_there)
{
	assert_list("/lib/libvmmalloc.so.1", NULL, "/lib/libvmmalloc.so.1");
	assert_list("/lib/libvmmalloc.so.1", "", "/lib/libvmmalloc.so.1");
	assert_list("libvmmalloc.so.1", "/x/libfake.so", "libvmmalloc.so.1:/x/libfake.so");
	assert_list("/l/libvmmalloc.so.1", "a.so b.so:c.so", "/l/libvmmalloc.so.1:a.so b.so:c.so");
	assert_list("libvmmalloc.so.1", "/libvmmalloc.so.1/other.so", "libvmmalloc.so.1:/libvmmalloc.so.1/other.so");
	assert_list("/l/libvmmalloc.so.1", "libvmmalloc.sox", "/l/libvmmalloc.so.1:libvmmalloc.sox");
	assert_list("/l/libvmmalloc.so.1", "mylibvmmalloc.so.1", "/l/libvmmalloc.so.1:mylibvmmalloc.so.1");
}

TEST(test_preload_is_not_named_twice)
{
	static const char *const lists[] = { "/lib/libvmmalloc.so.1", "libvmmalloc.so", "/debug/libvmmalloc.so.1.2",
					     "a.so:/x/libvmmalloc.so.1", " :a.so  libvmmalloc.so.1:b.so" };

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		assert_list("/lib/libvmmalloc.so.1", lists[i], lists[i]);
}

TEST(test_preload_by_a_relative_path_is_found_elsewhere_too)
{
	char *old = getcwd(NULL, 0);

	assert_int_equal(chdir("/tmp"), 0);
	assert_list("/lib/libvmmalloc.so.1", "./x/libvmmalloc.so.1", "/tmp/x/libvmmalloc.so.1");
	assert_list("/lib/libvmmalloc.so.1", " a.so ./other.so: build/libvmmalloc.so b.so",
		    " a.so ./other.so: /tmp/build/libvmmalloc.so b.so");
	/* the dynamic linker looks for it */
	assert_list("/lib/libvmmalloc.so.1", "libvmmalloc.so", "libvmmalloc.so");
	assert_int_equal(chdir(old), 0);
	free(old);
}

TEST(test_preload_refuses_a_path_that_cannot_be_named)
{
	char *made = NULL;

	assert_int_equal(preload_list("/my lib/libvmmalloc.so.1", NULL, &made), -EINVAL);
	assert_int_equal(preload_list("/my:lib/libvmmalloc.so.1", "a.so", &made), -EINVAL);
	assert_null(made);
}

static void assert_age(int64_t seconds, const char *expected)
{
	char text[FORMAT_BYTES];

	format_age(seconds, text);
	assert_string_equal(text, expected);
}

TEST(test_format_writes_ages_in_whole_units)
{
	assert_age(0, "0s");
	assert_age(59, "59s");
	assert_age(60, "1m");
	assert_age(3599, "59m");
	assert_age(3600, "1h");
	assert_age(48 * 3600 - 1, "47h");
	assert_age(48 * 3600, "2d");
}

TEST(test_format_writes_the_number_of_a_user_without_a_name)
{
	char text[FORMAT_BYTES];

	format_user(0, text);
	assert_string_equal(text, "root");
	assert_null(getpwuid(3999999999u));
	format_user((uid_t)-1, text);
	assert_string_equal(text, "unknown");
	format_user(3999999999u, text);
	assert_string_equal(text, "3999999999");
}
