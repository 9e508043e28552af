/* SPDX-License-Identifier: BSD-3-Clause */
/* test_tiers -- in which order tiers are asked. What lies where is test_heap_model's. */
/* objects: libvmmalloc/heap/ libvmmalloc/base/ libvmmalloc/ common/base/ */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libvmmalloc/heap/tiers.h"
#include "tests/unit/test.h"

#define TIB ((size_t)1 << 40)

static void assert_order(const struct vmm_tiers *tiers, size_t bytes, const char *expected)
{
	unsigned char order[ENVIRONMENT_TIERS_MOST];

	memset(order, 0xff, sizeof(order));
	vmm_tiers_order(tiers, bytes, order);
	for (size_t i = 0; i < tiers->count; i++)
		assert_int_equal(order[i], expected[i] - '0');
	for (size_t i = tiers->count; i < sizeof(order); i++)
		assert_int_equal(order[i], 0xff);
}

TEST(test_tiers_fill_from_the_first)
{
	struct vmm_tiers tiers = { .count = 1, .place.rule = ENVIRONMENT_PLACE_FILL };

	assert_order(&tiers, 4096, "0");
	tiers.count = 4;
	assert_order(&tiers, 4096, "0123");
	assert_order(&tiers, TIB, "0123");
	tiers.count = ENVIRONMENT_TIERS_MOST;
	assert_order(&tiers, 1, "01234567");
}

TEST(test_tiers_have_large_blocks_in_the_last)
{
	struct vmm_tiers tiers = { .count = 3, .place = { .rule = ENVIRONMENT_PLACE_LARGE, .large_bytes = 65536 } };

	assert_order(&tiers, 65535, "012");
	assert_order(&tiers, 65536, "210");
	assert_order(&tiers, TIB, "210");
	tiers.count = 1;
	assert_order(&tiers, TIB, "0");
}

TEST(test_tiers_keep_a_ratio)
{
	struct vmm_tiers tiers = { .count = 3, .place = { .rule = ENVIRONMENT_PLACE_RATIO, .shares = { 1, 4, 2 } } };

	assert_order(&tiers, 4096, "012");
	tiers.tier[0].used = 100;
	assert_order(&tiers, 4096, "102");
	tiers.tier[1].used = 401;
	assert_order(&tiers, 4096, "201");
	tiers.tier[2].used = 201;
	assert_order(&tiers, 4096, "012");
	tiers.tier[0].used = 101;
	assert_order(&tiers, 4096, "102");
}

/* Neither tens of TiB nor the largest share overflow. */
TEST(test_tiers_keep_a_ratio_of_very_much)
{
	struct vmm_tiers tiers = { .count = 2, .place = { .rule = ENVIRONMENT_PLACE_RATIO } };

	tiers.place.shares[0] = ENVIRONMENT_PLACE_SHARE_MOST;
	tiers.place.shares[1] = ENVIRONMENT_PLACE_SHARE_MOST - 1;
	tiers.tier[0].used = 100 * TIB;
	tiers.tier[1].used = 100 * TIB;
	assert_order(&tiers, 4096, "01");
	tiers.tier[1].used = 99 * TIB;
	assert_order(&tiers, 4096, "10");
	tiers.tier[0].used = 0;
	tiers.tier[1].used = SIZE_MAX / 2;
	assert_order(&tiers, 4096, "01");
}

TEST(test_tiers_are_one_window_of_one)
{
	struct vmm_tiers tiers = { .count = 1 };
	struct vmm_pool pool = { .base = (char *)0x10000, .files = 5 };
	struct vmm_tiers_window window = { 0 };

	assert_true(vmm_tiers_next(&tiers, &pool, 0, &window));
	assert_int_equal(window.from, 0x10000);
	assert_int_equal(window.to, UINTPTR_MAX);
	assert_false(vmm_tiers_next(&tiers, &pool, 0, &window));
}

TEST(test_tiers_have_a_window_for_what_lies_side_by_side)
{
	static const size_t places[] = { 0, 1, 1, 0, 0, 2, 1 };
	static const char *const expected[] = { "0-1 3-5 ", "1-3 6-7 ", "5-6 ", "" };
	struct vmm_tiers tiers = { .count = 4 };
	struct vmm_pool_file more[6];
	struct vmm_pool pool = { .base = (char *)0x10000, .more = more, .files = 7, .size = 7 };

	for (size_t i = 0; i < 7; i++)
		*vmm_pool_file(&pool, i) = (struct vmm_pool_file){ .start = i, .end = i + 1, .tier = places[i] };
	for (size_t tier = 0; tier < 4; tier++) {
		struct vmm_tiers_window window = { 0 };
		char found[64] = "";

		while (vmm_tiers_next(&tiers, &pool, tier, &window))
			snprintf(found + strlen(found), sizeof(found) - strlen(found), "%zu-%zu ",
				 window.from - 0x10000, window.to - 0x10000);
		assert_string_equal(found, expected[tier]);
	}
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(vmm_tiers_of(&tiers, &pool, 0x10000 + i), places[i]);
}
