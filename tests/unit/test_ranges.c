/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ranges -- the set of free ranges, also against a plain map of units. */
/* objects: libvmmalloc/heap/ */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libvmmalloc/heap/ranges.h"
#include "tests/unit/test.h"

#define NODES 64
#define UNTOUCHED ((uintptr_t)0x5a5a5a5a5a5a5a5a)

static struct range storage[NODES];

static struct ranges new_ranges(size_t nodes)
{
	struct ranges ranges;

	memset(storage, 0xa5, sizeof(storage));
	memset(&ranges, 0xa5, sizeof(ranges));
	ranges_init(&ranges, storage, nodes * sizeof(struct range));
	return ranges;
}

/* Nodes at hand: those never used and those used before. */
static size_t spare_nodes(const struct ranges *ranges)
{
	size_t n = (size_t)(ranges->unused_end - ranges->unused);

	for (const struct range *node = ranges->spare; node; node = node->right)
		n++;
	return n;
}

static size_t count_ranges(const struct ranges *ranges)
{
	size_t n = 0;
	const struct range *range = ranges_next(ranges, 0);

	for (; range; range = ranges_next(ranges, range->start + 1))
		n++;
	return n;
}

static void assert_range(const struct range *range, uintptr_t start, size_t length)
{
	assert_non_null(range);
	assert_int_equal(range->start, start);
	assert_int_equal(range->length, length);
}

static uintptr_t lowest(struct ranges *ranges, size_t length, size_t align)
{
	uintptr_t start = UNTOUCHED;

	if (!ranges_take_lowest(ranges, length, align, 0, UINTPTR_MAX, &start))
		assert_int_equal(start, UNTOUCHED);
	return start;
}

static uintptr_t highest(struct ranges *ranges, size_t length, size_t align)
{
	uintptr_t start = UNTOUCHED;

	if (!ranges_take_highest(ranges, length, align, 0, UINTPTR_MAX, &start))
		assert_int_equal(start, UNTOUCHED);
	return start;
}

TEST(test_ranges_empty_set_has_nothing)
{
	struct ranges ranges = new_ranges(NODES);

	assert_int_equal(ranges.free_bytes, 0);
	assert_null(ranges_next(&ranges, 0));
	assert_null(ranges_ending_at(&ranges, 4096));
	assert_int_equal(lowest(&ranges, 1, 1), UNTOUCHED);
	assert_int_equal(highest(&ranges, 1, 1), UNTOUCHED);
	assert_false(ranges_take_at(&ranges, 0x1000, 1));
}

TEST(test_ranges_init_touches_no_memory)
{
	struct range before[NODES];

	memset(before, 0xa5, sizeof(before));
	new_ranges(NODES);
	assert_memory_equal(storage, before, sizeof(before));
}

TEST(test_ranges_use_storage_from_its_beginning)
{
	struct ranges ranges = new_ranges(NODES);
	struct range before[NODES];
	uintptr_t start;

	memset(before, 0xa5, sizeof(before));
	for (int i = 0; i < 1000; i++) {
		assert_true(ranges_add(&ranges, 0x1000, 0x1000));
		assert_true(ranges_add(&ranges, 0x4000, 0x1000));
		assert_true(ranges_take_lowest(&ranges, 0x1000, 1, 0, UINTPTR_MAX, &start));
		assert_true(ranges_take_lowest(&ranges, 0x1000, 1, 0, UINTPTR_MAX, &start));
	}
	assert_memory_equal(storage + 2, before + 2, sizeof(before) - 2 * sizeof(*before));
}

TEST(test_ranges_init_leaves_a_part_of_a_node_alone)
{
	struct ranges ranges;

	ranges_init(&ranges, storage, 3 * sizeof(struct range) - 1);
	assert_true(ranges_add(&ranges, 0x1000, 0x1000));
	assert_true(ranges_add(&ranges, 0x3000, 0x1000));
	assert_false(ranges_add(&ranges, 0x5000, 0x1000));
}

