/* SPDX-License-Identifier: BSD-3-Clause */
/* test_provision -- which work on pools is due, and which waits. */
/* objects: vmmallocd/plan/ vmmallocd/config/ common/base/ */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"
#include "vmmallocd/plan/provision.h"

struct world {
	struct config_class classes[4];
	struct config config;
	struct registry *registry;
	struct provision provision;
	struct provision_load load;
	int64_t now_ms;
	uint8_t next_id;
};

static struct world *world_new(void)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->config.classes = world->classes;
	world->registry = registry_new();
	assert_non_null(world->registry);
	world->load.workers = 4;
	world->now_ms = 1000000;
	return world;
}

static int free_work(void *context, struct registry_pool *pool)
{
	(void)context;
	free(pool->work);
	return 0;
}

static void world_free(struct world *world)
{
	(void)registry_each(world->registry, free_work, NULL);
	registry_free(world->registry);
	provision_done(&world->provision);
	free(world);
}

static struct config_class *add_class(struct world *world, const char *name, unsigned ready, unsigned max)
{
	struct config_class *class = &world->classes[world->config.class_count++];
	struct provision_class *provision = provision_class(&world->provision, name);

	*class = (struct config_class){
		.name = (char *)name, .directory = (char *)"/pools", .size_bytes = 16 * MIB,
		.ready = ready, .max = max, .warm = true,
	};
	assert_non_null(provision);
	provision->directory_usable = true;
	return class;
}

static struct registry_pool *add_pool(struct world *world, const char *class, enum registry_state state)
{
	struct registry_pool pool = { .directory = (char *)"/pools", .size_bytes = 16 * MIB }, *added;

	pool.id[0] = ++world->next_id;
	snprintf(pool.class_name, sizeof(pool.class_name), "%s", class);
	pool.file.mark = state == REGISTRY_READY ? POOL_FILE_READY : POOL_FILE_USED;
	assert_int_equal(registry_add(world->registry, &pool, state, &added), 0);
	assert_non_null(provision_class(&world->provision, class));
	return added;
}

static struct provision_work *work_of(struct registry_pool *pool)
{
	if (!pool->work)
		pool->work = calloc(1, sizeof(struct provision_work));
	assert_non_null(pool->work);
	return pool->work;
}

static bool next(struct world *world, struct provision_job *job)
{
	return provision_next(&world->provision, &world->config, world->registry, &world->load, world->now_ms, job);
}

/* Asks, expects that kind for that class, and starts it as the daemon does. */
static struct registry_pool *expect(struct world *world, enum provision_kind kind, const char *class)
{
	struct provision_job job;
	struct registry_pool *pool;

	assert_true(next(world, &job));
	assert_int_equal(job.kind, kind);
	assert_string_equal(job.class->name, class);
	pool = job.pool ? job.pool : add_pool(world, class, REGISTRY_CREATING);
	work_of(pool)->running = true;
	*(job.may_block ? &world->load.punches : &world->load.jobs) += 1;
	return pool;
}

static void expect_nothing(struct world *world)
{
	struct provision_job job;

	assert_false(next(world, &job));
}

static void finish(struct world *world, struct registry_pool *pool, enum registry_state state)
{
	world->load.jobs--;
	work_of(pool)->running = false;
	registry_set_state(world->registry, pool, state, 0);
}

TEST(test_provision_creates_until_the_class_has_its_ready_pools)
{
	struct world *world = world_new();
	struct registry_pool *pool;

	add_class(world, "a", 3, 16);
	pool = expect(world, PROVISION_CREATE, "a");
	expect(world, PROVISION_CREATE, "a");
	/* no more than two at once */
	expect_nothing(world);
	finish(world, pool, REGISTRY_WARMING);
	assert_ptr_equal(expect(world, PROVISION_WARM, "a"), pool);
	expect(world, PROVISION_CREATE, "a");
	finish(world, pool, REGISTRY_READY);
	expect_nothing(world);
	world_free(world);
}

TEST(test_provision_counts_leased_pools_against_max)
{
	struct world *world = world_new();
	struct registry_pool *leased;

	add_class(world, "a", 2, 3);
	leased = add_pool(world, "a", REGISTRY_LEASED);
	add_pool(world, "a", REGISTRY_LEASED);
	expect(world, PROVISION_CREATE, "a");
	expect_nothing(world);
	/* what is being recycled will be ready */
	registry_set_state(world->registry, leased, REGISTRY_RECYCLING, 0);
	expect(world, PROVISION_SCRUB, "a");
	expect_nothing(world);
	world_free(world);
}

