/* SPDX-License-Identifier: BSD-3-Clause */
/* test_config -- what the environment may ask, and the exact words that refuse the rest. */
/* objects: libvmmalloc/context/ libvmmalloc/base/ libvmmalloc/ common/base/ */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "include/libvmmalloc.h"
#include "common/base/paths.h"
#include "libvmmalloc/context/config.h"
#include "tests/unit/test.h"

#define DIR_OK "VMMALLOC_POOL_DIR=/mnt/pool"
#define SIZE_OK "VMMALLOC_POOL_SIZE=64M"
#define ENVIRONMENT(...) ((char *const *)(const char *[]){ __VA_ARGS__, NULL })

static struct vmm_config read_ok(char *const *environment)
{
	char buffer[256] = "";
	struct text error = TEXT_INIT(buffer);
	struct vmm_config config;

	memset(&config, 0x5a, sizeof(config));
	if (vmm_config_read(environment, &config, &error) != 0)
		fail_msg("refused: %s", buffer);
	assert_int_equal(error.length, 0);
	return config;
}

static void assert_refused(char *const *environment, const char *expected)
{
	char buffer[256] = "";
	struct text error = TEXT_INIT(buffer);
	struct vmm_config config;

	assert_int_equal(vmm_config_read(environment, &config, &error), -EINVAL);
	assert_string_equal(buffer, expected);
}

TEST(test_config_has_defaults)
{
	struct vmm_config config = read_ok(ENVIRONMENT(DIR_OK, SIZE_OK));

	assert_string_equal(config.tiers[0].dir, "/mnt/pool");
	assert_int_equal(config.tiers[0].bytes, 64 << 20);
	assert_false(config.reserve_all);
	assert_int_equal(config.on_full, ENVIRONMENT_ON_FULL_FAIL);
	assert_int_equal(config.arenas, 0);
	assert_int_equal(config.release_seconds, ENVIRONMENT_RELEASE_USUAL);
	assert_int_equal(config.wait_seconds, 0);
}

TEST(test_config_reads_all_variables)
{
	struct vmm_config config = read_ok(ENVIRONMENT("VMMALLOC_ARENAS=7", "VMMALLOC_ON_FULL=dram", "PATH=/bin",
						       "VMMALLOC_RESERVE=full", "VMMALLOC_POOL_SIZE=2g",
						       "VMMALLOC_RELEASE=30", "VMMALLOC_HUGE_PAGES=never",
						       "VMMALLOC_POOL_DIR=relative dir"));

	assert_string_equal(config.tiers[0].dir, "relative dir");
	assert_int_equal(config.tiers[0].bytes, (size_t)2 << 30);
	assert_true(config.reserve_all);
	assert_int_equal(config.huge_pages, ENVIRONMENT_HUGE_PAGES_NEVER);
	assert_int_equal(config.on_full, ENVIRONMENT_ON_FULL_DRAM);
	assert_int_equal(config.arenas, 7);
	assert_int_equal(config.release_seconds, 30);
}

TEST(test_config_reads_defaults_by_name)
{
	struct vmm_config config =
		read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_RESERVE=grow", "VMMALLOC_ON_FULL=fail"));

	assert_false(config.reserve_all);
	assert_int_equal(config.on_full, ENVIRONMENT_ON_FULL_FAIL);
}

TEST(test_config_keeps_reserve_and_on_full_apart)
{
	struct vmm_config config = read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_RESERVE=full"));

	assert_true(config.reserve_all);
	assert_int_equal(config.on_full, ENVIRONMENT_ON_FULL_FAIL);
	config = read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_ON_FULL=dram"));
	assert_false(config.reserve_all);
	assert_int_equal(config.on_full, ENVIRONMENT_ON_FULL_DRAM);
}

TEST(test_config_does_not_round_the_size)
{
	struct vmm_config config = read_ok(ENVIRONMENT(DIR_OK, "VMMALLOC_POOL_SIZE=14680065"));

	assert_int_equal(config.tiers[0].bytes, 14680065);
}