TEST(test_ranges_add_keeps_apart_what_does_not_touch)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x3000, 0x1000));
	assert_true(ranges_add(&ranges, 0x1000, 0x1000));
	assert_true(ranges_add(&ranges, 0x5000, 0x1000));
	assert_int_equal(count_ranges(&ranges), 3);
	assert_int_equal(ranges.free_bytes, 0x3000);
}

TEST(test_ranges_add_joins_the_range_below)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x1000, 0x1000));
	assert_true(ranges_add(&ranges, 0x2000, 0x3000));
	assert_int_equal(count_ranges(&ranges), 1);
	assert_range(ranges_next(&ranges, 0), 0x1000, 0x4000);
}

TEST(test_ranges_add_joins_the_range_above)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x4000, 0x1000));
	assert_true(ranges_add(&ranges, 0x1000, 0x3000));
	assert_int_equal(count_ranges(&ranges), 1);
	assert_range(ranges_next(&ranges, 0), 0x1000, 0x4000);
}

TEST(test_ranges_add_joins_both_neighbours_and_frees_a_node)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x1000, 0x1000));
	assert_true(ranges_add(&ranges, 0x3000, 0x1000));
	assert_int_equal(spare_nodes(&ranges), NODES - 2);
	assert_true(ranges_add(&ranges, 0x2000, 0x1000));
	assert_int_equal(count_ranges(&ranges), 1);
	assert_range(ranges_next(&ranges, 0), 0x1000, 0x3000);
	assert_int_equal(spare_nodes(&ranges), NODES - 1);
	assert_int_equal(ranges.free_bytes, 0x3000);
}

TEST(test_ranges_joined_range_serves_its_whole_length)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x1000, 0x1000));
	assert_true(ranges_add(&ranges, 0x9000, 0x1000));
	assert_true(ranges_add(&ranges, 0x2000, 0x1000));
	assert_int_equal(lowest(&ranges, 0x2000, 1), 0x1000);
}

TEST(test_ranges_take_lowest_takes_the_first_that_fits)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x1000, 0x1000));
	assert_true(ranges_add(&ranges, 0x3000, 0x2000));
	assert_true(ranges_add(&ranges, 0x8000, 0x8000));
	assert_int_equal(lowest(&ranges, 0x2000, 1), 0x3000);
	assert_int_equal(lowest(&ranges, 0x2000, 1), 0x8000);
	assert_int_equal(lowest(&ranges, 0x1000, 1), 0x1000);
	assert_int_equal(lowest(&ranges, 0x1000, 1), 0xa000);
	assert_int_equal(lowest(&ranges, 0x6000, 1), UNTOUCHED);
	assert_int_equal(ranges.free_bytes, 0x5000);
}

TEST(test_ranges_take_highest_takes_the_last_that_fits)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x1000, 0x8000));
	assert_true(ranges_add(&ranges, 0xa000, 0x2000));
	assert_true(ranges_add(&ranges, 0xe000, 0x1000));
	assert_int_equal(highest(&ranges, 0x2000, 1), 0xa000);
	assert_int_equal(highest(&ranges, 0x2000, 1), 0x7000);
	assert_int_equal(highest(&ranges, 0x1000, 1), 0xe000);
	assert_int_equal(highest(&ranges, 0x7000, 1), UNTOUCHED);
	assert_int_equal(ranges.free_bytes, 0x6000);
}

TEST(test_ranges_take_lowest_aligns_up_and_leaves_the_rest)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x11000, 0x20000));
	assert_int_equal(lowest(&ranges, 0x1000, 0x10000), 0x20000);
	assert_range(ranges_next(&ranges, 0), 0x11000, 0xf000);
	assert_range(ranges_next(&ranges, 0x20000), 0x21000, 0x10000);
}