TEST(test_provision_creates_while_a_destroyed_one_is_recycled)
{
	struct world *world = world_new();

	add_class(world, "a", 1, 2)->recycle = CONFIG_RECYCLE_DESTROY;
	add_pool(world, "a", REGISTRY_RECYCLING);
	expect(world, PROVISION_DESTROY, "a");
	expect(world, PROVISION_CREATE, "a");
	expect_nothing(world);
	world_free(world);
}

TEST(test_provision_gives_classes_their_turns)
{
	struct world *world = world_new();

	world->load.workers = 64;
	add_class(world, "a", 2, 9);
	add_class(world, "b", 2, 9);
	add_class(world, "c", 2, 9);
	expect(world, PROVISION_CREATE, "a");
	expect(world, PROVISION_CREATE, "b");
	expect(world, PROVISION_CREATE, "c");
	expect(world, PROVISION_CREATE, "a");
	expect(world, PROVISION_CREATE, "b");
	expect(world, PROVISION_CREATE, "c");
	expect_nothing(world);
	world_free(world);
}

TEST(test_provision_never_exceeds_the_workers)
{
	struct world *world = world_new();

	world->load.workers = 3;
	add_class(world, "a", 9, 9);
	add_class(world, "b", 9, 9);
	for (int i = 0; i < 3; i++) {
		struct provision_job job;

		assert_true(next(world, &job));
		world->load.jobs++;
	}
	expect_nothing(world);
	world_free(world);
}

TEST(test_provision_punches_that_may_block_leave_half_of_the_workers)
{
	struct world *world = world_new();

	add_class(world, "a", 9, 20);
	for (int i = 0; i < 9; i++)
		add_pool(world, "a", i % 2 ? REGISTRY_RECYCLING : REGISTRY_QUARANTINED);
	expect(world, PROVISION_SCRUB, "a");
	expect(world, PROVISION_SCRUB, "a");
	assert_int_equal(world->load.punches, 2);
	/* the other half makes pools */
	expect(world, PROVISION_CREATE, "a");
	expect(world, PROVISION_CREATE, "a");
	expect_nothing(world);
	world_free(world);
}

TEST(test_provision_one_worker_still_punches_and_works)
{
	struct world *world = world_new();

	world->load.workers = 1;
	add_class(world, "a", 3, 20);
	add_pool(world, "a", REGISTRY_RECYCLING);
	add_pool(world, "a", REGISTRY_RECYCLING);
	expect(world, PROVISION_SCRUB, "a");
	expect(world, PROVISION_CREATE, "a");
	expect_nothing(world);
	world_free(world);
}

TEST(test_provision_on_tmpfs_scrubbing_is_work_like_any_other)
{
	struct world *world = world_new();

	add_class(world, "a", 4, 20);
	provision_class(&world->provision, "a")->punch_may_block = false;
	for (int i = 0; i < 5; i++)
		add_pool(world, "a", REGISTRY_RECYCLING);
	for (int i = 0; i < 4; i++)
		expect(world, PROVISION_SCRUB, "a");
	assert_int_equal(world->load.punches, 0);
	expect_nothing(world);
	world_free(world);
}

TEST(test_provision_backs_off_after_a_failure_and_tells_when)
{
	struct world *world = world_new();
	struct provision_class *class;
	unsigned pause_ms = PROVISION_CREATE_PAUSE_MS;

	add_class(world, "a", 1, 1);
	add_class(world, "b", 1, 1)->directory = (char *)"/elsewhere";
	class = provision_class(&world->provision, "a");
	for (int i = 0; i < 10; i++) {
		provision_failed(class, world->now_ms);
		/* the other creation that was at work fails as well */
		provision_failed(class, world->now_ms);
		assert_int_equal(
			provision_due_ms(&world->provision, &world->config, world->registry, world->now_ms, 1 << 30),
			world->now_ms + pause_ms);
		if (i == 0)
			expect(world, PROVISION_CREATE, "b");
		world->now_ms += pause_ms - 1;
		expect_nothing(world);
		world->now_ms++;
		pause_ms =
			pause_ms * 2 > PROVISION_CREATE_PAUSE_MOST_MS ? PROVISION_CREATE_PAUSE_MOST_MS : pause_ms * 2;
	}
	expect(world, PROVISION_CREATE, "a");
	world_free(world);
}

