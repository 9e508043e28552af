/* SPDX-License-Identifier: BSD-3-Clause */
/* test_registry -- every operation, and all of them at random beside a naive model of what a registry is. */
/* objects: vmmallocd/plan/ */
/* wrap: malloc calloc strdup */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/faults.h"
#include "tests/unit/test.h"
#include "vmmallocd/plan/registry.h"

#define DIRECTORY "/mnt/pmem0"

/* --- helpers --- */

static void make_id(unsigned number, uint8_t ret_id[POOL_FILE_ID_BYTES])
{
	memset(ret_id, 0, POOL_FILE_ID_BYTES);
	memcpy(ret_id, &number, sizeof(number));
}

static int try_add(struct registry *registry, unsigned number, const char *class, enum registry_state state,
		   uint32_t uid, struct registry_pool **ret_pool)
{
	struct registry_pool pool = { .directory = (char[]){ DIRECTORY }, .owner = { .pid = 1, .uid = uid } };

	make_id(number, pool.id);
	strcpy(pool.class_name, class);
	return registry_add(registry, &pool, state, ret_pool);
}

static struct registry_pool *add(struct registry *registry, unsigned number, const char *class,
				 enum registry_state state, uint32_t uid)
{
	struct registry_pool *pool;

	assert_int_equal(try_add(registry, number, class, state, uid, &pool), 0);
	return pool;
}

static struct registry_pool *find(const struct registry *registry, unsigned number)
{
	uint8_t id[POOL_FILE_ID_BYTES];

	make_id(number, id);
	return registry_find(registry, id);
}

static int set_up(void **state)
{
	faults_clear();
	*state = registry_new();
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	faults_clear();
	registry_free(*state);
	return 0;
}

TEST_FIXTURE(set_up, tear_down);

static int count_visit(void *context, struct registry_pool *pool)
{
	assert_non_null(pool);
	++*(size_t *)context;
	return 0;
}

static size_t count_visits(struct registry *registry)
{
	size_t n = 0;

	assert_int_equal(registry_each(registry, count_visit, &n), 0);
	return n;
}

/* --- one operation at a time --- */

TEST(test_registry_is_empty_at_first)
{
	struct registry *registry = *state;

	assert_int_equal(registry_count(registry), 0);
	assert_int_equal(count_visits(registry), 0);
	assert_null(find(registry, 0));
	assert_int_equal(registry_leased_by(registry, "small", 0), 0);
}

TEST(test_registry_free_takes_null)
{
	registry_free(NULL);
}

TEST(test_registry_add_copies_pool_and_directory)
{
	struct registry *registry = *state;
	char directory[] = DIRECTORY;
	struct provision_work *work = (void *)1;
	struct registry_pool pool = {
		.id = { 1, 2, 3 }, .class_name = "small", .directory = directory, .file = { .ino = UINT64_MAX },
		.owner = { 12, 34, "redis-server" }, .size_bytes = 4096, .created_s = 5, .changed_s = 6, .leases = 7,
		.work = work, .next_in_state = (void *)1, .prev_in_state = (void *)1, .next_by_id = (void *)1,
		.state = REGISTRY_FAILED,
	}, *added;

	assert_int_equal(registry_add(registry, &pool, REGISTRY_READY, &added), 0);
	assert_ptr_not_equal(added, &pool);
	assert_ptr_not_equal(added->directory, directory);
	memset(directory, 'x', sizeof(directory) - 1);
	assert_string_equal(added->directory, DIRECTORY);
	assert_memory_equal(added->id, pool.id, sizeof(pool.id));
	assert_string_equal(added->class_name, "small");
	assert_true(added->file.ino == UINT64_MAX);
	assert_memory_equal(&added->owner, &pool.owner, sizeof(pool.owner));
	assert_int_equal(added->size_bytes, 4096);
	assert_int_equal(added->created_s, 5);
	assert_int_equal(added->changed_s, 6);
	assert_int_equal(added->leases, 7);
	assert_ptr_equal(added->work, work);
	assert_int_equal(added->state, REGISTRY_READY);
	assert_null(added->next_in_state);
	assert_null(added->prev_in_state);
	assert_null(added->next_by_id);
	assert_ptr_equal(added->class, registry_class(registry, "small"));
	assert_ptr_equal(registry_find(registry, pool.id), added);
}