TEST(test_ranges_take_highest_aligns_down_and_leaves_the_rest)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x11000, 0x20000));
	assert_int_equal(highest(&ranges, 0x2000, 0x10000), 0x20000);
	assert_range(ranges_next(&ranges, 0), 0x11000, 0xf000);
	assert_range(ranges_next(&ranges, 0x20000), 0x22000, 0xf000);
}

TEST(test_ranges_take_skips_what_is_long_enough_but_not_aligned)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x11000, 0x10000));
	assert_true(ranges_add(&ranges, 0x40000, 0x10000));
	assert_true(ranges_add(&ranges, 0x71000, 0x10000));
	assert_int_equal(lowest(&ranges, 0x10000, 0x10000), 0x40000);
	assert_true(ranges_add(&ranges, 0x40000, 0x10000));
	assert_int_equal(highest(&ranges, 0x10000, 0x10000), 0x40000);
	assert_int_equal(lowest(&ranges, 0x10000, 0x10000), UNTOUCHED);
	assert_int_equal(highest(&ranges, 0x10000, 0x10000), UNTOUCHED);
}

TEST(test_ranges_take_refuses_lengths_and_alignments_beyond_reason)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x7f0000001000, 0x10000));
	assert_int_equal(lowest(&ranges, SIZE_MAX, 1), UNTOUCHED);
	assert_int_equal(highest(&ranges, SIZE_MAX, 1), UNTOUCHED);
	assert_int_equal(lowest(&ranges, 0x1000, (size_t)1 << 63), UNTOUCHED);
	assert_int_equal(highest(&ranges, 0x1000, (size_t)1 << 63), UNTOUCHED);
	assert_false(ranges_take_at(&ranges, 0x7f0000001000, SIZE_MAX));
	assert_int_equal(ranges.free_bytes, 0x10000);
}

TEST(test_ranges_take_of_a_whole_range_frees_its_node)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x1000, 0x3000));
	assert_int_equal(lowest(&ranges, 0x3000, 0x1000), 0x1000);
	assert_int_equal(spare_nodes(&ranges), NODES);
	assert_int_equal(ranges.free_bytes, 0);
	assert_null(ranges_next(&ranges, 0));
}

TEST(test_ranges_take_at_takes_exactly_that)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x1000, 0x8000));
	assert_true(ranges_take_at(&ranges, 0x3000, 0x1000));
	assert_range(ranges_next(&ranges, 0), 0x1000, 0x2000);
	assert_range(ranges_next(&ranges, 0x1001), 0x4000, 0x5000);
	assert_true(ranges_take_at(&ranges, 0x1000, 0x2000));
	assert_true(ranges_take_at(&ranges, 0x8000, 0x1000));
	assert_range(ranges_next(&ranges, 0), 0x4000, 0x4000);
	assert_int_equal(ranges.free_bytes, 0x4000);
}

TEST(test_ranges_take_at_refuses_what_is_not_all_free)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x2000, 0x2000));
	assert_true(ranges_add(&ranges, 0x5000, 0x1000));
	assert_false(ranges_take_at(&ranges, 0x1000, 0x1000));
	assert_false(ranges_take_at(&ranges, 0x1000, 0x2000));
	assert_false(ranges_take_at(&ranges, 0x3000, 0x2000));
	assert_false(ranges_take_at(&ranges, 0x2000, 0x4000));
	assert_false(ranges_take_at(&ranges, 0x4000, 0x1000));
	assert_false(ranges_take_at(&ranges, 0x6000, 0x1000));
	assert_int_equal(ranges.free_bytes, 0x3000);
	assert_int_equal(count_ranges(&ranges), 2);
}