TEST(test_provision_success_begun_before_the_failure_changes_nothing)
{
	struct world *world = world_new();
	struct provision_class *class;

	add_class(world, "a", 1, 1);
	class = provision_class(&world->provision, "a");
	strcpy(class->problem, "full");
	provision_failed(class, world->now_ms);
	provision_succeeded(class, world->now_ms);
	expect_nothing(world);
	assert_string_equal(class->problem, "full");
	world->now_ms += PROVISION_CREATE_PAUSE_MS;
	provision_succeeded(class, world->now_ms);
	assert_string_equal(class->problem, "");
	expect(world, PROVISION_CREATE, "a");
	world_free(world);
}

TEST(test_provision_after_a_failure_creations_come_one_by_one)
{
	struct world *world = world_new();
	struct registry_pool *pool;

	add_class(world, "a", 4, 9);
	add_class(world, "b", 4, 9)->directory = (char *)"/elsewhere";
	provision_failed(provision_class(&world->provision, "a"), world->now_ms);
	world->now_ms += PROVISION_CREATE_PAUSE_MS;
	pool = expect(world, PROVISION_CREATE, "a");
	expect(world, PROVISION_CREATE, "b");
	expect(world, PROVISION_CREATE, "b");
	expect_nothing(world);
	finish(world, pool, REGISTRY_LEASED);
	/* nor while one is recycled there, which gives its space away for a moment */
	registry_set_state(world->registry, pool, REGISTRY_RECYCLING, 0);
	work_of(pool)->running = true;
	expect_nothing(world);
	work_of(pool)->running = false;
	registry_set_state(world->registry, pool, REGISTRY_READY, 0);
	expect(world, PROVISION_CREATE, "a");
	expect_nothing(world);
	world_free(world);
}

TEST(test_provision_after_a_failure_what_takes_no_space_is_not_waited_for)
{
	struct world *world = world_new();
	struct registry_pool *pool;

	add_class(world, "a", 1, 9)->cold = true;
	add_class(world, "b", 0, 9)->cold = true;
	provision_failed(provision_class(&world->provision, "a"), world->now_ms);
	world->now_ms += PROVISION_CREATE_PAUSE_MS;
	registry_set_cold(world->registry, add_pool(world, "a", REGISTRY_CREATING), true);
	registry_set_cold(world->registry, add_pool(world, "b", REGISTRY_CREATING), true);
	/* one that comes back to be removed, for which there is no worker yet */
	add_pool(world, "b", REGISTRY_RECYCLING);
	world->load.punches = 2;
	expect(world, PROVISION_CREATE, "a");
	world_free(world);

	/* but one that is cleaned takes what it had */
	world = world_new();
	add_class(world, "a", 1, 9)->cold = true;
	add_class(world, "b", 1, 9)->cold = true;
	provision_failed(provision_class(&world->provision, "a"), world->now_ms);
	world->now_ms += PROVISION_CREATE_PAUSE_MS;
	pool = add_pool(world, "b", REGISTRY_RECYCLING);
	registry_set_cold(world->registry, pool, true);
	assert_ptr_equal(expect(world, PROVISION_SCRUB, "b"), pool);
	expect_nothing(world);
	world_free(world);
}

TEST(test_provision_classes_that_failed_do_not_fight_for_one_directory)
{
	struct world *world = world_new();

	add_class(world, "a", 1, 9);
	add_class(world, "b", 1, 9);
	provision_failed(provision_class(&world->provision, "a"), world->now_ms);
	provision_failed(provision_class(&world->provision, "b"), world->now_ms);
	world->now_ms += PROVISION_CREATE_PAUSE_MS;
	expect(world, PROVISION_CREATE, "a");
	expect_nothing(world);
	world_free(world);
}

TEST(test_provision_retries_at_once_when_space_came_free_there)
{
	struct world *world = world_new();

	add_class(world, "a", 1, 1);
	provision_failed(provision_class(&world->provision, "a"), world->now_ms);
	provision_space_freed(&world->provision, &world->config, "/elsewhere");
	expect_nothing(world);
	provision_space_freed(&world->provision, &world->config, "/pools");
	expect(world, PROVISION_CREATE, "a");
	world_free(world);
}

TEST(test_provision_creates_nothing_without_a_directory)
{
	struct world *world = world_new();

	add_class(world, "a", 1, 1);
	provision_class(&world->provision, "a")->directory_usable = false;
	expect_nothing(world);
	assert_true(provision_is_short(provision_class(&world->provision, "a"), &world->config, world->registry));
	world_free(world);
}