TEST(test_config_takes_the_least_pool)
{
	struct vmm_config config = read_ok(ENVIRONMENT(DIR_OK, "VMMALLOC_POOL_SIZE=14M"));

	assert_int_equal(config.tiers[0].bytes, VMMALLOC_MIN_POOL);
}

TEST(test_config_takes_first_and_last_number_of_arenas)
{
	assert_int_equal(read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_ARENAS=1")).arenas, 1);
	assert_int_equal(read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_ARENAS=4094")).arenas, 4094);
}

TEST(test_config_wants_a_directory)
{
	assert_refused(ENVIRONMENT(SIZE_OK), "environment variable VMMALLOC_POOL_DIR not specified");
	assert_refused(NULL, "environment variable VMMALLOC_POOL_DIR not specified");
	assert_refused(ENVIRONMENT("VMMALLOC_POOL_DIR=", SIZE_OK),
		       "VMMALLOC_POOL_DIR is empty, expected the path of a writable directory");
}

TEST(test_config_wants_a_size)
{
	assert_refused(ENVIRONMENT(DIR_OK), "environment variable VMMALLOC_POOL_SIZE not specified");
}

TEST(test_config_refuses_small_pools)
{
	assert_refused(ENVIRONMENT(DIR_OK, "VMMALLOC_POOL_SIZE=1048576"),
		       "VMMALLOC_POOL_SIZE value is less than minimum (1048576 < 14680064)");
	assert_refused(ENVIRONMENT(DIR_OK, "VMMALLOC_POOL_SIZE=1M"),
		       "VMMALLOC_POOL_SIZE value is less than minimum (1048576 < 14680064)");
	assert_refused(ENVIRONMENT(DIR_OK, "VMMALLOC_POOL_SIZE=14680063"),
		       "VMMALLOC_POOL_SIZE value is less than minimum (14680063 < 14680064)");
	assert_refused(ENVIRONMENT(DIR_OK, "VMMALLOC_POOL_SIZE=0"),
		       "VMMALLOC_POOL_SIZE value is less than minimum (0 < 14680064)");
}

TEST(test_config_refuses_negative_sizes)
{
	assert_refused(ENVIRONMENT(DIR_OK, "VMMALLOC_POOL_SIZE=-1"), "negative VMMALLOC_POOL_SIZE value (-1)");
	assert_refused(ENVIRONMENT(DIR_OK, "VMMALLOC_POOL_SIZE=-64M"), "negative VMMALLOC_POOL_SIZE value (-64M)");
}

TEST(test_config_refuses_sizes_that_overflow)
{
	assert_refused(ENVIRONMENT(DIR_OK, "VMMALLOC_POOL_SIZE=18446744073709551616"),
		       "VMMALLOC_POOL_SIZE value is too large (18446744073709551616)");
	assert_refused(ENVIRONMENT(DIR_OK, "VMMALLOC_POOL_SIZE=16777216T"),
		       "VMMALLOC_POOL_SIZE value is too large (16777216T)");
}

TEST(test_config_refuses_sizes_that_are_none)
{
	assert_refused(ENVIRONMENT(DIR_OK, "VMMALLOC_POOL_SIZE="),
		       "VMMALLOC_POOL_SIZE value is not a size (), "
		       "expected a number of bytes or one with K, M, G or T");
	assert_refused(ENVIRONMENT(DIR_OK, "VMMALLOC_POOL_SIZE=lots"),
		       "VMMALLOC_POOL_SIZE value is not a size (lots), "
		       "expected a number of bytes or one with K, M, G or T");
	assert_refused(ENVIRONMENT(DIR_OK, "VMMALLOC_POOL_SIZE=64MB"),
		       "VMMALLOC_POOL_SIZE value is not a size (64MB), "
		       "expected a number of bytes or one with K, M, G or T");
	assert_refused(ENVIRONMENT(DIR_OK, "VMMALLOC_POOL_SIZE= 64M"),
		       "VMMALLOC_POOL_SIZE value is not a size ( 64M), "
		       "expected a number of bytes or one with K, M, G or T");
	assert_refused(ENVIRONMENT(DIR_OK, "VMMALLOC_POOL_SIZE=0x4000000"),
		       "VMMALLOC_POOL_SIZE value is not a size (0x4000000), "
		       "expected a number of bytes or one with K, M, G or T");
}

TEST(test_config_refuses_other_words_for_reserve)
{
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_RESERVE=all"),
		       "incorrect VMMALLOC_RESERVE value (all), expected grow or full");
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_RESERVE="),
		       "incorrect VMMALLOC_RESERVE value (), expected grow or full");
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_RESERVE=FULL"),
		       "incorrect VMMALLOC_RESERVE value (FULL), expected grow or full");
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_RESERVE=full "),
		       "incorrect VMMALLOC_RESERVE value (full ), expected grow or full");
}

