/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_heap_model -- the heap on a real file against an array of pages that says whose each is and what is in it.
 *
 * A walk takes, grows, gives back in parts and trims at random, for the program and for the engine. On its way the heap
 * becomes private, returns in parts or wholly, moves to another file, and the file system refuses now and then. What is
 * handed out must be nobody else's, hold zeros where zeros are promised, keep its bytes through all of that, and the
 * figures must be those of the file. A walk that fails prints its seed: HEAP_MODEL_SEED=N walks that one alone,
 * HEAP_MODEL_WALKS=N as many from a random one.
 */
/* objects: libvmmalloc/heap/heap.c libvmmalloc/heap/ranges.c libvmmalloc/heap/pool.c libvmmalloc/heap/mapping.c */
/* objects: libvmmalloc/fork/copy.c libvmmalloc/heap/dump.c libvmmalloc/fork/thaw.c libvmmalloc/base/kernel.c */
/* objects: libvmmalloc/heap/remap.c libvmmalloc/heap/waiters.c libvmmalloc/base/lock.c common/base/text.c */
/* wrap: kernel_fallocate kernel_madvise kernel_mmap kernel_clock_gettime */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "libvmmalloc/heap/bits.h"
#include "libvmmalloc/fork/copy.h"
#include "libvmmalloc/heap/heap.h"
#include "libvmmalloc/heap/mapping.h"
#include "libvmmalloc/fork/thaw.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define PAGE POOL_PAGE
#define PAGE_WORDS (PAGE / sizeof(uint64_t))
#define MOST_PAGES (48 * MIB / PAGE)
#define BLOCKS 96
#define STEPS 4000
#define STEPS_BETWEEN_CHECKS 500
#define WALKS 60
#define DIR "/dev/shm"

struct block {
	char *address;               /* NULL: none */
	size_t pages;
	bool is_metadata;
};

static struct {
	struct vmm_heap heap;
	struct block blocks[BLOCKS];
	uint64_t stamps[MOST_PAGES]; /* what each word of a page is; 0: nobody's, or metadata that nobody touched yet */
	bool owned[MOST_PAGES];
	uint64_t random, first_random, last_stamp, now_ns;
	unsigned refusals;           /* of 16 calls, how many the file system refuses */
	size_t room;                 /* bytes that a private mapping of the file may have; 0: any */
	bool exact;                  /* what the file has is what the header says */
	int step;
} model;

/* --- the file system, which refuses now and then, and the clock --- */

static size_t below(size_t limit)
{
	model.random = model.random * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(model.random >> 33) % limit;
}

static bool refuses(void)
{
	return model.refusals && below(16) < model.refusals;
}

int __real_kernel_fallocate(int fd, int mode, off_t offset, off_t bytes);
int __wrap_kernel_fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	if (!refuses())
		return __real_kernel_fallocate(fd, mode, offset, bytes);
	/* what was got before cannot be given back now */
	model.exact = model.exact && !model.heap.pool.mapping.is_private;
	return -ENOSPC;
}

int __real_kernel_madvise(void *address, size_t bytes, int advice);
int __wrap_kernel_madvise(void *address, size_t bytes, int advice)
{
	if (advice != MADV_REMOVE || below(16) >= model.refusals)
		return __real_kernel_madvise(address, bytes, advice);
	model.exact = false;
	return -EINTR;
}

void *__real_kernel_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_kernel_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	if (model.room && fd >= 0 && flags & MAP_PRIVATE && bytes > model.room)
		return (void *)(intptr_t)-ENOMEM;
	return __real_kernel_mmap(at, bytes, protection, flags, fd, offset);
}

int __real_kernel_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_kernel_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE)
		return __real_kernel_clock_gettime(clock, now);
	*now = (struct timespec){ .tv_sec = (time_t)(model.now_ns / 1000000000u),
				  .tv_nsec = (long)(model.now_ns % 1000000000u) };
	return 0;
}

/* --- pages --- */

