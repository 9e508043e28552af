/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pressure -- when memory is short: at once, over after a calm, and not again and again. */
/* objects: vmmallocd/plan/pressure.o */
#include <stdint.h>

#include "tests/unit/model.h"
#include "tests/unit/test.h"
#include "vmmallocd/plan/pressure.h"

#define LIMIT 1000
#define HOUR_MS 3600000
#define WALKS 200
#define STEPS 20000

TEST(test_pressure_is_high_past_the_limit_and_at_once)
{
	struct pressure pressure = { 0 };

	assert_false(pressure_note(&pressure, LIMIT, LIMIT, 0));
	assert_false(pressure.is_high);
	assert_true(pressure_note(&pressure, LIMIT + 1, LIMIT, 1000));
	assert_true(pressure.is_high);
	assert_false(pressure_note(&pressure, 10000, LIMIT, 2000));
}

TEST(test_pressure_is_over_when_it_was_below_half_the_limit_for_a_while)
{
	struct pressure pressure = { 0 };
	int64_t now_ms = 1000;

	assert_true(pressure_note(&pressure, LIMIT + 1, LIMIT, now_ms));
	/* half of it is too much, and what is below it counts from then on only */
	assert_false(pressure_note(&pressure, LIMIT / 2 - 1, LIMIT, now_ms += 1000));
	assert_false(pressure_note(&pressure, LIMIT / 2, LIMIT, now_ms += PRESSURE_CALM_MS));
	assert_false(pressure_note(&pressure, LIMIT / 2 - 1, LIMIT, now_ms += 1000));
	assert_false(pressure_note(&pressure, 0, LIMIT, now_ms += PRESSURE_CALM_MS - 1));
	assert_true(pressure_note(&pressure, 0, LIMIT, now_ms + 1));
	assert_false(pressure.is_high);
}

TEST(test_pressure_with_the_least_limit_is_over_when_nobody_waits)
{
	struct pressure pressure = { 0 };

	assert_true(pressure_note(&pressure, 2, 1, 1000));
	assert_false(pressure_note(&pressure, 0, 1, 2000));
	assert_true(pressure_note(&pressure, 0, 1, 2000 + PRESSURE_CALM_MS));
}

/* What is filled when it is over brings it back each time: it is filled ever more seldom. */
TEST(test_pressure_that_filling_brings_back_is_not_tried_again_and_again)
{
	struct pressure pressure = { 0 };
	unsigned begun = 0;

	for (int64_t now_ms = 1000; now_ms < HOUR_MS; now_ms += 1000)
		begun += pressure_note(&pressure, pressure.is_high ? 0 : 10000, LIMIT, now_ms) && pressure.is_high;
	/* six pauses from 10 s up to 320 s, and then one each ten minutes */
	assert_true(begun >= 8 && begun <= 13);
	assert_int_equal(pressure.calm_ms, PRESSURE_CALM_MOST_MS);
}

TEST(test_pressure_long_after_is_as_the_first_time)
{
	struct pressure pressure = { 0 };
	int64_t now_ms = 0;

	for (unsigned i = 0; i < 3; i++) {
		assert_true(pressure_note(&pressure, LIMIT + 1, LIMIT, now_ms += PRESSURE_SOON_MS));
		assert_int_equal(pressure.calm_ms, PRESSURE_CALM_MS);
		(void)pressure_note(&pressure, 0, LIMIT, now_ms);
		assert_true(pressure_note(&pressure, 0, LIMIT, now_ms += PRESSURE_CALM_MS));
	}
}

TEST(test_pressure_that_cannot_be_measured_any_more_is_none)
{
	struct pressure pressure = { 0 };

	assert_false(pressure_forget(&pressure));
	assert_true(pressure_note(&pressure, LIMIT + 1, LIMIT, 1000));
	assert_true(pressure_forget(&pressure));
	assert_false(pressure.is_high);
}

/* Any shares at any times: each change has its reason, and two that follow each other soon have ever longer calms. */
static void walk(void)
{
	struct pressure pressure = { 0 };
	unsigned limit = 1 + (unsigned)model_below(9999), calm_ms = 0;
	int64_t now_ms = 1 + (int64_t)model_below(1000), last_not_low_ms = 0, over_ms = 0;
	size_t mood = 0;

	for (size_t i = 0; i < STEPS; i++) {
		bool was_high = pressure.is_high, changed;
		unsigned share;

		if (model_below(50) == 0)
			mood = model_below(4);
		share = (unsigned)model_below(mood == 0 ? 1 : mood == 1 ? (limit + 1) / 2 :
					      mood == 2 ? limit + 1 : 10001);
		now_ms += 1 + (int64_t)model_below(model_below(200) == 0 ? PRESSURE_SOON_MS : 2000);
		if (2 * share >= limit)
			last_not_low_ms = now_ms;
		model_step("at %jd: %u of %u", (intmax_t)now_ms, share, limit);
		changed = pressure_note(&pressure, share, limit, now_ms);
		model_expect(changed == (pressure.is_high != was_high), "a change is told wrongly");
		if (!was_high)
			model_expect(pressure.is_high == (share > limit), "it is high for no reason, or is not");
		if (changed && pressure.is_high) {
			model_expect(over_ms == 0 || now_ms - over_ms >= PRESSURE_SOON_MS ||
				     pressure.calm_ms >= 2 * calm_ms || pressure.calm_ms == PRESSURE_CALM_MOST_MS,
				     "it comes back soon, and is over as soon as before");
			calm_ms = pressure.calm_ms;
			model_expect(calm_ms >= PRESSURE_CALM_MS && calm_ms <= PRESSURE_CALM_MOST_MS, "an odd calm");
		}
		if (changed && !pressure.is_high) {
			over_ms = now_ms;
			model_expect(now_ms - last_not_low_ms >= calm_ms, "it was calm for less than %u ms", calm_ms);
		}
		model_expect(!pressure.is_high || now_ms - last_not_low_ms < PRESSURE_CALM_MOST_MS + PRESSURE_SOON_MS,
			     "it is never over");
	}
}

TEST(test_pressure_is_as_the_readings_say)
{
	model_run(walk, WALKS);
}