TEST(test_ranges_ending_at_finds_only_that_end)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x2000, 0x2000));
	assert_true(ranges_add(&ranges, 0x5000, 0x1000));
	assert_range(ranges_ending_at(&ranges, 0x4000), 0x2000, 0x2000);
	assert_range(ranges_ending_at(&ranges, 0x6000), 0x5000, 0x1000);
	assert_null(ranges_ending_at(&ranges, 0x2000));
	assert_null(ranges_ending_at(&ranges, 0x3000));
	assert_null(ranges_ending_at(&ranges, 0x5000));
	assert_null(ranges_ending_at(&ranges, 0x7000));
}

TEST(test_ranges_next_finds_the_first_at_or_above)
{
	struct ranges ranges = new_ranges(NODES);

	assert_true(ranges_add(&ranges, 0x2000, 0x2000));
	assert_true(ranges_add(&ranges, 0x5000, 0x1000));
	assert_range(ranges_next(&ranges, 0x2000), 0x2000, 0x2000);
	assert_range(ranges_next(&ranges, 0x2001), 0x5000, 0x1000);
	assert_range(ranges_next(&ranges, 0x5000), 0x5000, 0x1000);
	assert_null(ranges_next(&ranges, 0x5001));
}

/* Two nodes, both in use: what needs a third fails and changes nothing, all else works. */
static struct ranges ranges_out_of_nodes(void)
{
	struct ranges ranges = new_ranges(2);

	assert_true(ranges_add(&ranges, 0x10000, 0x4000));
	assert_true(ranges_add(&ranges, 0x20000, 0x4000));
	return ranges;
}

static void assert_still_out_of_nodes(const struct ranges *ranges)
{
	assert_int_equal(ranges->free_bytes, 0x8000);
	assert_int_equal(count_ranges(ranges), 2);
	assert_range(ranges_next(ranges, 0), 0x10000, 0x4000);
	assert_range(ranges_next(ranges, 0x10001), 0x20000, 0x4000);
	assert_int_equal(spare_nodes(ranges), 0);
}

TEST(test_ranges_without_nodes_refuse_what_needs_one)
{
	struct ranges ranges = ranges_out_of_nodes();

	assert_false(ranges_add(&ranges, 0x30000, 0x1000));
	assert_still_out_of_nodes(&ranges);
	assert_false(ranges_take_at(&ranges, 0x11000, 0x1000));
	assert_still_out_of_nodes(&ranges);
	assert_true(ranges_take_at(&ranges, 0x10000, 0x1000));
	assert_int_equal(lowest(&ranges, 0x1000, 0x2000), UNTOUCHED);
	assert_int_equal(highest(&ranges, 0x1000, 0x2000), UNTOUCHED);
	assert_true(ranges_add(&ranges, 0x10000, 0x1000));
	assert_still_out_of_nodes(&ranges);
}

TEST(test_ranges_without_nodes_still_join_and_trim)
{
	struct ranges ranges = ranges_out_of_nodes();

	assert_true(ranges_add(&ranges, 0x14000, 0x1000));
	assert_true(ranges_add(&ranges, 0x1f000, 0x1000));
	assert_int_equal(lowest(&ranges, 0x1000, 1), 0x10000);
	assert_int_equal(highest(&ranges, 0x1000, 1), 0x23000);
	assert_int_equal(lowest(&ranges, 0x4000, 1), 0x11000);
	assert_int_equal(spare_nodes(&ranges), 1);
	assert_true(ranges_add(&ranges, 0x30000, 0x1000));
	assert_int_equal(ranges.free_bytes, 0x5000);
}

TEST(test_ranges_bring_back_every_node)
{
	struct ranges ranges = new_ranges(NODES);

	for (int round = 0; round < 3; round++) {
		for (uintptr_t i = 0; i < NODES; i++)
			assert_true(ranges_add(&ranges, 0x1000 + i * 0x2000, 0x1000));
		assert_false(ranges_add(&ranges, 0x1000 + NODES * 0x2000, 0x1000));
		for (uintptr_t i = 0; i < NODES; i++)
			assert_int_equal(lowest(&ranges, 0x1000, 1), 0x1000 + i * 0x2000);
		assert_int_equal(spare_nodes(&ranges), NODES);
	}
}

