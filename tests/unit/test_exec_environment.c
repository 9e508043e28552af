/* SPDX-License-Identifier: BSD-3-Clause */
/* test_exec_environment -- what VMMALLOC_CHILDREN does to the environment. */
/* objects: libvmmalloc/start/ libvmmalloc/base/ libvmmalloc/ common/base/ */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libvmmalloc/start/exec_environment.h"
#include "tests/unit/test.h"

struct environment {
	char first[64], preload[200], last[64];
	char *variables[4];
};

static void make_environment(struct environment *environment, const char *preload)
{
	strcpy(environment->first, "VMMALLOC_POOL_SIZE=64M");
	strcpy(environment->preload, "LD_PRELOAD=");
	strcat(environment->preload, preload);
	strcpy(environment->last, "PATH=/bin");
	environment->variables[0] = environment->first;
	environment->variables[1] = environment->preload;
	environment->variables[2] = environment->last;
	environment->variables[3] = NULL;
}

static void assert_off_leaves(const char *before, const char *after)
{
	struct vmm_config config = { .children = ENVIRONMENT_CHILDREN_OFF };
	struct environment environment;

	make_environment(&environment, before);
	vmm_exec_environment_prepare(environment.variables, &config);
	assert_string_equal(environment.variables[0], "VMMALLOC_POOL_SIZE=64M");
	assert_string_equal(environment.variables[1] + strlen("LD_PRELOAD="), after);
	assert_string_equal(environment.variables[2], "PATH=/bin");
	assert_null(environment.variables[3]);
}

TEST(test_children_off_takes_only_the_library_out_of_ld_preload)
{
	assert_off_leaves("/usr/lib/libvmmalloc.so.1:other.so", "other.so");
	assert_off_leaves("other.so:/usr/lib/libvmmalloc.so", "other.so");
	assert_off_leaves("a.so libvmmalloc.so.1 b.so", "a.so:b.so");
	assert_off_leaves("  a.so::libvmmalloc.so.1.2.3: b.so ", "a.so:b.so");
	assert_off_leaves("libvmmalloc.so:a.so:libvmmalloc.so.1", "a.so");
}

TEST(test_children_off_leaves_names_that_only_look_like_it)
{
	assert_off_leaves("/opt/libvmmalloc.so.1/a.so", "/opt/libvmmalloc.so.1/a.so");
	assert_off_leaves("libvmmalloc.solid", "libvmmalloc.solid");
	assert_off_leaves("mylibvmmalloc.so.1", "mylibvmmalloc.so.1");
}

TEST(test_children_off_removes_an_empty_ld_preload)
{
	struct vmm_config config = { .children = ENVIRONMENT_CHILDREN_OFF };
	struct environment environment;

	make_environment(&environment, "/usr/lib/libvmmalloc.so.1");
	vmm_exec_environment_prepare(environment.variables, &config);
	assert_string_equal(environment.variables[0], "VMMALLOC_POOL_SIZE=64M");
	assert_string_equal(environment.variables[1], "PATH=/bin");
	assert_null(environment.variables[2]);
}

TEST(test_children_off_does_nothing_without_ld_preload)
{
	struct vmm_config config = { .children = ENVIRONMENT_CHILDREN_OFF };
	char *variables[] = { (char *)"PATH=/bin", NULL };

	vmm_exec_environment_prepare(variables, &config);
	assert_string_equal(variables[0], "PATH=/bin");
	vmm_exec_environment_prepare(NULL, &config);
}

TEST(test_children_size_replaces_the_pool_size)
{
	struct vmm_config config = { .children = ENVIRONMENT_CHILDREN_SIZE, .children_bytes = 33554432 };
	struct environment environment;

	make_environment(&environment, "/usr/lib/libvmmalloc.so.1");
	vmm_exec_environment_prepare(environment.variables, &config);
	assert_string_equal(environment.variables[0], "VMMALLOC_POOL_SIZE=33554432");
	assert_string_equal(environment.variables[1], "LD_PRELOAD=/usr/lib/libvmmalloc.so.1");
}