static void expect(bool right, const char *words)
{
	if (!right)
		fail_msg("HEAP_MODEL_SEED=%llu, step %d: %s", (unsigned long long)model.first_random, model.step,
			 words);
}

static size_t page_of(const char *address)
{
	return (size_t)(address - model.heap.pool.base) / PAGE;
}

static bool is_all(const char *page, uint64_t word)
{
	const uint64_t *words = (const uint64_t *)page;

	for (size_t i = 0; i < PAGE_WORDS; i++)
		if (words[i] != word)
			return false;
	return true;
}

static void expect_zero(const char *address, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		expect(is_all(address + i * PAGE, 0), "memory that was said to be zero is not");
}

static void own(const char *address, size_t pages)
{
	size_t first = page_of(address);

	expect(vmm_pool_contains(&model.heap.pool, address) && first > 0 &&
	       first + pages <= model.heap.pool.size / PAGE, "a block lies outside the heap");
	for (size_t page = first; page < first + pages; page++) {
		expect(!model.owned[page], "a page is handed out twice");
		model.owned[page] = true;
		model.stamps[page] = 0;
	}
}

static void disown(const char *address, size_t pages)
{
	for (size_t page = page_of(address); pages > 0; page++, pages--)
		model.owned[page] = false;
}

static void stamp(char *address, size_t pages)
{
	for (; pages > 0; pages--, address += PAGE) {
		model.stamps[page_of(address)] = ++model.last_stamp;
		for (size_t i = 0; i < PAGE_WORDS; i++)
			((uint64_t *)address)[i] = model.last_stamp;
	}
}

/* Pages of metadata that nobody touched are not looked at: they may have no space. */
static void expect_stamps(const struct block *block)
{
	for (size_t i = 0; i < block->pages; i++) {
		uint64_t word = model.stamps[page_of(block->address + i * PAGE)];

		expect(!word || is_all(block->address + i * PAGE, word), "a page has lost its bytes");
	}
}

static void expect_figures(void)
{
	const struct pool_header *header = model.heap.pool.header;
	size_t metadata = 0, extents = 0;
	struct stat st;

	for (size_t i = 0; i < BLOCKS; i++)
		if (model.blocks[i].address)
			*(model.blocks[i].is_metadata ? &metadata : &extents) += model.blocks[i].pages * PAGE;
	expect(header->used_bytes - header->metadata_bytes == extents, "used_bytes is not what is used");
	expect(header->metadata_bytes <= metadata, "metadata_bytes is more than all metadata");
	expect(metadata > 0 || header->metadata_bytes == 0, "metadata_bytes of no metadata");
	assert_int_equal(fstat(model.heap.pool.fd, &st), 0);
	expect(header->reserved_bytes <= (size_t)st.st_blocks * 512, "more is said to be reserved than the file has");
	expect(!model.exact || header->reserved_bytes == (size_t)st.st_blocks * 512,
	       "the file has more than is said to be reserved");
}

/* [start, end) is one mapping to the kernel, hidden from core dumps or not. Whether it is the heap's. */
static bool expect_hidden(uintptr_t start, uintptr_t end, bool hidden)
{
	const struct vmm_dump *dump = &model.heap.dump;
	uintptr_t base = (uintptr_t)model.heap.pool.base;

	if (start < base || end > base + model.heap.pool.size)
		return false;
	for (uintptr_t page = start; page < end; page += PAGE) {
		size_t number = (page - base) / PAGE;

		expect(bits_has(dump->hidden, (page - base) / dump->granule) == hidden, hidden
		       ? "a granule is hidden and should not be" : "a granule should be hidden");
		expect(!hidden || !model.owned[number] || !model.stamps[number], "a block is not in a core dump");
	}
	return true;
}

