/* SPDX-License-Identifier: BSD-3-Clause */
/* test_request -- who gets which pool. */
/* objects: vmmallocd/plan/ vmmallocd/config/ common/base/ */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"
#include "vmmallocd/plan/provision.h"
#include "vmmallocd/plan/request.h"

#define OWN_UID 77   /* who has it is trusted */

struct world {
	struct config_class classes[6];
	struct config config;
	struct registry *registry;
	struct request_context context;
	uint8_t next_id;
};

/* "/a" is inode 1 of device 5, "/b" inode 2; others are not in service. */
static bool identify(void *context, const char *path, dev_t *ret_dev, ino_t *ret_ino)
{
	(void)context;
	if (strcmp(path, "/a") != 0 && strcmp(path, "/b") != 0)
		return false;
	*ret_dev = 5;
	*ret_ino = path[1] == 'a' ? 1 : 2;
	return true;
}

static struct world *world_new(void)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->config.classes = world->classes;
	world->registry = registry_new();
	assert_non_null(world->registry);
	world->context = (struct request_context){
		.config = &world->config, .registry = world->registry, .identify = identify,
	};
	return world;
}

static void world_free(struct world *world)
{
	registry_free(world->registry);
	free(world);
}

static struct config_class *add_class(struct world *world, const char *name, const char *directory, uint64_t mib)
{
	struct config_class *class = &world->classes[world->config.class_count++];

	*class = (struct config_class){
		.name = (char *)name, .directory = (char *)directory, .size_bytes = mib * MIB, .ready = 1, .max = 9,
	};
	return class;
}

static struct registry_pool *add_pool(struct world *world, const char *class, enum registry_state state, uint32_t uid)
{
	const struct config_class *config = config_find(&world->config, class);
	struct registry_pool pool = { .directory = config->directory, .size_bytes = config->size_bytes }, *added;

	pool.id[0] = ++world->next_id;
	pool.owner.uid = uid;
	snprintf(pool.class_name, sizeof(pool.class_name), "%s", class);
	assert_int_equal(registry_add(world->registry, &pool, state, &added), 0);
	return added;
}

static enum handout_status ask_as(struct world *world, const struct request_peer *peer, const char *class, uint64_t mib,
				  struct registry_pool **ret_pool)
{
	struct handout_request request = { .kind = HANDOUT_BY_CLASS, .least_bytes = mib * MIB };

	snprintf(request.class_name, sizeof(request.class_name), "%s", class);
	return request_decide(&world->context, &request, peer, ret_pool, NULL);
}

static enum handout_status ask(struct world *world, uid_t uid, const char *class, uint64_t mib,
			       struct registry_pool **ret_pool)
{
	const struct request_peer peer = { .uid = uid, .gid = uid, .is_trusted = uid == 0 || uid == OWN_UID };

	return ask_as(world, &peer, class, mib, ret_pool);
}

static enum handout_status ask_dir(struct world *world, uid_t uid, ino_t ino, uint64_t mib,
				   struct registry_pool **ret_pool)
{
	const struct handout_request request = {
		.kind = HANDOUT_BY_DIRECTORY, .least_bytes = mib * MIB, .dir_dev = 5, .dir_ino = ino,
	};
	const struct request_peer peer = { .uid = uid, .gid = uid, .is_trusted = uid == 0 || uid == OWN_UID };

	return request_decide(&world->context, &request, &peer, ret_pool, NULL);
}

TEST(test_request_gives_the_oldest_ready_pool_of_the_class)
{
	struct world *world = world_new();
	struct registry_pool *first, *pool = NULL;

	add_class(world, "x", "/a", 16);
	add_pool(world, "x", REGISTRY_LEASED, 1);
	add_pool(world, "x", REGISTRY_WARMING, 0);
	assert_int_equal(ask(world, 1000, "x", 0, &pool), HANDOUT_NONE_READY);
	assert_null(pool);
	first = add_pool(world, "x", REGISTRY_READY, 0);
	add_pool(world, "x", REGISTRY_READY, 0);
	assert_int_equal(ask(world, 1000, "x", 16, &pool), HANDOUT_OK);
	assert_ptr_equal(pool, first);
	world_free(world);
}

