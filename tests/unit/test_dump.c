/* SPDX-License-Identifier: BSD-3-Clause */
/* test_dump -- what is hidden from core dumps, as the kernel has it: VmFlags in /proc/self/smaps. */
/* objects: libvmmalloc/heap/ libvmmalloc/base/ libvmmalloc/ */
/* wrap: kernel_madvise */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "libvmmalloc/heap/bits.h"
#include "libvmmalloc/heap/dump.h"
#include "libvmmalloc/base/kernel.h"
#include "tests/unit/test.h"

#define KIB ((size_t)1 << 10)
#define GRANULE (64 * KIB)
#define MOST_GRANULES (16 * GIB / GRANULE)

static struct vmm_dump dump;
static char *base;
static size_t size;
static uint64_t bits[MOST_GRANULES / 64 + 2];
static int refused_advice;  /* the kernel has no memory for it; 0: for all there is */
static int calls;

int __real_kernel_madvise(void *address, size_t bytes, int advice);
int __wrap_kernel_madvise(void *address, size_t bytes, int advice)
{
	calls++;
	/* for a whole mapping it needs none */
	if (advice == refused_advice && bytes < size)
		return -ENOMEM;
	return __real_kernel_madvise(address, bytes, advice);
}

static void make(size_t bytes)
{
	memset(bits, 0, sizeof(bits));
	refused_advice = 0;
	size = bytes;
	base = mmap(NULL, bytes + 2 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(base, MAP_FAILED);
	base = (char *)(((uintptr_t)base + 2 * MIB - 1) & ~(2 * MIB - 1));
	vmm_dump_init(&dump, base, bytes, GRANULE, bits);
}

static void unmake(void)
{
	assert_int_equal(munmap(base, size), 0);
}

static void hide(size_t start, size_t end, size_t least)
{
	vmm_dump_hide(&dump, (uintptr_t)base + start, (uintptr_t)base + end, least);
}

static void show(size_t start, size_t end)
{
	vmm_dump_show(&dump, (uintptr_t)base + start, (uintptr_t)base + end);
}

static bool hides(size_t start, size_t end)
{
	return vmm_dump_hides(&dump, (uintptr_t)base + start, (uintptr_t)base + end);
}

/* Bytes that the kernel hides; how many stretches it has of them. */
static size_t hidden_bytes(size_t *ret_runs)
{
	unsigned long start = 0, end = 0, first, last;
	size_t bytes = 0;
	char line[512];
	FILE *smaps = fopen("/proc/self/smaps", "r");

	*ret_runs = 0;
	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &first, &last) == 2) {
			start = first;
			end = last;
		}
		if (strncmp(line, "VmFlags:", 8) != 0 || !strstr(line, " dd") || start < (uintptr_t)base ||
		    end > (uintptr_t)base + size)
			continue;
		bytes += end - start;
		++*ret_runs;
	}
	fclose(smaps);
	return bytes;
}

static void expect(size_t bytes, size_t runs)
{
	size_t found;

	assert_int_equal(hidden_bytes(&found), bytes);
	assert_int_equal(found, runs);
	assert_int_equal(dump.runs, runs);
}

TEST(test_dump_hides_whole_units_only)
{
	make(64 * MIB);
	expect(0, 0);
	hide(4 * KIB, 2 * MIB, 0);
	expect(0, 0);
	hide(4 * KIB, 9 * MIB, 0);
	expect(6 * MIB, 1);
	assert_false(hides(0, 2 * MIB));
	assert_true(hides(2 * MIB - 1, 2 * MIB + 1));
	unmake();
}

TEST(test_dump_hides_nothing_for_less_than_it_is_told)
{
	make(64 * MIB);
	hide(0, 2 * MIB, 4 * MIB);
	expect(0, 0);
	hide(0, 4 * MIB, 4 * MIB);
	expect(4 * MIB, 1);
	calls = 0;
	hide(0, 6 * MIB, 4 * MIB);
	hide(0, 4 * MIB, 0);
	assert_int_equal(calls, 0);
	unmake();
}