static void expect_core_dump(void)
{
	unsigned long start = 0, end = 0, first, last;
	size_t mappings = 0, of_the_pool = 0;
	char line[512];
	FILE *smaps = fopen("/proc/self/smaps", "r");

	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &first, &last) == 2) {
			start = first;
			end = last;
			mappings++;
		} else if (strncmp(line, "VmFlags:", 8) == 0) {
			of_the_pool += expect_hidden(start, end, strstr(line, " dd") != NULL);
		}
	}
	fclose(smaps);
	expect(of_the_pool > 0, "nothing of the pool is mapped");
	expect(mappings < 4096, "there are too many mappings");
}

static void expect_all(void)
{
	expect_core_dump();
	for (size_t i = 0; i < BLOCKS; i++)
		if (model.blocks[i].address)
			expect_stamps(&model.blocks[i]);
}

/* --- what a program and an engine do --- */

static void take(struct block *block)
{
	size_t pages = 1 + below(below(8) ? 40 : below(6) ? 600 : 5000);
	size_t align = PAGE << (below(4) ? 0 : below(10));
	enum vmm_heap_use use = below(4) ? HEAP_FOR_PROGRAM : HEAP_FOR_JEMALLOC;
	bool wanted = below(2), zero = wanted;
	char *address = vmm_heap_take(&model.heap, NULL, pages * PAGE, align, use, &zero);

	if (!address)
		return;
	own(address, pages);
	expect((uintptr_t)address % align == 0, "a block is not aligned");
	expect(zero || !wanted, "zeros were wanted and are not promised");
	if (zero)
		expect_zero(address, pages);
	stamp(address, pages);
	*block = (struct block){ address, pages, false };
}

static void extend(struct block *block)
{
	size_t pages = 1 + below(below(4) ? 8 : 300);
	char *end = block->address + block->pages * PAGE;
	bool zero = below(2);

	if (!vmm_heap_take(&model.heap, end, pages * PAGE, PAGE, HEAP_FOR_PROGRAM, &zero))
		return;
	own(end, pages);
	if (zero)
		expect_zero(end, pages);
	stamp(end, pages);
	block->pages += pages;
}

static void touch_metadata(const struct block *block, size_t first, size_t pages)
{
	for (char *page = block->address + first * PAGE; pages > 0; page += PAGE, pages--) {
		if (model.stamps[page_of(page)])
			continue;
		expect(is_all(page, 0), "metadata are not zero");
		stamp(page, 1);
	}
}

static void take_metadata(struct block *block)
{
	size_t granules = 1 + below(below(4) ? 4 : 40), align = HEAP_GRANULE << below(6);
	char *address = vmm_heap_take_metadata(&model.heap, granules * HEAP_GRANULE, align);

	if (!address)
		return;
	*block = (struct block){ address, granules * HEAP_GRANULE / PAGE, true };
	own(address, block->pages);
	expect((uintptr_t)address % align == 0, "metadata are not aligned");
	touch_metadata(block, 0, HEAP_GRANULE / PAGE);
}

static void use_metadata(const struct block *block)
{
	size_t first = below(block->pages), pages = 1 + below(block->pages - first);

	if (vmm_heap_reserve_metadata(&model.heap, block->address + first * PAGE, pages * PAGE) == 0)
		touch_metadata(block, first, pages);
}

static void give_part(const struct block *block, size_t first, size_t pages)
{
	char *address = block->address + first * PAGE;

	disown(address, pages);
	if (block->is_metadata)
		vmm_heap_give_metadata(&model.heap, address, pages * PAGE);
	else
		vmm_heap_give(&model.heap, address, pages * PAGE);
}

/* Metadata come back as whole blocks, as an arena is destroyed. */
static void give(struct block *block)
{
	size_t keep = block->is_metadata || below(3) ? 0 : below(block->pages);

	expect_stamps(block);
	if (keep && below(2)) {
		give_part(block, 0, block->pages - keep);
		block->address += (block->pages - keep) * PAGE;
	} else {
		give_part(block, keep, block->pages - keep);
	}
	block->pages = keep;
	if (!keep)
		block->address = NULL;
}