TEST(test_request_refuses_unknown_classes_and_sizes)
{
	struct world *world = world_new();
	struct registry_pool *pool;

	add_class(world, "x", "/a", 16);
	add_pool(world, "x", REGISTRY_READY, 0);
	assert_int_equal(ask(world, 0, "y", 0, &pool), HANDOUT_NO_SUCH_CLASS);
	assert_int_equal(ask(world, 0, "x", 17, &pool), HANDOUT_NO_SUCH_CLASS);
	assert_int_equal(ask_dir(world, 0, 1, 17, &pool), HANDOUT_NO_SUCH_CLASS);
	assert_int_equal(ask_dir(world, 0, 2, 1, &pool), HANDOUT_NO_SUCH_CLASS);
	world_free(world);
}

TEST(test_request_passes_over_pools_that_do_not_fit_or_are_busy)
{
	struct world *world = world_new();
	struct provision_work work = { .running = true };
	struct registry_pool *pool, *good;

	add_class(world, "x", "/a", 16);
	add_pool(world, "x", REGISTRY_READY, 0)->size_bytes = 32 * MIB;
	add_pool(world, "x", REGISTRY_READY, 0)->work = &work;
	assert_int_equal(ask(world, 0, "x", 0, &pool), HANDOUT_NONE_READY);
	good = add_pool(world, "x", REGISTRY_READY, 0);
	assert_int_equal(ask(world, 0, "x", 0, &pool), HANDOUT_OK);
	assert_ptr_equal(pool, good);
	/* the class moves to another directory */
	world->classes[0].directory = (char *)"/b";
	assert_int_equal(ask(world, 0, "x", 0, &pool), HANDOUT_NONE_READY);
	world_free(world);
}

TEST(test_request_is_for_its_users_and_groups_only)
{
	struct world *world = world_new();
	struct config_class *class = add_class(world, "x", "/a", 16);
	uint32_t users[] = { 1000, 1001, 0 }, groups[] = { 500, 0 };
	const gid_t some[] = { 7, 500 }, others[] = { 7, 1000 };
	struct request_peer peer = { .uid = 2000, .gid = 2000 }, root = { .uid = 0, .gid = 0 };
	struct registry_pool *pool;

	add_pool(world, "x", REGISTRY_READY, 0);
	assert_int_equal(ask(world, 2000, "x", 0, &pool), HANDOUT_OK);
	class->users = (struct config_ids){ users, 3 };
	assert_int_equal(ask(world, 1001, "x", 0, &pool), HANDOUT_OK);
	assert_int_equal(ask(world, 2000, "x", 0, &pool), HANDOUT_NOT_ALLOWED);
	assert_int_equal(ask(world, 0, "x", 0, &pool), HANDOUT_OK);
	assert_int_equal(ask(world, OWN_UID, "x", 0, &pool), HANDOUT_OK);
	/* a container's root, though root is named */
	assert_int_equal(ask_as(world, &root, "x", 0, &pool), HANDOUT_NOT_ALLOWED);
	class->groups = (struct config_ids){ groups, 2 };
	assert_int_equal(ask_as(world, &root, "x", 0, &pool), HANDOUT_NOT_ALLOWED);
	/* a user's number is not a group's */
	assert_int_equal(ask(world, 500, "x", 0, &pool), HANDOUT_OK);
	assert_int_equal(ask_as(world, &peer, "x", 0, &pool), HANDOUT_NOT_ALLOWED);
	peer.groups = others;
	peer.group_count = 2;
	assert_int_equal(ask_as(world, &peer, "x", 0, &pool), HANDOUT_NOT_ALLOWED);
	peer.groups = some;
	assert_int_equal(ask_as(world, &peer, "x", 0, &pool), HANDOUT_OK);
	/* groups alone */
	class->users.count = 0;
	assert_int_equal(ask(world, 1001, "x", 0, &pool), HANDOUT_NOT_ALLOWED);
	world_free(world);
}