TEST(test_registry_refuses_an_id_that_it_has)
{
	struct registry *registry = *state;
	struct registry_pool *first = add(registry, 1, "small", REGISTRY_READY, 0), *other = NULL;
	uint64_t generation = registry_generation(registry);

	assert_int_equal(try_add(registry, 1, "large", REGISTRY_LEASED, 0, &other), -EEXIST);
	assert_null(other);
	assert_ptr_equal(find(registry, 1), first);
	assert_int_equal(registry_count(registry), 1);
	assert_int_equal(registry_leased_by(registry, "large", 0), 0);
	assert_true(registry_generation(registry) == generation);
}

TEST(test_registry_takes_an_id_again_after_removal)
{
	struct registry *registry = *state;

	registry_remove(registry, add(registry, 1, "small", REGISTRY_READY, 0));
	assert_null(find(registry, 1));
	assert_int_equal(registry_count(registry), 0);
	add(registry, 1, "small", REGISTRY_READY, 0);
	assert_non_null(find(registry, 1));
}

TEST(test_registry_tells_ids_apart_in_every_bit)
{
	struct registry *registry = *state;
	struct registry_pool *pools[8 * POOL_FILE_ID_BYTES];
	struct registry_pool pool = { .directory = (char[]){ DIRECTORY }, .class_name = "small" };

	for (size_t bit = 0; bit < 8 * POOL_FILE_ID_BYTES; bit++) {
		memset(pool.id, 0, sizeof(pool.id));
		pool.id[bit / 8] = (uint8_t)(1u << bit % 8);
		assert_int_equal(registry_add(registry, &pool, REGISTRY_READY, &pools[bit]), 0);
	}
	for (size_t bit = 0; bit < 8 * POOL_FILE_ID_BYTES; bit++)
		assert_ptr_equal(registry_find(registry, pools[bit]->id), pools[bit]);
	memset(pool.id, 0, sizeof(pool.id));
	assert_null(registry_find(registry, pool.id));
}

TEST(test_registry_keeps_the_oldest_of_a_state_first)
{
	struct registry *registry = *state;
	struct registry_class *class = registry_class(registry, "small");
	struct registry_pool *pools[3];

	for (unsigned i = 0; i < 3; i++)
		pools[i] = add(registry, i, "small", REGISTRY_WARMING, 0);
	assert_ptr_equal(class->first[REGISTRY_WARMING], pools[0]);
	assert_ptr_equal(class->last[REGISTRY_WARMING], pools[2]);
	registry_set_state(registry, pools[1], REGISTRY_READY, 10);
	registry_set_state(registry, pools[0], REGISTRY_READY, 11);
	assert_ptr_equal(class->first[REGISTRY_READY], pools[1]);
	assert_ptr_equal(class->last[REGISTRY_READY], pools[0]);
	assert_ptr_equal(class->first[REGISTRY_WARMING], pools[2]);
	assert_ptr_equal(class->last[REGISTRY_WARMING], pools[2]);
	assert_int_equal(class->counts[REGISTRY_READY], 2);
	assert_int_equal(class->counts[REGISTRY_WARMING], 1);
	assert_int_equal(pools[1]->changed_s, 10);
	assert_int_equal(pools[0]->changed_s, 11);
}

TEST(test_registry_set_state_moves_to_the_end_of_the_same_state)
{
	struct registry *registry = *state;
	struct registry_pool *first = add(registry, 1, "small", REGISTRY_LEASED, 5);
	struct registry_pool *second = add(registry, 2, "small", REGISTRY_LEASED, 5);

	registry_set_state(registry, first, REGISTRY_LEASED, 10);
	assert_ptr_equal(first->class->first[REGISTRY_LEASED], second);
	assert_ptr_equal(first->class->last[REGISTRY_LEASED], first);
	assert_int_equal(first->class->counts[REGISTRY_LEASED], 2);
	assert_int_equal(registry_leased_by(registry, "small", 5), 2);
}