TEST(test_provision_destroys_what_is_ready_of_another_size_or_class)
{
	struct world *world = world_new();
	struct registry_pool *other_size, *other_class;

	add_class(world, "a", 1, 4);
	add_pool(world, "a", REGISTRY_READY);
	other_size = add_pool(world, "a", REGISTRY_READY);
	other_size->size_bytes = 32 * MIB;
	expect_nothing(world);
	provision_class(&world->provision, "a")->trim = true;
	other_class = add_pool(world, "gone", REGISTRY_READY);
	add_pool(world, "gone", REGISTRY_LEASED);
	assert_ptr_equal(expect(world, PROVISION_DESTROY, "a"), other_size);
	registry_set_state(world->registry, other_size, REGISTRY_FAILED, 0);
	assert_ptr_equal(expect(world, PROVISION_DESTROY, "gone"), other_class);
	registry_set_state(world->registry, other_class, REGISTRY_FAILED, 0);
	expect_nothing(world);
	world_free(world);
}

TEST(test_provision_trims_only_after_a_reload)
{
	struct world *world = world_new();

	add_class(world, "a", 1, 4);
	for (int i = 0; i < 3; i++)
		add_pool(world, "a", REGISTRY_READY);
	expect_nothing(world);
	provision_class(&world->provision, "a")->trim = true;
	for (int i = 0; i < 2; i++)
		registry_set_state(world->registry, expect(world, PROVISION_DESTROY, "a"), REGISTRY_FAILED, 0);
	expect_nothing(world);
	/* and that is over */
	assert_false(provision_class(&world->provision, "a")->trim);
	world_free(world);
}

TEST(test_provision_past_max_destroys_ready_and_recycled_pools)
{
	struct world *world = world_new();
	struct registry_pool *pool;

	add_class(world, "a", 1, 2);
	for (int i = 0; i < 3; i++)
		add_pool(world, "a", REGISTRY_LEASED);
	pool = add_pool(world, "a", REGISTRY_READY);
	assert_ptr_equal(expect(world, PROVISION_DESTROY, "a"), pool);
	registry_set_state(world->registry, pool, REGISTRY_FAILED, 0);
	pool = add_pool(world, "a", REGISTRY_RECYCLING);
	assert_ptr_equal(expect(world, PROVISION_DESTROY, "a"), pool);
	world_free(world);
}

TEST(test_provision_leaves_the_ready_pools_of_a_closed_class_alone)
{
	struct world *world = world_new();
	struct config_class *class = add_class(world, "a", 2, 1);

	class->closed = true;
	expect_nothing(world);
	add_pool(world, "a", REGISTRY_READY);
	add_pool(world, "a", REGISTRY_READY);
	provision_class(&world->provision, "a")->trim = true;
	class->size_bytes = 0;
	expect_nothing(world);
	class->closed = false;
	expect(world, PROVISION_DESTROY, "a");
	world_free(world);
}

TEST(test_provision_quarantined_pools_wait_longer_each_time)
{
	struct world *world = world_new();
	struct registry_pool *pool;
	unsigned pause_ms = PROVISION_PUNCH_PAUSE_MS;

	add_class(world, "a", 0, 4);
	pool = add_pool(world, "a", REGISTRY_QUARANTINED);
	for (int i = 0; i < 10; i++) {
		provision_retry_later(work_of(pool), world->now_ms, PROVISION_PUNCH_PAUSE_MS,
				      PROVISION_PUNCH_PAUSE_MOST_MS);
		assert_int_equal(work_of(pool)->due_ms, world->now_ms + pause_ms);
		expect_nothing(world);
		world->now_ms =
			provision_due_ms(&world->provision, &world->config, world->registry, world->now_ms, 1 << 30);
		assert_ptr_equal(expect(world, PROVISION_SCRUB, "a"), pool);
		expect_nothing(world);
		world->load.punches--;
		work_of(pool)->running = false;
		pause_ms = pause_ms * 2 > PROVISION_PUNCH_PAUSE_MOST_MS ? PROVISION_PUNCH_PAUSE_MOST_MS : pause_ms * 2;
	}
	world_free(world);
}

TEST(test_provision_destroys_failed_pools_first_and_again_later)
{
	struct world *world = world_new();
	struct registry_pool *pool;

	add_class(world, "a", 1, 4);
	pool = add_pool(world, "a", REGISTRY_FAILED);
	assert_ptr_equal(expect(world, PROVISION_DESTROY, "a"), pool);
	/* somebody has it */
	world->load.punches--;
	work_of(pool)->running = false;
	provision_retry_later(work_of(pool), world->now_ms, PROVISION_DESTROY_PAUSE_MS,
			      PROVISION_DESTROY_PAUSE_MOST_MS);
	expect(world, PROVISION_CREATE, "a");
	expect_nothing(world);
	world->now_ms += PROVISION_DESTROY_PAUSE_MS;
	assert_ptr_equal(expect(world, PROVISION_DESTROY, "a"), pool);
	world_free(world);
}

