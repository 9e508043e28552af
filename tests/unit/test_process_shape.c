/* SPDX-License-Identifier: BSD-3-Clause */
/* test_process_shape -- what vmmallocctl ps says of processes, whatever they wrote into their pools' headers. */
/* objects: vmmallocd/ctl/ common/base/ common/util/ */
/* packages: jansson smartcols */
#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"
#include "vmmallocd/ctl/process_shape.h"

/* Process 10 has the first `owned` of some pools, all mapped; process 11 has the same. */
struct world {
	struct holding own[3], inherited[3];
	size_t indices[3];
	struct scan_process processes[2];
	struct scan_pool pools[3];
	struct scan scan;
};

static void make_world(struct world *world, size_t count, size_t owned)
{
	*world = (struct world){ .indices = { 0, 1, 2 } };
	for (size_t i = 0; i < count; i++) {
		world->own[i] = (struct holding){
			.path = (char *)"/dev/shm/#7 (deleted)", .is_pool = true, .is_mapped = true, .has_file = true,
			.has_header = true, .bytes = 1000,
			.header = { .pool_bytes = i == 1 ? 3000 : 1000, .used_bytes = 10 * (i + 1), .owner_pid = 10,
				    .owner_command = "sort" } };
		world->inherited[i] = world->own[i];
		world->pools[i] = (struct scan_pool){ &world->own[i], i < owned ? 0 : SCAN_NOBODY };
	}
	for (size_t i = 0; i < 2; i++)
		world->processes[i] = (struct scan_process){
			.pid = (pid_t)(10 + i), .stat = { .command = "sort" }, .pools = world->indices,
			.holdings = { .list = i == 0 ? world->own : world->inherited, .count = count } };
	world->scan = (struct scan){ .processes = world->processes, .process_count = 2, .pools = world->pools,
				     .pool_count = count };
}