TEST(test_registry_counts_pools_that_may_be_pinned_until_they_are_known_not_to_be)
{
	static const struct {
		enum registry_state state;
		size_t leased, had;
	} steps[] = {
		{ REGISTRY_LEASED, 1, 1 }, { REGISTRY_RECYCLING, 0, 1 }, { REGISTRY_QUARANTINED, 0, 1 },
		{ REGISTRY_FAILED, 0, 1 }, { REGISTRY_WARMING, 0, 0 }, { REGISTRY_READY, 0, 0 },
		{ REGISTRY_LEASED, 1, 1 }, { REGISTRY_RECYCLING, 0, 1 },
	};
	struct registry *registry = *state;
	struct registry_pool pool = { .class_name = "small", .directory = "/dax", .may_be_pinned = true }, *added;

	pool.owner.uid = 1000;
	assert_int_equal(registry_add(registry, &pool, REGISTRY_READY, &added), 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		registry_set_state(registry, added, steps[i].state, 0);
		assert_int_equal(registry_leased_by(registry, "small", 1000), steps[i].leased);
		assert_int_equal(registry_had_by(registry, "small", 1000), steps[i].had);
	}
	added->may_be_pinned = false;
	registry_touch(registry, added);
	assert_int_equal(registry_had_by(registry, "small", 1000), 0);
	registry_set_state(registry, added, REGISTRY_QUARANTINED, 0);
	assert_int_equal(registry_had_by(registry, "small", 1000), 0);
	assert_int_equal(registry_had_by(registry, "none", 1000), 0);
}

TEST(test_registry_counts_leases_by_class_and_user)
{
	struct registry *registry = *state;
	struct registry_pool *pool = add(registry, 1, "small", REGISTRY_LEASED, 1000);

	add(registry, 2, "small", REGISTRY_LEASED, 1000);
	add(registry, 3, "small", REGISTRY_LEASED, 0);
	add(registry, 4, "large", REGISTRY_LEASED, 1000);
	add(registry, 5, "small", REGISTRY_READY, 1000);
	add(registry, 6, "small", REGISTRY_LEASED, UINT32_MAX);
	assert_int_equal(registry_leased_by(registry, "small", 1000), 2);
	assert_int_equal(registry_leased_by(registry, "small", 0), 1);
	assert_int_equal(registry_leased_by(registry, "large", 1000), 1);
	assert_int_equal(registry_leased_by(registry, "large", 0), 0);
	assert_int_equal(registry_leased_by(registry, "small", UINT32_MAX), 1);
	assert_int_equal(registry_leased_by(registry, "none", 1000), 0);
	registry_set_state(registry, pool, REGISTRY_RECYCLING, 0);
	assert_int_equal(registry_leased_by(registry, "small", 1000), 1);
	pool->owner.uid = 7;
	registry_set_state(registry, pool, REGISTRY_LEASED, 0);
	assert_int_equal(registry_leased_by(registry, "small", 1000), 1);
	assert_int_equal(registry_leased_by(registry, "small", 7), 1);
	registry_remove(registry, pool);
	assert_int_equal(registry_leased_by(registry, "small", 7), 0);
}

TEST(test_registry_counts_leases_by_class_and_process)
{
	struct registry *registry = *state;
	struct registry_pool *pool = add(registry, 1, "small", REGISTRY_LEASED, 1000);

	add(registry, 2, "small", REGISTRY_LEASED, 7);
	add(registry, 3, "large", REGISTRY_LEASED, 1000);
	add(registry, 4, "small", REGISTRY_READY, 1000);
	assert_int_equal(registry_leased_by_process(registry, "small", 1), 2);
	assert_int_equal(registry_leased_by_process(registry, "large", 1), 1);
	/* what a process and a user of the same number have is counted apart */
	assert_int_equal(registry_leased_by(registry, "small", 1), 0);
	assert_int_equal(registry_leased_by_process(registry, "small", 1000), 0);
	pool->owner.pid = 1000;
	registry_touch(registry, pool);
	assert_int_equal(registry_leased_by_process(registry, "small", 1000), 1);
	assert_int_equal(registry_leased_by(registry, "small", 1000), 1);
	pool->may_be_pinned = true;
	registry_set_state(registry, pool, REGISTRY_RECYCLING, 0);
	assert_int_equal(registry_leased_by_process(registry, "small", 1000), 0);
	assert_int_equal(registry_leased_by_process(registry, "small", 1), 1);
	assert_int_equal(registry_leased_by_process(registry, "none", 1), 0);
}