TEST(test_config_refuses_other_words_for_huge_pages)
{
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_HUGE_PAGES=madvise"),
		       "incorrect VMMALLOC_HUGE_PAGES value (madvise), expected auto, always or never");
	assert_int_equal(read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_HUGE_PAGES=auto")).huge_pages,
			 ENVIRONMENT_HUGE_PAGES_AUTO);
	assert_int_equal(read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_HUGE_PAGES=always")).huge_pages,
			 ENVIRONMENT_HUGE_PAGES_ALWAYS);
	assert_int_equal(read_ok(ENVIRONMENT(DIR_OK, SIZE_OK)).huge_pages, ENVIRONMENT_HUGE_PAGES_AUTO);
}

TEST(test_config_refuses_other_words_for_on_full)
{
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_RELEASE=10s"),
		       "incorrect VMMALLOC_RELEASE value (10s), expected a number of seconds up to 1000000, or never");
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_WAIT=1m"),
		       "incorrect VMMALLOC_WAIT value (1m), expected a number of seconds up to 1000000");
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_ON_FAIL=swap"),
		       "incorrect VMMALLOC_ON_FAIL value (swap), expected exit or dram");
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_ON_FAIL="),
		       "incorrect VMMALLOC_ON_FAIL value (), expected exit or dram");
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_ON_FULL=swap"),
		       "incorrect VMMALLOC_ON_FULL value (swap), expected fail, dram or grow");
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_ON_FULL="),
		       "incorrect VMMALLOC_ON_FULL value (), expected fail, dram or grow");
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_ON_FULL=drams"),
		       "incorrect VMMALLOC_ON_FULL value (drams), expected fail, dram or grow");
}

TEST(test_config_refuses_other_numbers_of_arenas)
{
	static const char *const values[] = { "", "0", "-1", "4095", "99999999999999999999", "4294967297", "four",
					      "4 ", "1.5" };

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		char variable[64], expected[128];
		struct text variable_text = TEXT_INIT(variable), expected_text = TEXT_INIT(expected);

		text_add(&variable_text, "VMMALLOC_ARENAS=%s", values[i]);
		text_add(&expected_text, "incorrect VMMALLOC_ARENAS value (%s), expected a number from 1 to 4094",
			 values[i]);
		assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, variable), expected);
	}
}

TEST(test_config_names_the_first_fault_only)
{
	assert_refused(ENVIRONMENT("VMMALLOC_ARENAS=0", "VMMALLOC_POOL_SIZE=x"),
		       "environment variable VMMALLOC_POOL_DIR not specified");
}