TEST(test_children_inherit_changes_nothing)
{
	struct vmm_config config = { .children = ENVIRONMENT_CHILDREN_INHERIT };
	struct environment environment;

	make_environment(&environment, "/usr/lib/libvmmalloc.so.1");
	vmm_exec_environment_prepare(environment.variables, &config);
	assert_string_equal(environment.variables[0], "VMMALLOC_POOL_SIZE=64M");
	assert_string_equal(environment.variables[1], "LD_PRELOAD=/usr/lib/libvmmalloc.so.1");
}

/* The working directory of the tests has a path that is no longer than some hundred bytes. */
TEST(test_children_find_what_was_relative_after_they_changed_directory)
{
	struct vmm_config config = { .tier_count = 1 };
	char directory[PATH_MAX - 64], expected[2 * PATH_MAX];
	char pool[] = "VMMALLOC_POOL_DIR=pools", log[] = "VMMALLOC_LOG_FILE=logs/x-";
	char preload[] = "LD_PRELOAD=./a.so:build/libvmmalloc.so.1 $LIB/libvmmalloc.so.1:libvmmalloc.so.1:/b.so";
	char *environment[] = { pool, log, preload, NULL };

	assert_non_null(getcwd(directory, sizeof(directory)));
	snprintf(config.tiers[0].dir, sizeof(config.tiers[0].dir), "%s/pools", directory);
	vmm_exec_environment_prepare(environment, &config);
	snprintf(expected, sizeof(expected), "VMMALLOC_POOL_DIR=%s/pools", directory);
	assert_string_equal(environment[0], expected);
	snprintf(expected, sizeof(expected), "VMMALLOC_LOG_FILE=%s/logs/x-", directory);
	assert_string_equal(environment[1], expected);
	snprintf(expected, sizeof(expected),
		 "LD_PRELOAD=./a.so:%s/build/libvmmalloc.so.1:$LIB/libvmmalloc.so.1:libvmmalloc.so.1:/b.so", directory);
	assert_string_equal(environment[2], expected);
}

TEST(test_children_find_the_directories_of_all_tiers)
{
	struct vmm_config config = { .tiers[0].dir = "/dev/shm", .tier_count = 2 };
	char directory[PATH_MAX - 64], expected[2 * PATH_MAX], pool[] = "VMMALLOC_POOL_DIR=/dev/shm:large";
	char *environment[] = { pool, NULL };

	assert_non_null(getcwd(directory, sizeof(directory)));
	snprintf(config.tiers[1].dir, sizeof(config.tiers[1].dir), "%s/large", directory);
	vmm_exec_environment_prepare(environment, &config);
	snprintf(expected, sizeof(expected), "VMMALLOC_POOL_DIR=/dev/shm:%s/large", directory);
	assert_string_equal(environment[0], expected);
}

TEST(test_children_size_leaves_no_tiers)
{
	struct vmm_config config = { .tiers = { { .dir = "/dev/shm" }, { .dir = "/mnt" } }, .tier_count = 2,
				     .children = ENVIRONMENT_CHILDREN_SIZE, .children_bytes = 33554432 };
	char pool[] = "VMMALLOC_POOL_DIR=/dev/shm:/mnt", size[] = "VMMALLOC_POOL_SIZE=14M:1G";
	char place[] = "VMMALLOC_PLACE=ratio:1:2", classes[] = "VMMALLOC_POOL=a,b";
	char *environment[] = { classes, place, size, pool, NULL };

	vmm_exec_environment_prepare(environment, &config);
	assert_string_equal(environment[0], "VMMALLOC_POOL_SIZE=33554432");
	assert_string_equal(environment[1], "VMMALLOC_POOL_DIR=/dev/shm");
	assert_null(environment[2]);
}

TEST(test_children_get_absolute_paths_as_they_are)
{
	struct vmm_config config = { .tiers[0].dir = "/dev/shm", .tier_count = 1 };
	char pool[] = "VMMALLOC_POOL_DIR=/dev/shm", log[] = "VMMALLOC_LOG_FILE=";
	char preload[] = "LD_PRELOAD=a.so  /x/libvmmalloc.so.1";
	char *environment[] = { pool, log, preload, NULL };

	vmm_exec_environment_prepare(environment, &config);
	assert_ptr_equal(environment[0], pool);
	assert_ptr_equal(environment[1], log);
	assert_ptr_equal(environment[2], preload);
}
