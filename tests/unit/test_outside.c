/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_outside -- what is in use in place of the pool, and why: against a map of pages, whatever is joined, parted, and
 * not noted for want of memory. The addresses are made up: nothing is mapped there.
 */
/* objects: libvmmalloc/heap/ libvmmalloc/base/ libvmmalloc/ common/base/ */
/* wrap: kernel_mmap ranges_more */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "libvmmalloc/heap/heap.h"
#include "tests/unit/model.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

#define PAGE POOL_PAGE_LEAST
#define PAGES 300
#define STEPS 400
#define NODES 4        /* that a set gets at once */
#define NOBODY 255

static struct {
	struct vmm_heap heap;
	struct pool_page child;
	unsigned char reasons[PAGES];  /* NOBODY: it is free */
	bool may_fail;                 /* in every other walk there may be no memory for nodes: */
	bool no_memory, was_short;     /* now, and ever */
} world;

void *__real_kernel_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_kernel_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	if (!world.no_memory)
		return __real_kernel_mmap(at, bytes, protection, flags, fd, offset);
	world.was_short = true;
	return (void *)(intptr_t)-ENOMEM;
}

/* So few that a set of a walk runs out of them often. */
void __real_ranges_more(struct ranges *ranges, void *memory, size_t bytes);
void __wrap_ranges_more(struct ranges *ranges, void *memory, size_t bytes)
{
	assert_true(bytes >= NODES * sizeof(struct range));
	__real_ranges_more(ranges, memory, NODES * sizeof(struct range));
}

static const void *address_of(size_t page)
{
	return (const void *)(uintptr_t)((1000 + page) * PAGE);
}

static void make_heap(size_t bytes)
{
	char message[256];
	struct text error = TEXT_INIT(message);
	struct vmm_pool pool;

	memset(&world, 0, sizeof(world));
	memset(world.reasons, NOBODY, sizeof(world.reasons));
	assert_int_equal(vmm_pool_create("/tmp", bytes, false, &pool, &error), 0);
	assert_int_equal(vmm_heap_init(&world.heap, &pool, false), 0);
}

static const struct pool_outside *figures(void)
{
	return vmm_outside_figures(world.heap.pool.header);
}

/* How many pages from `page` on, up to `most`, are free, or are not. */
static size_t run_length(size_t page, size_t most, bool is_free)
{
	size_t n = 0;

	while (n < most && page + n < PAGES && (world.reasons[page + n] == NOBODY) == is_free)
		n++;
	return n;
}

static void add(size_t page, size_t pages, unsigned char reason)
{
	model_step("add %zu + %zu, reason %d", page, pages, reason);
	vmm_outside_add(&world.heap, address_of(page), pages * PAGE, reason);
	memset(world.reasons + page, reason, pages);
}

static void take_off(size_t page, size_t pages)
{
	model_step("remove %zu + %zu", page, pages);
	vmm_outside_remove(&world.heap, address_of(page), pages * PAGE);
	memset(world.reasons + page, NOBODY, pages);
}

static void step(void)
{
	size_t page = model_below(PAGES), most = 1 + model_below(model_below(2) ? 3 : 40), pages;

	world.no_memory = world.may_fail && (world.no_memory ? model_below(20) != 0 : model_below(60) == 0);
	if (model_below(40) == 0) {
		model_step("a fork begins, or is over");
		world.child = *(const struct pool_page *)world.heap.pool.header;
		world.heap.child_page = world.heap.child_page ? NULL : &world.child;
	}
	pages = run_length(page, most, true);
	if (pages > 0) {
		add(page, pages, (unsigned char)model_below(POOL_OUTSIDE_REASONS));
		return;
	}
	take_off(page, run_length(page, most, false));
}

static void expect_figures(void)
{
	uint64_t expected[POOL_OUTSIDE_REASONS] = { 0 }, sum = 0, pages = 0;

	for (size_t page = 0; page < PAGES; page++) {
		if (world.reasons[page] == NOBODY)
			continue;
		pages++;
		expected[world.reasons[page]] += PAGE;
	}
	for (int i = 0; i < POOL_OUTSIDE_MOST; i++)
		sum += figures()->bytes[i];
	model_expect(world.heap.pool.header->outside_bytes == pages * PAGE, "the sum is %zu and not %zu",
		     (size_t)world.heap.pool.header->outside_bytes, (size_t)pages * PAGE);
	model_expect(sum == pages * PAGE, "the reasons are %zu and not %zu", (size_t)sum, (size_t)pages * PAGE);
	for (int i = 0; i < POOL_OUTSIDE_REASONS; i++) {
		uint64_t bytes = figures()->bytes[i];

		/* what was not noted is of the first reason */
		model_expect(bytes == expected[i] || (world.was_short && (bytes < expected[i]) == (i > 0)),
			     "reason %d has %zu and not %zu", i, (size_t)bytes, (size_t)expected[i]);
	}
	if (world.heap.child_page)
		model_expect(memcmp(&world.child.outside, figures(), sizeof(world.child.outside)) == 0 &&
			     world.child.header.outside_bytes == pages * PAGE, "the child begins with other figures");
}