TEST(test_registry_count_of_leases_follows_the_owner)
{
	struct registry *registry = *state;
	struct registry_pool *pool = add(registry, 1, "small", REGISTRY_LEASED, 1);

	pool->owner.uid = 2;
	registry_touch(registry, pool);
	assert_int_equal(registry_leased_by(registry, "small", 1), 0);
	assert_int_equal(registry_leased_by(registry, "small", 2), 1);
}

TEST(test_registry_count_of_leases_survives_an_owner_nobody_told_it_of)
{
	struct registry *registry = *state;
	struct registry_pool *gone = add(registry, 1, "small", REGISTRY_LEASED, 1);
	struct registry_pool *back = add(registry, 2, "small", REGISTRY_LEASED, 1);

	add(registry, 3, "small", REGISTRY_LEASED, 1);
	add(registry, 4, "small", REGISTRY_LEASED, 2);
	gone->owner.uid = 2;
	registry_remove(registry, gone);
	memset(&back->owner, 0, sizeof(back->owner));
	registry_set_state(registry, back, REGISTRY_RECYCLING, 0);
	assert_int_equal(registry_leased_by(registry, "small", 0), 0);
	assert_int_equal(registry_leased_by(registry, "small", 1), 1);
	assert_int_equal(registry_leased_by(registry, "small", 2), 1);
}

static int stop_at_third(void *context, struct registry_pool *pool)
{
	assert_non_null(pool);
	return ++*(int *)context == 3 ? -ECANCELED : 0;
}

TEST(test_registry_each_ends_with_what_visit_returns)
{
	int n = 0;

	for (unsigned i = 0; i < 10; i++)
		add(*state, i, "small", REGISTRY_READY, 0);
	assert_int_equal(registry_each(*state, stop_at_third, &n), -ECANCELED);
	assert_int_equal(n, 3);
}

static int remove_odd(void *context, struct registry_pool *pool)
{
	if (pool->id[0] & 1)
		registry_remove(context, pool);
	return 0;
}

TEST(test_registry_each_bears_removal_of_the_visited_pool)
{
	struct registry *registry = *state;

	for (unsigned i = 0; i < 1000; i++)
		add(registry, i, "small", REGISTRY_READY, 0);
	assert_int_equal(registry_each(registry, remove_odd, registry), 0);
	assert_int_equal(registry_count(registry), 500);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(find(registry, i) != NULL, i % 2 == 0);
}

static int set_ready(void *context, struct registry_pool *pool)
{
	registry_set_state(context, pool, REGISTRY_READY, pool->changed_s + 1);
	return 0;
}

TEST(test_registry_each_visits_once_though_states_change)
{
	struct registry *registry = *state;

	for (unsigned i = 0; i < 1000; i++)
		add(registry, i, "small", REGISTRY_READY, 0);
	assert_int_equal(registry_each(registry, set_ready, registry), 0);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(find(registry, i)->changed_s, 1);
}

TEST(test_registry_generation_grows_with_every_change_only)
{
	struct registry *registry = *state;
	uint64_t before = registry_generation(registry);
	struct registry_pool *pool = add(registry, 1, "small", REGISTRY_CREATING, 0);

	assert_true(registry_generation(registry) > before);
	before = registry_generation(registry);
	registry_set_state(registry, pool, REGISTRY_READY, 0);
	assert_true(registry_generation(registry) > before);
	before = registry_generation(registry);
	registry_touch(registry, pool);
	assert_true(registry_generation(registry) > before);
	before = registry_generation(registry);
	(void)find(registry, 1);
	(void)count_visits(registry);
	(void)registry_class(registry, "small");
	(void)registry_leased_by(registry, "small", 0);
	assert_true(registry_generation(registry) == before);
	registry_remove(registry, pool);
	assert_true(registry_generation(registry) > before);
}