/* --- what a fork brings --- */

/* With little room for it now and then. */
static void freeze(void)
{
	model.room = below(3) == 0 ? PAGE << below(14) : 0;
	assert_int_equal(vmm_heap_freeze(&model.heap), 0);
	model.room = 0;
	expect(!model.heap.pool.mapping.in_parts, "a frozen heap is not all private");
}

static void freeze_or_come_back(void)
{
	if (!model.heap.pool.mapping.is_private || below(4) == 0)
		freeze();
	else if (below(3) == 0)
		vmm_heap_return_free(&model.heap);
	else
		expect(vmm_thaw(&model.heap) == 0, "the heap does not return to its file");
}

/* As vmm_comeback_move does. */
static void move(void)
{
	struct vmm_pool clone;

	if (vmm_copy_make(&model.heap, DIR, false, &clone) < 0)
		return;
	if (vmm_copy_fill(&model.heap, &clone) < 0) {
		vmm_pool_drop(&clone);
		return;
	}
	assert_int_equal(vmm_pool_replace(&model.heap.pool, &clone), 0);
	vmm_heap_forget_free(&model.heap, false);
	model.exact = true;
}

/* --- walks --- */

static void step(void)
{
	struct block *block = &model.blocks[below(BLOCKS)];
	size_t what = below(1000);

	if (what < 4)
		freeze_or_come_back();
	else if (what < 5)
		move();
	else if (what < 20)
		(void)vmm_heap_trim(&model.heap, below(2 * MIB));
	else if (what < 30)
		model.refusals = below(2) ? 0 : (unsigned)below(17);
	else if (!block->address)
		what < 80 ? take_metadata(block) : take(block);
	else if (block->is_metadata && what < 700)
		use_metadata(block);
	else if (what < 300)
		extend(block);
	else
		give(block);
	/* sometimes the file system's last answer is long ago */
	model.now_ns += below(4) ? 0 : 1000000000u;
}

static void make_heap(bool all_reserved)
{
	static const size_t most[] = { 2 * MIB, 6 * MIB, 48 * MIB };
	size_t bytes = MIB + below(most[below(3)] / PAGE - MIB / PAGE) * PAGE;
	char words[512] = "";
	struct text error = TEXT_INIT(words);
	struct vmm_pool pool;

	if (vmm_pool_create(DIR, bytes, all_reserved, &pool, &error) < 0)
		fail_msg("%s", words);
	assert_int_equal(vmm_heap_init(&model.heap, &pool, all_reserved), 0);
}

static void unmake_heap(void)
{
	vmm_mapping_drop_shadow(&model.heap.pool);
	vmm_pool_drop(&model.heap.pool);
}

static void walk(uint64_t seed)
{
	memset(&model, 0, sizeof(model));
	model.random = model.first_random = seed;
	model.now_ns = 1000000000u;
	model.exact = true;
	make_heap(below(4) == 0);
	model.refusals = below(2) ? 0 : (unsigned)below(12);
	for (model.step = 0; model.step < STEPS; model.step++) {
		step();
		expect_figures();
		if (model.step % STEPS_BETWEEN_CHECKS == 0)
			expect_all();
	}
	expect_all();
	for (size_t i = 0; i < BLOCKS; i++) {
		if (model.blocks[i].address)
			give_part(&model.blocks[i], 0, model.blocks[i].pages);
		model.blocks[i].address = NULL;
	}
	expect_figures();
	unmake_heap();
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 10) : otherwise;
}

static void test_heap_is_as_the_model_says(void **state)
{
	uint64_t seed = number("HEAP_MODEL_SEED", 0), walks = number("HEAP_MODEL_WALKS", 0);

	(void)state;
	if (seed) {
		walk(seed);
		return;
	}
	seed = walks ? (uint64_t)time(NULL) << 16 : 1;
	for (uint64_t i = 0; i < (walks ? walks : WALKS); i++)
		walk(seed + i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heap_is_as_the_model_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