static void expect_reasons(void)
{
	for (size_t page = 0; page < PAGES; page++) {
		enum pool_outside_reason reason = vmm_outside_reason_of(&world.heap, address_of(page));
		unsigned char expected = world.reasons[page] == NOBODY ? POOL_OUTSIDE_EARLY : world.reasons[page];

		model_expect(reason == expected || (world.was_short && reason == POOL_OUTSIDE_EARLY),
			     "page %zu has reason %d and not %d", page, reason, expected);
	}
}

static void walk(void)
{
	make_heap(4 * MIB);
	world.may_fail = model_below(2);
	for (int i = 0; i < STEPS; i++) {
		step();
		expect_figures();
		if (i % 40 == 0)
			expect_reasons();
	}
	take_off(0, run_length(0, PAGES, false));
	for (size_t page = 0; page < PAGES; page++)
		if (world.reasons[page] != NOBODY)
			take_off(page, run_length(page, PAGES, false));
	expect_figures();
	vmm_heap_drop(&world.heap);
}

TEST(test_outside_reasons_add_up_to_the_sum_whatever_is_joined_and_parted)
{
	model_run(walk, 100);
}

TEST(test_outside_begins_with_what_was_there_before_the_pool)
{
	make_heap(4 * MIB);
	assert_string_equal(figures()->magic, POOL_OUTSIDE_MAGIC);
	assert_int_equal(figures()->reasons, POOL_OUTSIDE_REASONS);
	vmm_outside_begin(&world.heap, 12 * PAGE);
	assert_int_equal(figures()->bytes[POOL_OUTSIDE_EARLY], 12 * PAGE);
	vmm_outside_add(&world.heap, address_of(50), 2 * PAGE, POOL_OUTSIDE_FULL);
	/* an extent of before, and one of now behind it, which jemalloc has joined */
	vmm_outside_remove(&world.heap, address_of(49), 3 * PAGE);
	assert_int_equal(figures()->bytes[POOL_OUTSIDE_EARLY], 11 * PAGE);
	assert_int_equal(figures()->bytes[POOL_OUTSIDE_FULL], 0);
	assert_int_equal(world.heap.pool.header->outside_bytes, 11 * PAGE);
	vmm_heap_drop(&world.heap);
}

TEST(test_outside_goes_with_a_heap_that_moves)
{
	struct pool_page page = { 0 };

	make_heap(4 * MIB);
	vmm_outside_begin(&world.heap, PAGE);
	vmm_outside_add(&world.heap, address_of(1), 2 * PAGE, POOL_OUTSIDE_METADATA_SPACE);
	vmm_outside_carry(world.heap.pool.header, &page.header);
	assert_int_equal(page.header.outside_bytes, 3 * PAGE);
	assert_memory_equal(page.outside.bytes, figures()->bytes, sizeof(page.outside.bytes));
	assert_int_equal(page.outside.reasons, 0);
	vmm_heap_drop(&world.heap);
}

/* The pool has 16 MiB less a page, of which the floor is kept back. */
TEST(test_outside_is_too_large_for_the_pool_if_it_never_fits)
{
	size_t most;

	make_heap(16 * MIB);
	most = world.heap.pool.size - world.heap.pool.grain - world.heap.floor;
	assert_false(vmm_outside_is_too_large(&world.heap, most, PAGE));
	assert_true(vmm_outside_is_too_large(&world.heap, most + PAGE, PAGE));
	assert_true(vmm_outside_is_too_large(&world.heap, SIZE_MAX - PAGE, PAGE));
	assert_false(vmm_outside_is_too_large(&world.heap, PAGE, 4 * MIB));
	assert_true(vmm_outside_is_too_large(&world.heap, PAGE, (size_t)1 << 46));
	/* that it is in use now is another reason */
	assert_non_null(vmm_heap_take(&world.heap, 0, NULL, most, PAGE, HEAP_FOR_PROGRAM, &(bool){ false }));
	assert_false(vmm_outside_is_too_large(&world.heap, most, PAGE));
	vmm_heap_drop(&world.heap);
}