TEST(test_registry_keeps_classes_apart_and_for_ever)
{
	struct registry *registry = *state;
	struct registry_class *classes[300];
	char longest[HANDOUT_CLASS_BYTES], name[16];

	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "class-%u", i);
		classes[i] = registry_class(registry, name);
		assert_string_equal(classes[i]->name, name);
		registry_remove(registry, add(registry, i, name, REGISTRY_READY, 0));
	}
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "class-%u", i);
		assert_ptr_equal(registry_class(registry, name), classes[i]);
		for (unsigned j = 0; j < i; j++)
			assert_ptr_not_equal(classes[i], classes[j]);
		for (enum registry_state s = 0; s < REGISTRY_STATES; s++) {
			assert_int_equal(classes[i]->counts[s], 0);
			assert_null(classes[i]->first[s]);
			assert_null(classes[i]->last[s]);
		}
	}
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_string_equal(registry_class(registry, longest)->name, longest);
	assert_ptr_equal(registry_class(registry, longest), registry_class(registry, longest));
}

TEST(test_registry_state_names_read_back)
{
	static const char *const names[] = { "creating",  "warming",     "ready", "leased",
					     "recycling", "quarantined", "failed" };
	enum registry_state parsed = REGISTRY_STATES;

	assert_int_equal(sizeof(names) / sizeof(*names), REGISTRY_STATES);
	for (enum registry_state s = 0; s < REGISTRY_STATES; s++) {
		assert_string_equal(registry_state_name(s), names[s]);
		assert_int_equal(registry_state_parse(names[s], &parsed), 0);
		assert_int_equal(parsed, s);
	}
	parsed = REGISTRY_STATES;
	assert_int_equal(registry_state_parse("", &parsed), -EINVAL);
	assert_int_equal(registry_state_parse("Ready", &parsed), -EINVAL);
	assert_int_equal(registry_state_parse("ready ", &parsed), -EINVAL);
	assert_int_equal(parsed, REGISTRY_STATES);
}

/* --- want of memory --- */

TEST(test_registry_new_fails_without_memory)
{
	int n;

	FAULTS_AT_EACH(n, "memory", ENOMEM)
		registry_free(registry_new());
	assert_true(n > 0);
}

TEST(test_registry_add_fails_whole_without_memory)
{
	struct registry *registry = *state;
	struct registry_pool *pool = NULL;
	uint64_t generation = registry_generation(registry);
	int r = -ENOMEM, n = 0;

	for (; r < 0; n++) {
		assert_int_equal(registry_count(registry), 0);
		assert_int_equal(count_visits(registry), 0);
		assert_null(find(registry, 1));
		assert_int_equal(registry_leased_by(registry, "small", 3), 0);
		assert_true(registry_generation(registry) == generation);
		assert_null(pool);
		faults_order("memory", n, 1, ENOMEM);
		r = try_add(registry, 1, "small", REGISTRY_LEASED, 3, &pool);
		assert_true(r == 0 || r == -ENOMEM);
	}
	assert_true(n > 3);
	assert_ptr_equal(find(registry, 1), pool);
	assert_int_equal(registry_leased_by(registry, "small", 3), 1);
}

TEST(test_registry_class_is_null_without_memory)
{
	faults_order("memory", 0, 1, ENOMEM);
	assert_null(registry_class(*state, "small"));
	assert_non_null(registry_class(*state, "small"));
}

TEST(test_registry_works_on_when_it_cannot_grow)
{
	struct registry *registry = *state;

	(void)registry_class(registry, "small");
	/* an addition allocates five times, and twice more when it grows */
	for (unsigned i = 0; i < 1000; i++) {
		faults_order("memory", 5, 2, ENOMEM);
		add(registry, i, "small", REGISTRY_LEASED, i);
	}
	faults_clear();
	for (unsigned i = 0; i < 1000; i++) {
		assert_non_null(find(registry, i));
		assert_int_equal(registry_leased_by(registry, "small", i), 1);
	}
	add(registry, 1000, "small", REGISTRY_LEASED, 1000);
	for (unsigned i = 0; i <= 1000; i++) {
		assert_non_null(find(registry, i));
		assert_int_equal(registry_leased_by(registry, "small", i), 1);
	}
}