TEST(test_request_gets_nothing_of_a_closed_class)
{
	struct world *world = world_new();
	struct config_class *class = add_class(world, "a", "/a", 16);
	struct registry_pool *pool;

	add_pool(world, "a", REGISTRY_READY, 0);
	assert_int_equal(ask(world, 1000, "a", 16, &pool), HANDOUT_OK);
	class->closed = true;
	assert_int_equal(ask(world, 1000, "a", 16, &pool), HANDOUT_CLOSED);
	assert_int_equal(ask(world, 0, "a", 0, &pool), HANDOUT_CLOSED);
	assert_int_equal(ask(world, OWN_UID, "a", 16, &pool), HANDOUT_CLOSED);
	assert_int_equal(ask_dir(world, 1000, 1, 16, &pool), HANDOUT_CLOSED);
	/* its size may not be known */
	class->size_bytes = 0;
	assert_int_equal(ask(world, 1000, "a", 16, &pool), HANDOUT_CLOSED);
	world_free(world);
}

TEST(test_request_of_a_name_that_is_missing_is_nobodys)
{
	struct world *world = world_new();
	struct config_class *class = add_class(world, "a", "/a", 16);
	uint32_t nobody = CONFIG_ID_NOBODY;
	struct registry_pool *pool;

	add_pool(world, "a", REGISTRY_READY, 0);
	class->users = (struct config_ids){ .ids = &nobody, .count = 1 };
	assert_int_equal(ask(world, 1000, "a", 16, &pool), HANDOUT_NOT_ALLOWED);
	assert_int_equal(ask(world, 65534, "a", 16, &pool), HANDOUT_NOT_ALLOWED);
	assert_int_equal(ask(world, 0, "a", 16, &pool), HANDOUT_OK);
	world_free(world);
}

TEST(test_request_limits_each_user)
{
	struct world *world = world_new();
	struct registry_pool *pool;

	add_class(world, "x", "/a", 16)->max_per_user = 2;
	add_pool(world, "x", REGISTRY_LEASED, 1000);
	add_pool(world, "x", REGISTRY_READY, 0);
	assert_int_equal(ask(world, 1000, "x", 0, &pool), HANDOUT_OK);
	add_pool(world, "x", REGISTRY_LEASED, 1000);
	assert_int_equal(ask(world, 1000, "x", 0, &pool), HANDOUT_LIMIT);
	assert_int_equal(ask(world, 1001, "x", 0, &pool), HANDOUT_OK);
	world_free(world);
}

TEST(test_request_counts_what_a_process_has)
{
	struct world *world = world_new();
	const struct request_peer peer = { .pid = 5, .uid = 1000 }, other = { .pid = 6, .uid = 1000 };
	const struct request_peer unknown = { .pid = 0, .uid = 1000 };
	struct registry_pool *pool, *given;

	add_class(world, "x", "/a", 16)->max_per_process = 2;
	add_pool(world, "x", REGISTRY_READY, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask_as(world, &peer, "x", 0, &pool), HANDOUT_OK);
		given = add_pool(world, "x", REGISTRY_RECYCLING, 1000);
		given->owner.pid = 5;
		registry_set_state(world->registry, given, REGISTRY_LEASED, 0);
	}
	assert_int_equal(ask_as(world, &peer, "x", 0, &pool), HANDOUT_PROCESS_LIMIT);
	assert_int_equal(ask_as(world, &other, "x", 0, &pool), HANDOUT_OK);
	/* what is not leased any more counts for the user alone */
	given->may_be_pinned = true;
	registry_set_state(world->registry, given, REGISTRY_QUARANTINED, 0);
	assert_int_equal(ask_as(world, &peer, "x", 0, &pool), HANDOUT_OK);
	/* processes that are not known are not taken for one */
	for (int i = 0; i < 3; i++)
		add_pool(world, "x", REGISTRY_LEASED, 1000);
	assert_int_equal(ask_as(world, &unknown, "x", 0, &pool), HANDOUT_OK);
	world_free(world);
}

TEST(test_request_counts_what_a_user_gave_back_and_may_still_pin)
{
	struct world *world = world_new();
	struct registry_pool *given, *pool;

	add_class(world, "x", "/a", 16)->max_per_user = 2;
	add_pool(world, "x", REGISTRY_LEASED, 1000);
	given = add_pool(world, "x", REGISTRY_LEASED, 1000);
	add_pool(world, "x", REGISTRY_READY, 0);
	given->may_be_pinned = true;
	for (enum registry_state s = REGISTRY_RECYCLING; s <= REGISTRY_FAILED; s++) {
		registry_set_state(world->registry, given, s, 0);
		assert_int_equal(ask(world, 1000, "x", 0, &pool), HANDOUT_PINNED);
		assert_int_equal(ask_dir(world, 1000, 1, 1, &pool), HANDOUT_PINNED);
		assert_int_equal(ask(world, 1001, "x", 0, &pool), HANDOUT_OK);
	}
	given->may_be_pinned = false;
	registry_touch(world->registry, given);
	assert_int_equal(ask(world, 1000, "x", 0, &pool), HANDOUT_OK);
	world_free(world);
}

