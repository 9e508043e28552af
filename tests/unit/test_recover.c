/* SPDX-License-Identifier: BSD-3-Clause */
/* test_recover -- what a file in a directory of pools is, after a restart. */
/* objects: vmmallocd/plan/ vmmallocd/config/ common/base/ */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"
#include "vmmallocd/plan/recover.h"

#define NOW_S 5000

static struct config_class classes[] = {
	{ .name = (char *)"a", .directory = (char *)"/pools", .size_bytes = 16 * MIB, .ready = 1, .max = 4 },
	{ .name = (char *)"b", .directory = (char *)"/other", .size_bytes = 16 * MIB, .ready = 1, .max = 4 },
	{ .name = (char *)"odd", .directory = (char *)"/pools", .size_bytes = 15 * MIB, .ready = 1, .max = 4 },
};
static const struct config config = { .classes = classes, .class_count = 3 };

static struct recover_found found_file(enum pool_file_mark mark, const char *class_name)
{
	struct recover_found found = {
		.file = { .id = { 1 }, .mark = mark, .size_bytes = 16 * MIB, .dev = 5, .ino = 6 },
		.has_header = true, .of_this_boot = true, .owner_pid = 123, .owner_comm = "perl",
	};

	snprintf(found.class_name, sizeof(found.class_name), "%s", class_name);
	return found;
}

static struct registry_pool known_pool(enum registry_state state)
{
	return (struct registry_pool){
		.id = { 1 }, .class_name = "a", .directory = (char *)"/pools", .size_bytes = 16 * MIB, .state = state,
		.file = { .dev = 5, .ino = 6 }, .owner = { .pid = 99, .uid = 1000, .comm = "python" },
		.created_s = 100, .changed_s = 200, .leases = 3,
	};
}

static enum recover_verdict judge(const struct recover_found *found, int probe, const struct registry_pool *known,
				  struct registry_pool *ret_pool)
{
	return recover_judge(found, probe, known, &config, (char *)"/pools", 4096, NOW_S, ret_pool);
}

TEST(test_recover_ready_pool_of_this_boot_is_ready)
{
	struct recover_found found = found_file(POOL_FILE_READY, "a");
	struct registry_pool pool;

	assert_int_equal(judge(&found, 0, NULL, &pool), RECOVER_READY);
	assert_string_equal(pool.class_name, "a");
	assert_string_equal(pool.directory, "/pools");
	assert_int_equal(pool.size_bytes, 16 * MIB);
	assert_int_equal(pool.changed_s, NOW_S);
}

/* The daemon was killed after it had cleaned the pool and before it saved that. */
TEST(test_recover_ready_pool_is_not_cold_though_the_registry_knows_it_so)
{
	struct recover_found found = found_file(POOL_FILE_READY, "a");
	struct registry_pool known = known_pool(REGISTRY_LEASED), pool;

	known.cold = true;
	assert_int_equal(judge(&found, 0, &known, &pool), RECOVER_READY);
	assert_false(pool.cold);
	found.file.mark = POOL_FILE_USED;
	assert_int_equal(judge(&found, -EAGAIN, &known, &pool), RECOVER_LEASED);
	assert_true(pool.cold);
}

TEST(test_recover_ready_pool_of_another_boot_or_in_use_is_as_good_as_used)
{
	struct recover_found found = found_file(POOL_FILE_READY, "a");
	struct registry_pool pool;

	assert_int_equal(judge(&found, -EAGAIN, NULL, &pool), RECOVER_LEASED);
	/* it cannot be known: it is not free */
	assert_int_equal(judge(&found, -EIO, NULL, &pool), RECOVER_LEASED);
	found.of_this_boot = false;
	assert_int_equal(judge(&found, 0, NULL, &pool), RECOVER_RECYCLE);
}

TEST(test_recover_ready_pool_that_no_class_wants_is_destroyed)
{
	struct recover_found found = found_file(POOL_FILE_READY, "gone");
	struct registry_pool pool;

	assert_int_equal(judge(&found, 0, NULL, &pool), RECOVER_DESTROY);
	/* the class is in another directory, or its pools have another size */
	found = found_file(POOL_FILE_READY, "b");
	assert_int_equal(judge(&found, 0, NULL, &pool), RECOVER_DESTROY);
	found = found_file(POOL_FILE_READY, "a");
	found.file.size_bytes = 15 * MIB;
	assert_int_equal(judge(&found, 0, NULL, &pool), RECOVER_DESTROY);
	assert_int_equal(pool.size_bytes, 15 * MIB);
}