TEST(test_registry_leases_without_allocating)
{
	struct registry *registry = *state;

	for (unsigned i = 0; i < 1000; i++)
		add(registry, i, "small", REGISTRY_READY, 0);
	faults_clear();
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 1000; i++) {
			struct registry_pool *pool = find(registry, i);

			pool->owner.uid = pool->owner.pid = 1000 * round + i;
			registry_set_state(registry, pool, REGISTRY_LEASED, round);
			pool->owner.pid = ++pool->owner.uid;
			registry_touch(registry, pool);
			assert_int_equal(registry_leased_by(registry, "small", pool->owner.uid), 1);
			assert_int_equal(registry_leased_by_process(registry, "small", pool->owner.pid), 1);
		}
	}
	assert_int_equal(faults_calls("memory"), 0);
}

/* --- all operations at random --- */

#define MODEL_POOLS 400
#define MODEL_CLASSES 3
#define MODEL_USERS 5
#define MODEL_PROCESSES 4
#define MODEL_STEPS 20000

static const char *const model_classes[MODEL_CLASSES] = { "small", "large", "l" };

/* What there should be; `ticket` says who came into its state first. */
static struct model_pool {
	struct registry_pool *pool;    /* NULL: there is none of that id */
	unsigned class;
	enum registry_state state;
	uint32_t counted_uid, counted_pid;
	bool counted_pinned;
	uint64_t ticket;
	unsigned visits;
} model[MODEL_POOLS];

static unsigned model_number(const struct registry_pool *pool)
{
	unsigned number;

	memcpy(&number, pool->id, sizeof(number));
	assert_true(number < MODEL_POOLS);
	return number;
}

static int model_visit(void *context, struct registry_pool *pool)
{
	struct model_pool *expected = &model[model_number(pool)];

	(void)context;
	assert_ptr_equal(expected->pool, pool);
	expected->visits++;
	return 0;
}

static void model_check_lists(struct registry *registry)
{
	size_t counts[MODEL_CLASSES][REGISTRY_STATES] = { 0 };

	for (unsigned i = 0; i < MODEL_POOLS; i++)
		if (model[i].pool)
			counts[model[i].class][model[i].state]++;
	for (unsigned c = 0; c < MODEL_CLASSES; c++) {
		struct registry_class *class = registry_class(registry, model_classes[c]);

		for (enum registry_state s = 0; s < REGISTRY_STATES; s++) {
			struct registry_pool *prev = NULL;
			uint64_t ticket = 0;
			size_t n = 0;

			for (struct registry_pool *pool = class->first[s]; pool; pool = pool->next_in_state) {
				const struct model_pool *expected = &model[model_number(pool)];

				assert_ptr_equal(expected->pool, pool);
				assert_int_equal(expected->class, c);
				assert_int_equal(expected->state, s);
				assert_int_equal(pool->state, s);
				assert_ptr_equal(pool->class, class);
				assert_ptr_equal(pool->prev_in_state, prev);
				assert_true(expected->ticket > ticket);
				ticket = expected->ticket;
				prev = pool;
				n++;
			}
			assert_ptr_equal(class->last[s], prev);
			assert_int_equal(class->counts[s], n);
			assert_int_equal(n, counts[c][s]);
		}
	}
}

static void model_check(struct registry *registry)
{
	size_t leased[MODEL_CLASSES][MODEL_USERS] = { 0 }, had[MODEL_CLASSES][MODEL_USERS] = { 0 }, count = 0;
	size_t of_processes[MODEL_CLASSES][MODEL_PROCESSES] = { 0 };

	assert_int_equal(registry_each(registry, model_visit, NULL), 0);
	for (unsigned i = 0; i < MODEL_POOLS; i++) {
		assert_int_equal(model[i].visits, model[i].pool != NULL);
		assert_ptr_equal(find(registry, i), model[i].pool);
		model[i].visits = 0;
		count += model[i].pool != NULL;
		if (model[i].pool && model[i].state == REGISTRY_LEASED) {
			leased[model[i].class][model[i].counted_uid]++;
			of_processes[model[i].class][model[i].counted_pid]++;
		}
		if (model[i].pool && (model[i].state == REGISTRY_LEASED || model[i].counted_pinned))
			had[model[i].class][model[i].counted_uid]++;
	}
	assert_int_equal(registry_count(registry), count);
	for (unsigned c = 0; c < MODEL_CLASSES; c++) {
		for (uint32_t uid = 0; uid < MODEL_USERS; uid++) {
			assert_int_equal(registry_leased_by(registry, model_classes[c], uid), leased[c][uid]);
			assert_int_equal(registry_had_by(registry, model_classes[c], uid), had[c][uid]);
		}
		for (uint32_t pid = 0; pid < MODEL_PROCESSES; pid++)
			assert_int_equal(registry_leased_by_process(registry, model_classes[c], pid),
					 of_processes[c][pid]);
	}
	model_check_lists(registry);
}