static void assert_shape(const struct world *world, size_t i, const char *expected)
{
	json_t *object = process_shape(&world->scan, &world->processes[i]);
	char *text;

	json_object_del(object, "pools");
	text = json_dumps(object, JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(object);
}

/* What a column shows. */
static void assert_cell(const struct world *world, size_t i, const char *name, const char *expected)
{
	json_t *object = process_shape(&world->scan, &world->processes[i]);
	const struct table_style style = { 0 };

	for (size_t c = 0; c < process_table.count; c++) {
		const struct table_column *column = &process_table.columns[c];
		char cell[TABLE_CELL_BYTES];

		if (strcmp(column->name, name) != 0)
			continue;
		assert_string_equal(column->function(object, column->key, &style, cell) ?: "-", expected);
		json_decref(object);
		return;
	}
	fail_msg("%s", name);
}

TEST(test_process_shape_has_the_figures_of_the_first_pool_and_the_size_of_all)
{
	struct world world;

	make_world(&world, 3, 3);
	assert_shape(&world, 0, "{\"pid\":10,\"uid\":0,\"comm\":\"sort\",\"hold\":\"own\",\"mode\":\"pool\","
		     "\"size\":3000,\"used\":20,\"peak\":0,\"forks\":0,\"outside\":0,\"outside_by\":null,"
		     "\"private\":0}");
	assert_cell(&world, 0, "POOLS", "3");
	assert_cell(&world, 0, "OWNER", "10");
	assert_cell(&world, 0, "DIRECTORY", "/dev/shm");
	/* files that cannot be seen: the first one's header has the size of all */
	world.own[0].has_file = false;
	assert_cell(&world, 0, "SIZE", "2.9K");
}

TEST(test_process_shape_of_a_child_has_no_figures_of_its_parent)
{
	struct world world;

	make_world(&world, 1, 1);
	world.own[0].header.mode = POOL_HEADER_RETURNING;
	world.inherited[0].is_private = true;
	assert_cell(&world, 0, "MODE", "returning");
	assert_shape(&world, 1, "{\"pid\":11,\"uid\":0,\"comm\":\"sort\",\"hold\":\"mapped\",\"mode\":\"private\","
		     "\"size\":1000,\"used\":null,\"peak\":null,\"forks\":null,\"outside\":null,"
		     "\"outside_by\":null,\"private\":null}");
	assert_cell(&world, 1, "OWNER", "10");
	world.inherited[0].is_mapped = false;
	assert_cell(&world, 1, "HOLD", "descriptor");
	assert_cell(&world, 1, "MODE", "-");
	world.processes[1].holdings.count = 0;
	assert_cell(&world, 1, "HOLD", "-");
	assert_cell(&world, 1, "MODE", "ordinary");
	assert_cell(&world, 1, "POOLS", "0");
	assert_cell(&world, 1, "SIZE", "-");
}

TEST(test_process_shape_speaks_of_own_pools_where_there_are_any)
{
	struct world world;

	make_world(&world, 2, 1);
	assert_cell(&world, 0, "POOLS", "1");
	assert_cell(&world, 0, "SIZE", "1000");
	assert_cell(&world, 0, "OWNER", "10");
	assert_cell(&world, 1, "POOLS", "2");
	assert_cell(&world, 1, "OWNER", "10,(sort)");
}

TEST(test_process_shape_of_a_pool_without_a_header_is_of_nobody)
{
	struct world world;
	json_t *object;
	char *text;

	make_world(&world, 1, 0);
	world.own[0].has_header = false;
	object = process_shape(&world.scan, &world.processes[0]);
	text = json_dumps(json_object_get(object, "pools"), JSON_COMPACT);
	assert_string_equal(text, "[{\"id\":null,\"class\":null,\"directory\":\"/dev/shm\",\"size\":1000,"
			    "\"hold\":\"mapped\",\"owner\":null}]");
	free(text);
	json_decref(object);
	world.own[0].has_file = false;
	assert_cell(&world, 0, "SIZE", "-");
}

TEST(test_process_shape_bears_what_owners_write)
{
	struct world world;

	make_world(&world, 1, 1);
	world.own[0].header.used_bytes = world.own[0].header.forks = UINT64_MAX;
	world.own[0].header.pool_bytes = UINT64_MAX;
	world.own[0].path = (char *)"/\xff\n\033/#7 (deleted)";
	assert_cell(&world, 0, "FORKS", "9223372036854775807");
	assert_cell(&world, 0, "USED", "8.0E");
	assert_cell(&world, 0, "DIRECTORY", "/???");
	world.own[0].path = (char *)"/d\303\244t/#7 (deleted)";
	assert_cell(&world, 0, "DIRECTORY", "/d\303\244t");
	world.own[0].path = (char *)"/#7 (deleted)";
	assert_cell(&world, 0, "DIRECTORY", "/");
}

TEST(test_process_shape_says_why_memory_is_outside)
{
	struct holding *own;
	struct world world;

	make_world(&world, 2, 2);
	own = &world.own[1];  /* which has the figures of all */
	assert_cell(&world, 0, "REASON", "-");
	assert_cell(&world, 0, "REASONS", "-");
	/* its library is of release 1.2.0 */
	own->header.outside_bytes = 5 * MIB;
	assert_cell(&world, 0, "REASON", "unknown");
	assert_cell(&world, 0, "REASONS", "unknown");
	own->outside.reasons = POOL_OUTSIDE_REASONS;
	own->outside.bytes[POOL_OUTSIDE_FULL] = 4 * MIB;
	own->outside.bytes[POOL_OUTSIDE_METADATA_SPACE] = MIB;
	assert_cell(&world, 0, "OUTSIDE", "5M");
	assert_cell(&world, 0, "REASON", "full");
	assert_cell(&world, 0, "REASONS", "full=4M,metadata_space=1M");
	assert_shape(&world, 0, "{\"pid\":10,\"uid\":0,\"comm\":\"sort\",\"hold\":\"own\",\"mode\":\"pool\","
		     "\"size\":2000,\"used\":20,\"peak\":0,\"forks\":0,\"outside\":5242880,\"outside_by\":{\"early\":0,"
		     "\"full\":4194304,\"space\":0,\"large\":0,\"metadata_full\":0,\"metadata_space\":1048576,"
		     "\"other\":0},"
		     "\"private\":0}");
	/* a later version knows more reasons; and anybody may write anything */
	own->outside.reasons = POOL_OUTSIDE_MOST;
	own->outside.bytes[POOL_OUTSIDE_REASONS] = 6 * MIB;
	assert_cell(&world, 0, "REASON", "other");
	own->outside.bytes[POOL_OUTSIDE_MOST - 1] = own->outside.bytes[POOL_OUTSIDE_REASONS] = UINT64_MAX;
	own->outside.bytes[POOL_OUTSIDE_FULL] = UINT64_MAX;
	assert_cell(&world, 0, "REASONS", "full=8.0E,metadata_space=1M,other=8.0E");
	/* of a child nothing is known */
	assert_cell(&world, 1, "REASON", "-");
	assert_cell(&world, 1, "REASONS", "-");
}

TEST(test_process_shape_cuts_a_list_that_is_too_long)
{
	static char paths[3][600];
	char expected[TABLE_CELL_BYTES];
	struct world world;

	make_world(&world, 3, 3);
	for (size_t i = 0; i < 3; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/%0300zu/#7 (deleted)", i);
		world.own[i].path = paths[i];
	}
	snprintf(expected, sizeof(expected), "/%0300d,...", 0);
	assert_cell(&world, 0, "DIRECTORY", expected);
}