/* --- against a model: one byte for each unit, 1 if it is in the set --- */

#define UNITS 512
#define UNIT ((size_t)0x1000)
#define MODEL_START ((uintptr_t)0x7f1234503000)
#define MODEL_STEPS 200000
#define NOWHERE ((size_t)-1)

struct model {
	struct ranges ranges;
	size_t nodes;
	unsigned char in_set[UNITS];
	uint64_t seed;
};

static size_t random_below(struct model *model, size_t limit)
{
	model->seed = model->seed * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(model->seed >> 33) % limit;
}

static uintptr_t unit_address(size_t unit)
{
	return MODEL_START + unit * UNIT;
}

static bool model_is(const struct model *model, size_t unit, size_t count, unsigned char value)
{
	if (unit + count > UNITS)
		return false;
	for (size_t i = unit; i < unit + count; i++)
		if (model->in_set[i] != value)
			return false;
	return true;
}

static bool model_aligned(size_t unit, size_t align)
{
	return unit_address(unit) % align == 0;
}

/* Units [from, to). */
struct window {
	size_t from, to;
};

static size_t model_lowest(const struct model *model, size_t count, size_t align, const struct window *window)
{
	for (size_t unit = window->from; unit + count <= window->to; unit++)
		if (model_aligned(unit, align) && model_is(model, unit, count, 1))
			return unit;
	return NOWHERE;
}

static size_t model_highest(const struct model *model, size_t count, size_t align, const struct window *window)
{
	for (size_t unit = window->to; unit-- > window->from;)
		if (unit + count <= window->to && model_aligned(unit, align) && model_is(model, unit, count, 1))
			return unit;
	return NOWHERE;
}

static size_t model_ranges(const struct model *model)
{
	size_t n = 0;

	for (size_t i = 0; i < UNITS; i++)
		n += model->in_set[i] && (i == 0 || !model->in_set[i - 1]);
	return n;
}

/* How many ranges there are once `value` stands in these units. */
static size_t model_ranges_after(const struct model *model, size_t unit, size_t count, unsigned char value)
{
	struct model after = *model;

	memset(after.in_set + unit, value, count);
	return model_ranges(&after);
}

static void model_check_took(struct model *model, bool taken, uintptr_t start, size_t unit, size_t count)
{
	bool possible = unit != NOWHERE && model_ranges_after(model, unit, count, 0) <= model->nodes;

	assert_int_equal(taken, possible);
	if (!taken)
		return;
	assert_int_equal(start, unit_address(unit));
	memset(model->in_set + unit, 0, count);
}

/* All, or a part. */
static struct window random_window(struct model *model)
{
	size_t from = random_below(model, UNITS);

	if (random_below(model, 2))
		return (struct window){ 0, UNITS };
	return (struct window){ from, from + random_below(model, UNITS - from + 1) };
}

static void model_take(struct model *model)
{
	size_t count = 1 + random_below(model, random_below(model, 8) ? 6 : 100);
	size_t align = UNIT << random_below(model, random_below(model, 2) ? 1 : 6);
	struct window window = random_window(model);
	uintptr_t from = unit_address(window.from), to = unit_address(window.to), start = 0;
	size_t unit;
	bool taken;

	if (random_below(model, 2)) {
		unit = model_lowest(model, count, align, &window);
		taken = ranges_take_lowest(&model->ranges, count * UNIT, align, from, to, &start);
	} else {
		unit = model_highest(model, count, align, &window);
		taken = ranges_take_highest(&model->ranges, count * UNIT, align, from, to, &start);
	}
	model_check_took(model, taken, start, unit, count);
}