static enum recover_verdict judge_by(const struct config *other, const struct recover_found *found,
				     struct registry_pool *ret_pool)
{
	return recover_judge(found, 0, NULL, other, (char *)"/pools", 4096, NOW_S, ret_pool);
}

/* Somebody's slip of the pen is no reason to fill all of its pools again. */
TEST(test_recover_ready_pool_of_a_closed_class_stays)
{
	struct config_class class = { .name = (char *)"a", .directory = (char *)"", .closed = true, .max = 1 };
	const struct config closed = { .classes = &class, .class_count = 1 };
	struct recover_found found = found_file(POOL_FILE_READY, "a");
	struct registry_pool pool;

	assert_int_equal(judge_by(&closed, &found, &pool), RECOVER_READY);
	assert_int_equal(pool.size_bytes, 16 * MIB);
	assert_string_equal(pool.directory, "/pools");
	class.closed = false;
	assert_int_equal(judge_by(&closed, &found, &pool), RECOVER_DESTROY);
	/* of a length that its owner has changed */
	class.closed = true;
	found.file.mark = POOL_FILE_USED;
	assert_int_equal(judge_by(&closed, &found, &pool), RECOVER_RECYCLE);
	assert_int_equal(pool.size_bytes, 16 * MIB);
}

TEST(test_recover_size_is_the_class_s_in_whole_grains)
{
	struct recover_found found = found_file(POOL_FILE_READY, "odd");
	struct registry_pool pool;

	assert_int_equal(judge(&found, 0, NULL, &pool), RECOVER_DESTROY);
	assert_int_equal(recover_judge(&found, 0, NULL, &config, (char *)"/pools", 2 * MIB, NOW_S, &pool),
			 RECOVER_READY);
	assert_int_equal(pool.size_bytes, 15 * MIB);
	assert_int_equal(pool.file.size_bytes, 16 * MIB);
}

TEST(test_recover_used_pool_is_leased_or_an_orphan_as_the_probe_says)
{
	struct recover_found found = found_file(POOL_FILE_USED, "a");
	struct registry_pool known = known_pool(REGISTRY_LEASED), pool;

	assert_int_equal(judge(&found, 0, &known, &pool), RECOVER_RECYCLE);
	assert_int_equal(judge(&found, -EAGAIN, &known, &pool), RECOVER_LEASED);
	assert_int_equal(pool.owner.pid, 99);
	assert_int_equal(pool.owner.uid, 1000);
	assert_string_equal(pool.owner.comm, "python");
	assert_int_equal(pool.leases, 3);
	assert_int_equal(pool.created_s, 100);
	assert_int_equal(pool.changed_s, 200);
}

TEST(test_recover_owner_of_a_header_counts_against_nobody)
{
	struct recover_found found = found_file(POOL_FILE_USED, "a");
	struct registry_pool pool;

	assert_int_equal(judge(&found, -EAGAIN, NULL, &pool), RECOVER_LEASED);
	assert_int_equal(pool.owner.pid, 123);
	assert_int_equal(pool.owner.uid, RECOVER_UID_UNKNOWN);
	assert_string_equal(pool.owner.comm, "perl");
}

TEST(test_recover_registry_knows_the_class_of_a_used_pool_better)
{
	struct recover_found found = found_file(POOL_FILE_USED, "b");
	struct registry_pool known = known_pool(REGISTRY_LEASED), pool;

	assert_int_equal(judge(&found, -EAGAIN, &known, &pool), RECOVER_LEASED);
	assert_string_equal(pool.class_name, "a");
	/* the header of a ready one was only ever the daemon's */
	found.file.mark = POOL_FILE_READY;
	known.class_name[0] = 'b';
	snprintf(found.class_name, sizeof(found.class_name), "a");
	assert_int_equal(judge(&found, 0, &known, &pool), RECOVER_READY);
	assert_string_equal(pool.class_name, "a");
}

