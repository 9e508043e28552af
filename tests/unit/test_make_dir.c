/* SPDX-License-Identifier: BSD-3-Clause */
/* test_make_dir -- directories have the mode that was asked for from their first moment, whatever the umask is. */
/* objects: vmmallocd/base/ */
/* wrap: mkdir */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tests/unit/test.h"
#include "vmmallocd/base/make_dir.h"

static char directory[SCRATCH_PATH];

static mode_t made_mode;    /* of the directory that was made last, at that moment */

int __real_mkdir(const char *name, mode_t mode);
int __wrap_mkdir(const char *name, mode_t mode)
{
	int r = __real_mkdir(name, mode);
	struct stat st;

	if (r == 0 && stat(name, &st) == 0)
		made_mode = st.st_mode & 07777;
	return r;
}

static int set_up(void **state)
{
	(void)state;
	scratch_make("/tmp", directory);
	umask(077);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	umask(022);
	scratch_remove(directory);
	return 0;
}

TEST_FIXTURE(set_up, tear_down);

TEST(test_make_dir_has_its_mode_at_once)
{
	char deep[SCRATCH_PATH + 24];
	struct stat st;
	mode_t mask;

	snprintf(deep, sizeof(deep), "%s/run", directory);
	assert_int_equal(make_dir(deep, 0755), 0);
	assert_int_equal(made_mode, 0755);
	assert_int_equal(make_dir(deep, 0755), 0);
	strcat(deep, "/state");
	assert_int_equal(make_dir(deep, 0700), 0);
	assert_int_equal(made_mode, 0700);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	mask = umask(077);
	assert_int_equal(mask, 077);
	assert_int_equal(rmdir(deep), 0);
	*strrchr(deep, '/') = '\0';
	assert_int_equal(rmdir(deep), 0);
}

/* Makes directories of that mode and removes them. NULL: all of them had it. */
static void *make_many(void *mode)
{
	char name[SCRATCH_PATH + 16];
	bool wrong = false;
	struct stat st;

	snprintf(name, sizeof(name), "%s/%s", directory, (const char *)mode);
	for (int i = 0; i < 5000 && !wrong; i++)
		wrong = make_dir(name, (unsigned)strtoul(mode, NULL, 8)) != 0 || stat(name, &st) != 0 ||
			(st.st_mode & 07777) != strtoul(mode, NULL, 8) || rmdir(name) != 0;
	return wrong ? mode : NULL;
}

TEST(test_make_dir_has_its_mode_whatever_threads_make_others)
{
	const mode_t mask = umask(077);
	pthread_t thread;
	void *wrong;

	assert_int_equal(pthread_create(&thread, NULL, make_many, (char *)"700"), 0);
	assert_null(make_many((char *)"755"));
	assert_int_equal(pthread_join(thread, &wrong), 0);
	assert_null(wrong);
	assert_int_equal(umask(mask), 077);
}

TEST(test_make_dir_says_why_there_is_none)
{
	char name[SCRATCH_PATH + 16];

	assert_int_equal(make_dir("", 0700), -ENAMETOOLONG);
	snprintf(name, sizeof(name), "%s/file", directory);
	fclose(fopen(name, "w"));
	strcat(name, "/sub");
	assert_int_equal(make_dir(name, 0700), -ENOTDIR);
}