static void model_take_at(struct model *model)
{
	size_t unit = random_below(model, UNITS);
	size_t count = 1 + random_below(model, 12);
	bool taken = ranges_take_at(&model->ranges, unit_address(unit), count * UNIT);

	model_check_took(model, taken, unit_address(unit), model_is(model, unit, count, 1) ? unit : NOWHERE, count);
}

static void model_add(struct model *model)
{
	size_t unit = random_below(model, UNITS);
	size_t count = 1 + random_below(model, 12);

	while (count && !model_is(model, unit, count, 0))
		count--;
	if (!count)
		return;

	bool possible = model_ranges_after(model, unit, count, 1) <= model->nodes;
	assert_int_equal(ranges_add(&model->ranges, unit_address(unit), count * UNIT), possible);
	if (possible)
		memset(model->in_set + unit, 1, count);
}

/* Walks the set in order: it holds what the model holds, each range as long as can be. */
static void model_compare(const struct model *model)
{
	unsigned char seen[UNITS] = { 0 };
	size_t n = 0, bytes = 0;
	uintptr_t last_end = 0;
	const struct range *range = ranges_next(&model->ranges, 0);

	for (; range; range = ranges_next(&model->ranges, range->start + 1)) {
		assert_true(range->start > last_end);
		assert_ptr_equal(ranges_ending_at(&model->ranges, range->start + range->length), range);
		last_end = range->start + range->length;
		memset(seen + (range->start - MODEL_START) / UNIT, 1, range->length / UNIT);
		bytes += range->length;
		n++;
	}
	assert_memory_equal(seen, model->in_set, UNITS);
	assert_int_equal(n, model_ranges(model));
	assert_int_equal(bytes, model->ranges.free_bytes);
	assert_int_equal(n + spare_nodes(&model->ranges), model->nodes);
}

static size_t check_longest(const struct range *tree)
{
	size_t longest, left, right;

	if (!tree)
		return 0;
	left = check_longest(tree->left);
	right = check_longest(tree->right);
	longest = tree->length > left ? tree->length : left;
	longest = longest > right ? longest : right;
	assert_int_equal(tree->longest, longest);
	return longest;
}

static void run_model(size_t nodes, uint64_t seed)
{
	struct model model = { .nodes = nodes, .seed = seed };
	struct range *memory = malloc(nodes * sizeof(*memory));

	ranges_init(&model.ranges, memory, nodes * sizeof(*memory));
	assert_true(ranges_add(&model.ranges, MODEL_START, UNITS * UNIT));
	memset(model.in_set, 1, UNITS);
	for (int i = 0; i < MODEL_STEPS; i++) {
		switch (random_below(&model, 5)) {
		case 0: model_take_at(&model); break;
		case 1: model_take(&model); break;
		default: model_add(&model); break;
		}
		if (i % 64 == 0) {
			model_compare(&model);
			check_longest(model.ranges.root);
		}
	}
	model_compare(&model);
	free(memory);
}

TEST(test_ranges_agree_with_a_plain_map)
{
	run_model(UNITS / 2, 1);
	run_model(UNITS / 2, 20261123);
}

TEST(test_ranges_agree_with_a_plain_map_when_nodes_are_scarce)
{
	run_model(12, 2);
	run_model(3, 3);
	run_model(1, 4);
}

static size_t depth(const struct range *tree)
{
	size_t left, right;

	if (!tree)
		return 0;
	left = depth(tree->left);
	right = depth(tree->right);
	return 1 + (left > right ? left : right);
}

TEST(test_ranges_stay_balanced_when_added_in_order)
{
	size_t nodes = 100000;
	struct range *memory = malloc(nodes * sizeof(*memory));
	struct ranges ranges;

	ranges_init(&ranges, memory, nodes * sizeof(*memory));
	for (uintptr_t i = 0; i < nodes; i++)
		assert_true(ranges_add(&ranges, 0x1000 + i * 0x2000, 0x1000));
	assert_true(depth(ranges.root) < 80);
	free(memory);
}