TEST(test_recover_length_that_a_client_made_is_not_the_pool_s)
{
	struct recover_found found = found_file(POOL_FILE_USED, "a");
	struct registry_pool known = known_pool(REGISTRY_LEASED), pool;

	found.file.size_bytes = 4096;
	assert_int_equal(judge(&found, 0, &known, &pool), RECOVER_RECYCLE);
	assert_int_equal(pool.size_bytes, 16 * MIB);
	assert_int_equal(judge(&found, 0, NULL, &pool), RECOVER_RECYCLE);
	assert_int_equal(pool.size_bytes, 16 * MIB);
}

TEST(test_recover_without_a_header_only_what_the_registry_knows_is_ours)
{
	struct recover_found found = found_file(POOL_FILE_USED, "");
	struct registry_pool known = known_pool(REGISTRY_LEASED), pool;

	found.has_header = false;
	assert_int_equal(judge(&found, 0, NULL, &pool), RECOVER_IGNORE);
	assert_int_equal(judge(&found, 0, &known, &pool), RECOVER_RECYCLE);
	/* the same name, another file */
	known.file.ino = 7;
	assert_int_equal(judge(&found, 0, &known, &pool), RECOVER_IGNORE);
	known = known_pool(REGISTRY_LEASED);
	known.file.dev = 9;
	assert_int_equal(judge(&found, 0, &known, &pool), RECOVER_IGNORE);
	found.has_header = true;
	assert_int_equal(judge(&found, 0, &known, &pool), RECOVER_RECYCLE);
	assert_string_equal(pool.class_name, RECOVER_CLASS_UNKNOWN);
}

TEST(test_recover_without_a_header_a_file_whose_id_names_it_is_ours)
{
	struct recover_found found = found_file(POOL_FILE_USED, "");
	struct registry_pool pool;

	found.has_header = false;
	found.names_inode = true;
	found.file.size_bytes = 0;
	assert_int_equal(judge(&found, 0, NULL, &pool), RECOVER_RECYCLE);
	assert_string_equal(pool.class_name, RECOVER_CLASS_UNKNOWN);
	/* the registry's file has no pools of no size */
	assert_int_equal(pool.size_bytes, 4096);
	assert_int_equal(judge(&found, -EAGAIN, NULL, &pool), RECOVER_LEASED);
	found.file.mark = POOL_FILE_NEW;
	assert_int_equal(judge(&found, 0, NULL, &pool), RECOVER_DESTROY);
	/* nobody knows what is in it */
	found.file.mark = POOL_FILE_READY;
	assert_int_equal(judge(&found, 0, NULL, &pool), RECOVER_RECYCLE);
}

TEST(test_recover_half_made_pools_are_destroyed_and_bad_ones_tried_again)
{
	struct recover_found found = found_file(POOL_FILE_NEW, "a");
	struct registry_pool pool;

	assert_int_equal(judge(&found, 0, NULL, &pool), RECOVER_DESTROY);
	found.file.mark = POOL_FILE_BAD;
	assert_int_equal(judge(&found, 0, NULL, &pool), RECOVER_QUARANTINED);
	assert_int_equal(judge(&found, -EAGAIN, NULL, &pool), RECOVER_LEASED);
}

TEST(test_recover_file_that_went_meanwhile_is_ignored)
{
	struct recover_found found = found_file(POOL_FILE_USED, "a");
	struct registry_pool pool;

	assert_int_equal(judge(&found, -ENOENT, NULL, &pool), RECOVER_IGNORE);
	assert_int_equal(judge(&found, -ESTALE, NULL, &pool), RECOVER_IGNORE);
}

TEST(test_recover_reads_no_further_than_a_header_goes)
{
	const struct pool_file file = { .id = { 1 } };
	struct pool_header header;
	struct recover_found found;

	memset(&header, 'x', sizeof(header));
	recover_read(&file, &header, true, &found);
	assert_int_equal(strlen(found.owner_comm), sizeof(found.owner_comm) - 1);
	assert_int_equal(strlen(found.class_name), HANDOUT_CLASS_BYTES - 1);
	strcpy(header.class_name, "no/class");
	recover_read(&file, &header, true, &found);
	assert_string_equal(found.class_name, "");
	recover_read(&file, NULL, true, &found);
	assert_false(found.has_header);
	assert_int_equal(found.owner_pid, 0);
}