TEST(test_request_by_directory_gives_the_smallest_that_fits)
{
	struct world *world = world_new();
	struct registry_pool *pool, *large, *middle, *small;

	add_class(world, "large", "/a", 64);
	add_class(world, "small", "/a", 16);
	add_class(world, "middle", "/a", 32);
	add_class(world, "elsewhere", "/b", 24);
	add_class(world, "nowhere", "/c", 16);
	large = add_pool(world, "large", REGISTRY_READY, 0);
	middle = add_pool(world, "middle", REGISTRY_READY, 0);
	small = add_pool(world, "small", REGISTRY_READY, 0);
	add_pool(world, "elsewhere", REGISTRY_READY, 0);
	assert_int_equal(ask_dir(world, 1, 1, 10, &pool), HANDOUT_OK);
	assert_ptr_equal(pool, small);
	assert_int_equal(ask_dir(world, 1, 1, 17, &pool), HANDOUT_OK);
	assert_ptr_equal(pool, middle);
	registry_set_state(world->registry, small, REGISTRY_LEASED, 0);
	registry_set_state(world->registry, middle, REGISTRY_LEASED, 0);
	assert_int_equal(ask_dir(world, 1, 1, 10, &pool), HANDOUT_OK);
	assert_ptr_equal(pool, large);
	registry_set_state(world->registry, large, REGISTRY_LEASED, 0);
	assert_int_equal(ask_dir(world, 1, 1, 10, &pool), HANDOUT_NONE_READY);
	world_free(world);
}

TEST(test_request_by_directory_gives_the_reason_that_helps_most)
{
	struct world *world = world_new();
	uint32_t users[] = { 1000 };
	struct registry_pool *pool;

	add_class(world, "theirs", "/a", 16)->users = (struct config_ids){ users, 1 };
	add_pool(world, "theirs", REGISTRY_READY, 0);
	assert_int_equal(ask_dir(world, 1, 1, 1, &pool), HANDOUT_NOT_ALLOWED);
	add_class(world, "few", "/a", 16)->max_per_user = 1;
	add_pool(world, "few", REGISTRY_LEASED, 1);
	add_pool(world, "few", REGISTRY_READY, 0);
	assert_int_equal(ask_dir(world, 1, 1, 1, &pool), HANDOUT_LIMIT);
	add_class(world, "many", "/a", 16);
	assert_int_equal(ask_dir(world, 1, 1, 1, &pool), HANDOUT_NONE_READY);
	add_pool(world, "many", REGISTRY_READY, 0);
	assert_int_equal(ask_dir(world, 1, 1, 1, &pool), HANDOUT_OK);
	assert_string_equal(pool->class_name, "many");
	world_free(world);
}

TEST(test_request_of_another_kind_is_a_bad_one)
{
	struct world *world = world_new();
	const struct handout_request request = { .kind = 3 };
	const struct request_peer peer = { .uid = 0, .is_trusted = true };
	struct registry_pool *pool;

	assert_int_equal(request_decide(&world->context, &request, &peer, &pool, NULL), HANDOUT_BAD_REQUEST);
	world_free(world);
}

TEST(test_request_waits_for_what_may_change)
{
	for (int status = 0; status < HANDOUT_STATUSES; status++) {
		bool at_limit = status == HANDOUT_LIMIT || status == HANDOUT_BYTES_LIMIT || status == HANDOUT_PINNED;

		assert_int_equal(request_is_at_limit(status), at_limit);
		assert_int_equal(request_can_wait(status), at_limit || status == HANDOUT_PROCESS_LIMIT ||
							   status == HANDOUT_NONE_READY || status == HANDOUT_FULL ||
							   status == HANDOUT_NO_SPACE || status == HANDOUT_CLOSED);
	}
}
