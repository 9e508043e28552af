/* SPDX-License-Identifier: BSD-3-Clause */
/* test_early -- pools whose event came too early: a random model of events, and of when each pool is free. */
/* objects: vmmallocd/pools/ */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"
#include "vmmallocd/pools/early.h"

#define LAST_LOOK_MS ((1 << EARLY_LOOKS) - 1)    /* after 1, 3, 7, ... ms */
#define POOLS 300
#define TURNS 20000

/* What a pool is in truth: somebody has it until `free_ms`, an event came at `event_ms`. */
struct model {
	bool waiting;
	int64_t event_ms, free_ms;
	unsigned looks;
};

static void make_id(unsigned number, uint8_t id[POOL_FILE_ID_BYTES])
{
	memset(id, 0, POOL_FILE_ID_BYTES);
	memcpy(id, &number, sizeof(number));
}

static unsigned number_of(const uint8_t id[POOL_FILE_ID_BYTES])
{
	unsigned number;

	memcpy(&number, id, sizeof(number));
	return number;
}

static void look(struct early *early, struct model *models, int64_t now_ms)
{
	uint8_t id[POOL_FILE_ID_BYTES];

	while (early_next(early, now_ms, id)) {
		struct model *model = &models[number_of(id)];

		assert_true(model->waiting);
		assert_true(++model->looks <= EARLY_LOOKS);
		if (now_ms < model->free_ms)
			continue;
		/* found, in no more than twice the time that it took; the clock may have jumped over its time */
		early_forget(early, id);
		model->waiting = false;
	}
}

static void check(const struct model *models, int64_t now_ms, int64_t step_ms)
{
	for (int i = 0; i < POOLS; i++) {
		int64_t took_ms = models[i].free_ms - models[i].event_ms;

		if (models[i].waiting && took_ms <= LAST_LOOK_MS)
			assert_true(now_ms <= models[i].event_ms + 2 * took_ms + 1 + (EARLY_LOOKS + 1) * step_ms);
	}
}

TEST(test_early_finds_each_pool_in_its_time_whatever_happens_to_others)
{
	struct early early = { 0 };
	struct model models[POOLS] = { 0 };
	uint8_t id[POOL_FILE_ID_BYTES];
	int64_t now_ms = 5;

	srandom(33);
	for (int turn = 0; turn < TURNS; turn++) {
		int64_t step_ms = 1 + random() % 3, due_ms;

		for (long events = random() % 6; events > 0; events--) {
			unsigned number = (unsigned)random() % POOLS;
			struct model *model = &models[number];

			/* not free yet: who has it may close it again, and again */
			if (model->waiting && now_ms >= model->free_ms)
				continue;
			if (!model->waiting)
				model->free_ms = now_ms + (random() % 4 ? random() % 30 : random() % 4000);
			model->waiting = true;
			model->event_ms = now_ms;
			model->looks = 0;
			make_id(number, id);
			early_add(&early, id, now_ms);
		}
		now_ms += step_ms;
		look(&early, models, now_ms);
		check(models, now_ms, 3);
		due_ms = early_due_ms(&early);
		assert_true(due_ms > now_ms);
		/* those that had all their looks wait for the round of probes */
		for (int i = 0; i < POOLS; i++)
			if (models[i].waiting && models[i].looks == EARLY_LOOKS)
				models[i].waiting = false;
	}
	early_done(&early);
}

TEST(test_early_has_room_for_so_many_and_no_more)
{
	struct early early = { 0 };
	uint8_t id[POOL_FILE_ID_BYTES];
	size_t given = 0;

	for (unsigned i = 0; i < 2 * EARLY_POOLS_MOST; i++) {
		make_id(i, id);
		early_add(&early, id, 0);
		early_add(&early, id, 0);
	}
	assert_int_equal(early_due_ms(&early), 1);
	assert_false(early_next(&early, 0, id));
	while (early_next(&early, 1, id))
		given++;
	assert_int_equal(given, EARLY_POOLS_MOST);
	/* each has so many looks, and then is gone */
	for (int64_t now_ms = 2; early_due_ms(&early) != INT64_MAX; now_ms += LAST_LOOK_MS)
		while (early_next(&early, now_ms, id))
			given++;
	assert_int_equal(given, EARLY_POOLS_MOST * EARLY_LOOKS);
	early_forget(&early, id);
	early_done(&early);
}