TEST(test_dump_shows_granules)
{
	make(64 * MIB);
	hide(0, 64 * MIB, 0);
	expect(64 * MIB, 1);
	show(10 * MIB + 1, 10 * MIB + 2);
	expect(64 * MIB - GRANULE, 2);
	show(0, GRANULE);
	expect(64 * MIB - 2 * GRANULE, 2);
	show(10 * MIB, 64 * MIB);
	expect(10 * MIB - GRANULE, 1);
	calls = 0;
	show(10 * MIB, 64 * MIB);
	assert_int_equal(calls, 0);
	hide(0, 64 * MIB, 0);
	expect(64 * MIB, 1);
	unmake();
}

TEST(test_dump_joins_what_it_hides)
{
	make(64 * MIB);
	hide(2 * MIB, 4 * MIB, 0);
	hide(8 * MIB, 10 * MIB, 0);
	hide(12 * MIB, 14 * MIB, 0);
	expect(6 * MIB, 3);
	hide(4 * MIB, 8 * MIB, 0);
	expect(10 * MIB, 2);
	hide(0, 20 * MIB, 0);
	expect(20 * MIB, 1);
	unmake();
}

/* A process may have 65,530 mappings, and a heap can be in more pieces than that. */
TEST(test_dump_makes_few_mappings)
{
	size_t runs;

	make(16 * GIB);
	for (size_t at = 0; at < 16 * GIB; at += 4 * MIB)
		hide(at, at + 2 * MIB, 0);
	assert_int_equal(hidden_bytes(&runs), dump.runs * 2 * MIB);
	assert_int_equal(runs, 1024);
	/* what makes no more of them is done */
	hide(0, 8 * GIB, 0);
	assert_int_equal(hidden_bytes(&runs), 8 * GIB);
	assert_int_equal(runs, 1);
	unmake();
}

TEST(test_dump_hides_again_after_a_new_mapping)
{
	make(64 * MIB);
	hide(2 * MIB, 8 * MIB, 0);
	hide(10 * MIB, 12 * MIB, 0);
	assert_ptr_equal(mmap(base, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), base);
	vmm_dump_again(&dump, (uintptr_t)base, (uintptr_t)base + size);
	expect(8 * MIB, 2);
	unmake();
}

TEST(test_dump_shows_all_if_it_cannot_show_a_part)
{
	make(64 * MIB);
	hide(0, 32 * MIB, 0);
	refused_advice = MADV_DODUMP;
	show(10 * MIB, 12 * MIB);
	expect(0, 0);
	hide(0, 32 * MIB, 0);
	expect(0, 0);
	unmake();
}

TEST(test_dump_goes_on_if_it_cannot_hide)
{
	make(64 * MIB);
	refused_advice = MADV_DONTDUMP;
	hide(0, 32 * MIB, 0);
	expect(0, 0);
	refused_advice = 0;
	hide(0, 32 * MIB, 0);
	expect(32 * MIB, 1);
	unmake();
}

TEST(test_dump_counts_right_at_random)
{
	uint64_t random = 20261127;

	make(256 * MIB);
	for (int i = 0; i < 20000; i++) {
		size_t start, bytes, runs;

		random = random * 6364136223846793005u + 1442695040888963407u;
		start = (size_t)(random >> 20) % size / GRANULE * GRANULE;
		bytes = (size_t)(random >> 50) % 160 * GRANULE;
		if (bytes > size - start)
			bytes = size - start;
		if (random >> 33 & 1)
			hide(start, start + bytes, bytes / 2);
		else
			show(start, start + bytes);
		if (i % 500 == 0) {
			hidden_bytes(&runs);
			assert_int_equal(runs, dump.runs);
		}
	}
	unmake();
}