static unsigned random_below(unsigned *seed, unsigned limit)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 12) % limit;
}

/* One change of a pool taken at random. `leaning`: how many percent of them shall be there in the long run. */
static void model_step(struct registry *registry, unsigned *seed, uint64_t ticket, unsigned leaning)
{
	unsigned i = random_below(seed, MODEL_POOLS);
	struct model_pool *pool = &model[i];
	enum registry_state state = random_below(seed, 2) ? REGISTRY_LEASED : random_below(seed, REGISTRY_STATES);
	uint32_t uid = random_below(seed, MODEL_USERS), pid = random_below(seed, MODEL_PROCESSES);
	bool stays = random_below(seed, 100) < leaning;

	if (!pool->pool && !stays)
		return;
	if (!pool->pool) {
		pool->class = random_below(seed, MODEL_CLASSES);
		pool->pool = add(registry, i, model_classes[pool->class], state, uid);
		*pool = (struct model_pool){ pool->pool, pool->class, state, uid, 1, false, ticket, 0 };
		return;
	}
	if (!stays) {
		registry_remove(registry, pool->pool);
		pool->pool = NULL;
		return;
	}
	if (random_below(seed, 4) == 0) {
		/* nobody says so: counts when it is next touched or set */
		pool->pool->owner = (struct registry_owner){ .uid = uid, .pid = pid };
		pool->pool->may_be_pinned = random_below(seed, 2);
		return;
	}
	if (random_below(seed, 2)) {
		pool->pool->owner = (struct registry_owner){ .uid = uid, .pid = pid };
		registry_set_state(registry, pool->pool, state, (int64_t)ticket);
		assert_int_equal(pool->pool->changed_s, ticket);
		pool->state = state;
		pool->ticket = ticket;
	} else {
		registry_touch(registry, pool->pool);
	}
	pool->counted_uid = pool->pool->owner.uid;
	pool->counted_pid = pool->pool->owner.pid;
	pool->counted_pinned = pool->pool->may_be_pinned &&
			       (pool->state == REGISTRY_RECYCLING || pool->state == REGISTRY_QUARANTINED ||
				pool->state == REGISTRY_FAILED);
}

TEST(test_registry_agrees_with_a_model_at_every_step)
{
	struct registry *registry = *state;
	unsigned seed = 1;

	memset(model, 0, sizeof(model));
	for (uint64_t step = 1; step <= MODEL_STEPS; step++) {
		/* it fills, and empties, and fills again */
		model_step(registry, &seed, step, step / 5000 % 2 ? 40 : 95);
		model_check(registry);
	}
}

TEST(test_registry_finds_each_of_many_pools)
{
	struct registry *registry = *state;

	for (unsigned i = 0; i < 10000; i++)
		add(registry, i * 4096, "small", i % REGISTRY_STATES, i % 100);
	assert_int_equal(registry_count(registry), 10000);
	assert_int_equal(count_visits(registry), 10000);
	for (unsigned i = 0; i < 10000; i++)
		assert_non_null(find(registry, i * 4096));
	for (unsigned i = 0; i < 10000; i++)
		assert_null(find(registry, i * 4096 + 1));
}

static int longest_chain(void *context, struct registry_pool *pool)
{
	size_t n = 0, *longest = context;

	for (; pool; pool = pool->next_by_id)
		n++;
	*longest = n > *longest ? n : *longest;
	return 0;
}

TEST(test_registry_grows_so_that_chains_stay_short)
{
	size_t longest = 0;

	for (unsigned i = 0; i < 10000; i++)
		add(*state, i, "small", REGISTRY_READY, 0);
	registry_each(*state, longest_chain, &longest);
	assert_uint_in_range(longest, 1, 16);
}