TEST(test_config_reads_the_fork_modes)
{
	assert_int_equal(read_ok(ENVIRONMENT(DIR_OK, SIZE_OK)).fork, CONFIG_FORK_AUTO);
	assert_int_equal(read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_FORK=auto")).fork, CONFIG_FORK_AUTO);
	assert_int_equal(read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_FORK=0")).fork, CONFIG_FORK_NONE);
	assert_int_equal(read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_FORK=1")).fork, CONFIG_FORK_PRIVATE);
	assert_int_equal(read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_FORK=2")).fork, CONFIG_FORK_COPY);
	assert_int_equal(read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_FORK=3")).fork, CONFIG_FORK_COPY_OR_PRIVATE);
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_FORK=4"),
		       "incorrect VMMALLOC_FORK value (4), expected auto, 0, 1, 2 or 3");
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_FORK=11"),
		       "incorrect VMMALLOC_FORK value (11), expected auto, 0, 1, 2 or 3");
}

TEST(test_config_needs_no_directory_with_a_class_of_the_daemon)
{
	struct vmm_config config = read_ok(ENVIRONMENT("VMMALLOC_POOL=fast_2-x"));

	assert_string_equal(config.tiers[0].pool_class, "fast_2-x");
	assert_string_equal(config.tiers[0].dir, "");
	assert_int_equal(config.tiers[0].bytes, 0);
	assert_string_equal(config.socket, "");

	config = read_ok(ENVIRONMENT("VMMALLOC_POOL=fast", "VMMALLOC_POOL_DIR=/d", "VMMALLOC_POOL_SIZE=1G",
				     "VMMALLOC_SOCKET=/s/pool.sock"));
	assert_string_equal(config.tiers[0].dir, "/d");
	assert_int_equal(config.tiers[0].bytes, 1 << 30);
	assert_string_equal(config.socket, "/s/pool.sock");
	assert_string_equal(config.user_socket, "");
}

/* As root there is none. */
static void assert_user_socket(char *const *environment, const char *expected)
{
	assert_string_equal(read_ok(environment).user_socket, geteuid() == 0 ? "" : expected);
}

TEST(test_config_has_the_users_own_daemon_before_the_systems_unless_one_is_named)
{
	char long_path[] = "XDG_RUNTIME_DIR=/0123456789012345678901234567890123456789012345678901234567890123456789"
			   "0123456789012345678901234567890123456789";
	char longest[128];
	bool is_root;

	assert_user_socket(ENVIRONMENT("VMMALLOC_POOL=fast", "XDG_RUNTIME_DIR=/run/user/7"),
			   "/run/user/7/vmmalloc/pool.sock");
	assert_user_socket(ENVIRONMENT("VMMALLOC_POOL=fast", "XDG_RUNTIME_DIR=/run/user/7", "VMMALLOC_SOCKET=auto"),
			   "/run/user/7/vmmalloc/pool.sock");
	assert_user_socket(ENVIRONMENT("VMMALLOC_POOL=fast", "XDG_RUNTIME_DIR=/run/user/7", "VMMALLOC_SOCKET=/s"), "");
	assert_user_socket(ENVIRONMENT("VMMALLOC_POOL=fast", "XDG_RUNTIME_DIR=run"), "");
	assert_user_socket(ENVIRONMENT("VMMALLOC_POOL=fast"), "");
	assert_user_socket(ENVIRONMENT("VMMALLOC_POOL=fast", long_path), "");
	/* of 107 bytes, which sun_path has room for, and of one more */
	long_path[strlen("XDG_RUNTIME_DIR=") + 107 - strlen("/vmmalloc/pool.sock")] = '\0';
	snprintf(longest, sizeof(longest), "%s/vmmalloc/pool.sock", strchr(long_path, '=') + 1);
	assert_int_equal(strlen(longest), 107);
	is_root = geteuid() == 0 && seteuid(65534) == 0;
	assert_string_equal(read_ok(ENVIRONMENT("VMMALLOC_POOL=fast", long_path)).user_socket, longest);
	strcat(long_path, "0");
	assert_string_equal(read_ok(ENVIRONMENT("VMMALLOC_POOL=fast", long_path)).user_socket, "");
	assert_true(!is_root || seteuid(0) == 0);
	/* by directory, too */
	assert_string_equal(read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_SOCKET=auto")).socket,
			    PATHS_RUNTIME_DIR "/pool.sock");
}

TEST(test_config_wants_directory_and_size_or_neither_with_a_class)
{
	assert_refused(ENVIRONMENT("VMMALLOC_POOL=fast", "VMMALLOC_POOL_DIR=/d"),
		       "environment variable VMMALLOC_POOL_SIZE not specified");
	assert_refused(ENVIRONMENT("VMMALLOC_POOL=fast", "VMMALLOC_POOL_SIZE=1G"),
		       "environment variable VMMALLOC_POOL_DIR not specified");
	assert_refused(ENVIRONMENT("VMMALLOC_SOCKET=/s", "VMMALLOC_POOL_SIZE=1G"),
		       "environment variable VMMALLOC_POOL_DIR not specified");
	assert_refused(ENVIRONMENT("VMMALLOC_POOL=fast", "VMMALLOC_CHILDREN=64M"),
		       "VMMALLOC_CHILDREN is a size (64M), expected VMMALLOC_POOL_DIR too: where to make such pools");
}

TEST(test_config_refuses_what_is_no_class_and_no_socket)
{
	assert_refused(ENVIRONMENT("VMMALLOC_POOL="), "incorrect VMMALLOC_POOL value (), expected the name of a class: "
						      "letters, digits, _ and -");
	assert_refused(ENVIRONMENT("VMMALLOC_POOL=a/b"), "incorrect VMMALLOC_POOL value (a/b), expected the name of a "
							 "class: letters, digits, _ and -");
	assert_refused(ENVIRONMENT("VMMALLOC_POOL=a", "VMMALLOC_SOCKET=run/s"),
		       "incorrect VMMALLOC_SOCKET value (run/s), expected the absolute path of a socket");
}

TEST(test_config_reads_tiers)
{
	struct vmm_config config = read_ok(ENVIRONMENT("VMMALLOC_POOL_DIR=/dev/shm:pmem", "VMMALLOC_POOL_SIZE=32M:1G"));

	assert_int_equal(config.tier_count, 2);
	assert_string_equal(config.tiers[0].dir, "/dev/shm");
	assert_string_equal(config.tiers[1].dir, "pmem");
	assert_int_equal(config.tiers[0].bytes, 32 << 20);
	assert_int_equal(config.tiers[1].bytes, 1 << 30);
	assert_int_equal(config.place.rule, ENVIRONMENT_PLACE_FILL);

	config = read_ok(ENVIRONMENT("VMMALLOC_POOL=fast,large,huge"));
	assert_int_equal(config.tier_count, 3);
	assert_string_equal(config.tiers[0].pool_class, "fast");
	assert_string_equal(config.tiers[2].pool_class, "huge");

	config = read_ok(ENVIRONMENT("VMMALLOC_POOL=a,b", "VMMALLOC_POOL_DIR=/x:/y", "VMMALLOC_POOL_SIZE=14M:15M"));
	assert_string_equal(config.tiers[1].pool_class, "b");
	assert_string_equal(config.tiers[1].dir, "/y");
	assert_int_equal(config.tiers[1].bytes, 15 << 20);
}

TEST(test_config_takes_a_colon_in_the_directory_of_one_tier)
{
	struct vmm_config config = read_ok(ENVIRONMENT("VMMALLOC_POOL_DIR=/mnt/a:b:", SIZE_OK));

	assert_int_equal(config.tier_count, 1);
	assert_string_equal(config.tiers[0].dir, "/mnt/a:b:");
}

TEST(test_config_refuses_tiers_that_do_not_agree)
{
	assert_refused(ENVIRONMENT("VMMALLOC_POOL_DIR=/a", "VMMALLOC_POOL_SIZE=1G:2G"),
		       "incorrect VMMALLOC_POOL_DIR value (/a), expected as many directories, with : between them, as "
		       "VMMALLOC_POOL_SIZE has sizes");
	assert_refused(ENVIRONMENT("VMMALLOC_POOL_DIR=/a:", "VMMALLOC_POOL_SIZE=1G:2G"),
		       "incorrect VMMALLOC_POOL_DIR value (/a:), expected no directory that is empty");
	assert_refused(ENVIRONMENT("VMMALLOC_POOL_DIR=/a:/b", "VMMALLOC_POOL_SIZE=1G:2M"),
		       "VMMALLOC_POOL_SIZE value is less than minimum (2097152 < 14680064)");
	assert_refused(ENVIRONMENT("VMMALLOC_POOL_DIR=/a:/b", "VMMALLOC_POOL_SIZE=1G:"),
		       "VMMALLOC_POOL_SIZE value is not a size (), "
		       "expected a number of bytes or one with K, M, G or T");
	assert_refused(ENVIRONMENT("VMMALLOC_POOL=a,b", "VMMALLOC_POOL_DIR=/a", "VMMALLOC_POOL_SIZE=1G"),
		       "incorrect VMMALLOC_POOL_SIZE value (1G), expected as many sizes, with : between them, as "
		       "VMMALLOC_POOL has classes");
	assert_refused(ENVIRONMENT("VMMALLOC_POOL=a,b/"),
		       "incorrect VMMALLOC_POOL value (a,b/), expected the name of a class: letters, digits, _ and -");
	assert_refused(ENVIRONMENT("VMMALLOC_POOL=a,b,c,d,e,f,g,h,i"),
		       "incorrect VMMALLOC_POOL value (a,b,c,d,e,f,g,h,i), expected 8 tiers at the most");
}

TEST(test_config_reads_where_blocks_are_placed)
{
	struct vmm_config config = read_ok(ENVIRONMENT("VMMALLOC_POOL=a,b", "VMMALLOC_PLACE=large:64K"));

	assert_int_equal(config.place.rule, ENVIRONMENT_PLACE_LARGE);
	assert_int_equal(config.place.large_bytes, 64 << 10);
	config = read_ok(ENVIRONMENT("VMMALLOC_POOL=a,b", "VMMALLOC_PLACE=ratio:1:8"));
	assert_int_equal(config.place.rule, ENVIRONMENT_PLACE_RATIO);
	assert_int_equal(config.place.shares[0], 1);
	assert_int_equal(config.place.shares[1], 8);
	config = read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_PLACE=fill"));
	assert_int_equal(config.place.rule, ENVIRONMENT_PLACE_FILL);
}

TEST(test_config_refuses_other_places)
{
	static const char *const values[] = { "", "first", "FILL", "fill:", "large", "large:", "large:x", "large:-1",
					      "ratio:", "ratio:1", "ratio:1:", "ratio:1:2:3", "ratio:0:1", "ratio:1:1K",
					      "ratio:1:1000001", "ratio:1:00000000000000001", "ratio:1:-1" };

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		char variable[64], expected[256];
		struct text variable_text = TEXT_INIT(variable), expected_text = TEXT_INIT(expected);

		text_add(&variable_text, "VMMALLOC_PLACE=%s", values[i]);
		text_add(&expected_text, "incorrect VMMALLOC_PLACE value (%s), "
			 "expected fill, large:BYTES or ratio:N:M, a number from 1 to 1000000 for each tier",
			 values[i]);
		assert_refused(ENVIRONMENT("VMMALLOC_POOL=a,b", variable), expected);
	}
}

TEST(test_config_reads_what_children_get)
{
	struct vmm_config config;

	assert_int_equal(read_ok(ENVIRONMENT(DIR_OK, SIZE_OK)).children, ENVIRONMENT_CHILDREN_INHERIT);
	assert_int_equal(read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_CHILDREN=inherit")).children,
			 ENVIRONMENT_CHILDREN_INHERIT);
	assert_int_equal(read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_CHILDREN=off")).children,
			 ENVIRONMENT_CHILDREN_OFF);
	config = read_ok(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_CHILDREN=32M"));
	assert_int_equal(config.children, ENVIRONMENT_CHILDREN_SIZE);
	assert_int_equal(config.children_bytes, 32 << 20);
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_CHILDREN=none"),
		       "incorrect VMMALLOC_CHILDREN value (none), expected inherit, off or a size");
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_CHILDREN=1M"),
		       "VMMALLOC_CHILDREN value is less than minimum (1048576 < 14680064)");
	assert_refused(ENVIRONMENT(DIR_OK, SIZE_OK, "VMMALLOC_CHILDREN=-1"), "negative VMMALLOC_CHILDREN value (-1)");
}