TEST(test_provision_while_somebody_waits_for_its_place_none_is_warmed)
{
	struct world *world = world_new();
	struct registry_pool *pool;

	add_class(world, "a", 2, 2)->cold = true;
	add_pool(world, "a", REGISTRY_LEASED);
	pool = add_pool(world, "a", REGISTRY_WARMING);
	assert_true(provision_make_room(provision_class(&world->provision, "a"), world->registry, world->now_ms));
	assert_ptr_equal(expect(world, PROVISION_DESTROY, "a"), pool);
	registry_set_state(world->registry, pool, REGISTRY_FAILED, 0);
	expect_nothing(world);
	(void)free_work(NULL, pool);
	registry_remove(world->registry, pool);
	/* there is room again: what comes to be warmed is not in the way */
	pool = add_pool(world, "a", REGISTRY_WARMING);
	world->classes[0].max = 3;
	assert_ptr_equal(expect(world, PROVISION_WARM, "a"), pool);
	world_free(world);
}

TEST(test_provision_waits_for_no_ready_pool_but_a_cold_one)
{
	struct world *world = world_new();
	struct registry_pool *pool;

	add_class(world, "a", 1, 2)->cold = true;
	pool = add_pool(world, "a", REGISTRY_READY);
	work_of(pool)->due_ms = world->now_ms + 90;
	assert_int_equal(provision_due_ms(&world->provision, &world->config, world->registry, world->now_ms, 1000),
			 world->now_ms + 1000);
	pool = add_pool(world, "a", REGISTRY_READY);
	registry_set_cold(world->registry, pool, true);
	work_of(pool)->due_ms = world->now_ms + 70;
	assert_int_equal(provision_due_ms(&world->provision, &world->config, world->registry, world->now_ms, 1000),
			 world->now_ms + 70);
	world_free(world);
}

static struct registry_pool *add_pinned(struct world *world, const char *class, enum registry_state state)
{
	struct registry_pool *pool = add_pool(world, class, state);

	pool->may_be_pinned = true;
	registry_touch(world->registry, pool);
	return pool;
}

TEST(test_provision_looks_for_pins_before_it_scrubs_or_destroys)
{
	static const struct {
		enum registry_state state;
		enum provision_kind then;
	} given[] = {
		{ REGISTRY_RECYCLING, PROVISION_SCRUB }, { REGISTRY_FAILED, PROVISION_DESTROY },
		{ REGISTRY_QUARANTINED, PROVISION_SCRUB },
	};

	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		struct world *world = world_new();
		struct provision_job job;
		struct registry_pool *pool;

		add_class(world, "a", 0, 4);
		pool = add_pinned(world, "a", given[i].state);
		/* where it does not show, the punch waits for it */
		assert_true(next(world, &job));
		assert_int_equal(job.kind, given[i].then);
		pool->pins_show = true;
		/* whatever else is at work */
		world->load.jobs = world->load.workers;
		world->load.punches = world->load.workers;
		assert_true(next(world, &job));
		assert_int_equal(job.kind, PROVISION_CHECK);
		assert_ptr_equal(job.pool, pool);
		world->load.checks = PROVISION_CHECKS_MOST;
		assert_false(next(world, &job));
		world->load = (struct provision_load){ .workers = 4, .checks = PROVISION_CHECKS_MOST };
		assert_false(next(world, &job));
		pool->may_be_pinned = false;
		registry_touch(world->registry, pool);
		assert_true(next(world, &job));
		assert_int_equal(job.kind, given[i].then);
		world_free(world);
	}
}

TEST(test_provision_what_is_pinned_does_not_stand_before_others)
{
	struct world *world = world_new();
	struct registry_pool *pinned, *other, *later;
	struct provision_job job;

	add_class(world, "a", 0, 4);
	pinned = add_pinned(world, "a", REGISTRY_RECYCLING);
	pinned->pins_show = true;
	work_of(pinned)->running = true;
	other = add_pinned(world, "a", REGISTRY_RECYCLING);
	other->pins_show = true;
	later = add_pool(world, "a", REGISTRY_RECYCLING);
	assert_true(next(world, &job));
	assert_ptr_equal(job.pool, other);
	work_of(other)->running = true;
	assert_true(next(world, &job));
	assert_ptr_equal(job.pool, later);
	assert_int_equal(job.kind, PROVISION_SCRUB);
	world_free(world);
}
