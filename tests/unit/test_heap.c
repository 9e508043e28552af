/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_heap -- the pool's space, on pools of anonymous files and a file system that is played.
 *
 * The wrappers below keep a map of the pages that the heap has had reserved, let the file system be full when a test
 * wants it to be, and own the clock.
 */
/* objects: libvmmalloc/heap/ libvmmalloc/base/ libvmmalloc/ common/base/ */
/* wrap: kernel_open kernel_fallocate kernel_madvise kernel_mmap kernel_fstatfs kernel_clock_gettime */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "libvmmalloc/heap/heap.h"
#include "libvmmalloc/heap/mapping.h"
#include "libvmmalloc/heap/walk.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

#define KIB ((size_t)1 << 10)
#define PAGE POOL_PAGE_LEAST
#define FIRST_STEP (256 * KIB)
#define LEAST_FLOOR (256 * KIB)
#define MOST_PAGES (2 * GIB / PAGE)

/* --- the file system that is played --- */

static struct {
	bool real;                   /* nothing is played */
	bool broken;                 /* space cannot be given back */
	bool broken_half_way;        /* half of it is */
	const char *locked;          /* so is what lies before this page, if anything */
	bool no_memory;              /* anonymous mmap fails */
	long huge_page;              /* it is a hugetlbfs with this page, if not 0 */
	bool tells_room;             /* it says how much of its capacity is left */
	bool large_folios;           /* it is an ext4, whose page cache is made of large folios */
	const char *base;            /* of the pool */
	size_t capacity;             /* bytes */
	size_t used;                 /* bytes */
	size_t requests;             /* calls of fallocate */
	size_t grain;
	bool ragged;                 /* it was asked for parts of a grain */
	uint64_t now_ns;             /* what the clock says */
	unsigned char pages[MOST_PAGES];  /* 1: reserved */
} disk;

int __real_kernel_open(const char *path, int flags, mode_t mode);
int __wrap_kernel_open(const char *path, int flags, mode_t mode)
{
	return disk.real ? __real_kernel_open(path, flags, mode) : memfd_create("pool", MFD_CLOEXEC);
}

static size_t missing_pages(size_t first, size_t last)
{
	size_t n = 0;

	for (size_t page = first; page < last; page++)
		n += !disk.pages[page];
	return n;
}

int __real_kernel_fallocate(int fd, int mode, off_t offset, off_t bytes);
int __wrap_kernel_fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	size_t first = (size_t)offset / PAGE, last = ((size_t)(offset + bytes) + PAGE - 1) / PAGE;

	if (disk.real)
		return __real_kernel_fallocate(fd, mode, offset, bytes);
	disk.requests++;
	disk.ragged = disk.ragged || (size_t)(offset | bytes) % disk.grain;
	if (disk.used + missing_pages(first, last) * PAGE > __atomic_load_n(&disk.capacity, __ATOMIC_RELAXED))
		return -ENOSPC;
	disk.used += missing_pages(first, last) * PAGE;
	memset(disk.pages + first, 1, last - first);
	return 0;
}

int __real_kernel_madvise(void *address, size_t bytes, int advice);
int __wrap_kernel_madvise(void *address, size_t bytes, int advice)
{
	size_t first = (size_t)((char *)address - disk.base) / PAGE, last = first + (bytes + PAGE - 1) / PAGE;
	int r;

	if (disk.broken && advice == MADV_REMOVE)
		return -EOPNOTSUPP;
	if (disk.broken_half_way && advice == MADV_REMOVE) {
		bytes /= 2;
		last = first + bytes / PAGE;
	}
	if (disk.locked && advice == MADV_REMOVE && disk.locked >= (char *)address &&
	    disk.locked < (char *)address + bytes) {
		if (disk.locked > (char *)address)
			(void)__wrap_kernel_madvise(address, (size_t)(disk.locked - (char *)address), advice);
		return -EINVAL;
	}
	r = __real_kernel_madvise(address, bytes, advice);
	if (r < 0)
		return r;
	if (!disk.real && advice == MADV_REMOVE) {
		disk.used -= (last - first - missing_pages(first, last)) * PAGE;
		memset(disk.pages + first, 0, last - first);
	}
	return disk.broken_half_way && advice == MADV_REMOVE ? -EINTR : 0;
}

void *__real_kernel_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_kernel_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	if (disk.no_memory && flags & MAP_ANONYMOUS)
		return (void *)(intptr_t)-ENOMEM;
	return __real_kernel_mmap(at, bytes, protection, flags, fd, offset);
}

int __real_kernel_fstatfs(int fd, struct statfs *fs);
int __wrap_kernel_fstatfs(int fd, struct statfs *fs)
{
	int r = __real_kernel_fstatfs(fd, fs);

	if (disk.huge_page) {
		fs->f_type = HUGETLBFS_MAGIC;
		fs->f_bsize = disk.huge_page;
	}
	if (disk.large_folios)
		fs->f_type = EXT4_SUPER_MAGIC;
	if (disk.tells_room) {
		fs->f_bsize = PAGE;
		fs->f_blocks = disk.capacity / PAGE;
		fs->f_bfree = fs->f_bavail = (disk.capacity - disk.used) / PAGE;
	}
	return r;
}

int __real_kernel_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_kernel_clock_gettime(clockid_t clock, struct timespec *now)
{
	uint64_t now_ns = __atomic_load_n(&disk.now_ns, __ATOMIC_RELAXED);

	if (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE)
		return __real_kernel_clock_gettime(clock, now);
	*now = (struct timespec){ .tv_sec = (time_t)(now_ns / 1000000000u), .tv_nsec = (long)(now_ns % 1000000000u) };
	return 0;
}

static void pass_ms(uint64_t ms)
{
	__atomic_fetch_add(&disk.now_ns, ms * 1000000u, __ATOMIC_RELAXED);
}

static bool is_reserved(const char *address, size_t bytes)
{
	size_t first = (size_t)(address - disk.base) / PAGE;

	return missing_pages(first, first + bytes / PAGE) == 0;
}

/* --- heaps --- */

static void new_disk(void)
{
	memset(&disk, 0, sizeof(disk));
	disk.capacity = SIZE_MAX / 2;
	disk.grain = PAGE;
	disk.now_ns = 5000000000u;
}

static int set_up(void **state)
{
	(void)state;
	new_disk();
	return 0;
}

TEST_FIXTURE(set_up, NULL);

static struct vmm_pool make_pool(const char *dir, size_t bytes, bool reserve_all)
{
	char buffer[512] = "";
	struct text error = TEXT_INIT(buffer);
	struct vmm_pool pool = { 0 };

	if (vmm_pool_create(dir, bytes, reserve_all, &pool, &error) != 0)
		fail_msg("%s", buffer);
	disk.base = pool.base;
	return pool;
}

static void make_heap(struct vmm_heap *heap, size_t bytes)
{
	struct vmm_pool pool = make_pool("anonymous", bytes, false);

	assert_int_equal(vmm_heap_init(heap, &pool, false), 0);
}

static void unmake_heap(struct vmm_heap *heap)
{
	assert_int_equal(munmap(heap->pool.base - PAGE, heap->pool.size + 2 * PAGE), 0);
	close(heap->pool.first.fd);
}

static char *heap_start(const struct vmm_heap *heap)
{
	return heap->pool.base + heap->pool.grain;
}

static char *heap_end(const struct vmm_heap *heap)
{
	return heap->pool.base + heap->pool.size;
}

static char *take_for(struct vmm_heap *heap, size_t bytes, size_t align, enum vmm_heap_use use)
{
	bool zero = false;

	return vmm_heap_take(heap, 0, NULL, bytes, align, use, &zero);
}

static char *take(struct vmm_heap *heap, size_t bytes)
{
	return take_for(heap, bytes, PAGE, HEAP_FOR_PROGRAM);
}

static char *take_at(struct vmm_heap *heap, char *at, size_t bytes)
{
	bool zero = false;

	return vmm_heap_take(heap, 0, at, bytes, PAGE, HEAP_FOR_PROGRAM, &zero);
}

static char *take_zero(struct vmm_heap *heap, size_t bytes)
{
	bool zero = true;
	char *address = vmm_heap_take(heap, 0, NULL, bytes, PAGE, HEAP_FOR_PROGRAM, &zero);

	assert_true(zero);
	return address;
}

/* Takes blocks of this size until there is no more. Returns bytes. */
static size_t take_all(struct vmm_heap *heap, size_t bytes, enum vmm_heap_use use)
{
	size_t taken = 0;

	while (take_for(heap, bytes, PAGE, use))
		taken += bytes;
	return taken;
}

static uint64_t used(const struct vmm_heap *heap)
{
	return heap->pool.header->used_bytes;
}

static bool is_zero(const char *address, size_t bytes)
{
	static const char zeros[PAGE];

	for (size_t i = 0; i < bytes; i += PAGE)
		if (memcmp(address + i, zeros, PAGE) != 0)
			return false;
	return true;
}

/* --- beginning --- */

TEST(test_heap_init_reserves_one_step)
{
	struct vmm_heap heap;

	make_heap(&heap, 64 * MIB);
	assert_int_equal(disk.used, PAGE + FIRST_STEP);
	assert_true(is_reserved(heap.pool.base, PAGE + FIRST_STEP));
	assert_int_equal(used(&heap), 0);
	assert_int_equal(heap.pool.header->metadata_bytes, 0);
	unmake_heap(&heap);
}

TEST(test_heap_init_fails_on_a_full_file_system)
{
	struct vmm_pool pool = make_pool("anonymous", 64 * MIB, false);
	struct vmm_heap heap;

	disk.capacity = disk.used + FIRST_STEP - PAGE;
	assert_int_equal(vmm_heap_init(&heap, &pool, false), -ENOSPC);
	assert_int_equal(disk.used, PAGE);
	munmap(pool.base - PAGE, pool.size + 2 * PAGE);
	close(pool.first.fd);
}

TEST(test_heap_init_fails_without_memory_for_its_nodes)
{
	struct vmm_pool pool = make_pool("anonymous", 64 * MIB, false);
	struct vmm_heap heap;

	disk.no_memory = true;
	assert_int_equal(vmm_heap_init(&heap, &pool, false), -ENOMEM);
	munmap(pool.base - PAGE, pool.size + 2 * PAGE);
	close(pool.first.fd);
}

/* --- taking and giving --- */

TEST(test_heap_take_begins_behind_the_header)
{
	struct vmm_heap heap;

	make_heap(&heap, 64 * MIB);
	assert_ptr_equal(take(&heap, PAGE), heap_start(&heap));
	assert_ptr_equal(take(&heap, 3 * PAGE), heap_start(&heap) + PAGE);
	unmake_heap(&heap);
}

TEST(test_heap_take_uses_the_lowest_gap_that_fits)
{
	struct vmm_heap heap;
	char *a, *b, *c, *d;

	make_heap(&heap, 64 * MIB);
	a = take(&heap, PAGE);
	b = take(&heap, 2 * PAGE);
	c = take(&heap, 4 * PAGE);
	d = take(&heap, PAGE);
	assert_non_null(d);
	vmm_heap_give(&heap, c, 4 * PAGE);
	vmm_heap_give(&heap, a, PAGE);
	assert_ptr_equal(take(&heap, 3 * PAGE), c);
	assert_ptr_equal(take(&heap, PAGE), a);
	assert_ptr_equal(take(&heap, PAGE), c + 3 * PAGE);
	assert_ptr_equal(b, a + PAGE);
	unmake_heap(&heap);
}

TEST(test_heap_take_aligns)
{
	struct vmm_heap heap;

	make_heap(&heap, 64 * MIB);
	for (size_t align = PAGE; align <= 8 * MIB; align *= 2) {
		char *address = take_for(&heap, PAGE, align, HEAP_FOR_PROGRAM);

		assert_non_null(address);
		assert_int_equal((uintptr_t)address % align, 0);
	}
	unmake_heap(&heap);
}

TEST(test_heap_take_leaves_the_gap_before_an_aligned_block_usable)
{
	struct vmm_heap heap;
	char *block;

	make_heap(&heap, 64 * MIB);
	block = take_for(&heap, 2 * MIB, 2 * MIB, HEAP_FOR_PROGRAM);
	assert_ptr_equal(block, heap.pool.base + 2 * MIB);
	assert_ptr_equal(take(&heap, 2 * MIB - PAGE), heap_start(&heap));
	unmake_heap(&heap);
}

TEST(test_heap_give_takes_back_parts)
{
	struct vmm_heap heap;
	char *block;

	make_heap(&heap, 64 * MIB);
	block = take(&heap, 8 * PAGE);
	vmm_heap_give(&heap, block + 2 * PAGE, 3 * PAGE);
	assert_int_equal(used(&heap), 5 * PAGE);
	assert_ptr_equal(take(&heap, 3 * PAGE), block + 2 * PAGE);
	assert_int_equal(used(&heap), 8 * PAGE);
	unmake_heap(&heap);
}

TEST(test_heap_figures_follow_what_is_taken_and_given)
{
	struct vmm_heap heap;
	char *one, *two;

	make_heap(&heap, 64 * MIB);
	one = take(&heap, 3 * PAGE);
	two = take(&heap, MIB);
	assert_int_equal(used(&heap), MIB + 3 * PAGE);
	assert_int_equal(heap.pool.header->peak_bytes, MIB + 3 * PAGE);
	vmm_heap_give(&heap, two, MIB);
	assert_int_equal(used(&heap), 3 * PAGE);
	assert_int_equal(heap.pool.header->peak_bytes, MIB + 3 * PAGE);
	assert_non_null(vmm_heap_take_metadata(&heap, 2 * PAGE, PAGE));
	assert_int_equal(used(&heap), 5 * PAGE);
	assert_int_equal(heap.pool.header->metadata_bytes, 2 * PAGE);
	vmm_heap_give(&heap, one, 3 * PAGE);
	assert_int_equal(used(&heap), 2 * PAGE);
	assert_int_equal(heap.pool.header->metadata_bytes, 2 * PAGE);
	unmake_heap(&heap);
}

TEST(test_heap_figures_stay_when_nothing_could_be_taken)
{
	struct vmm_heap heap;

	make_heap(&heap, 64 * MIB);
	assert_non_null(take(&heap, PAGE));
	assert_null(take(&heap, 64 * MIB));
	assert_null(vmm_heap_take_metadata(&heap, 64 * MIB, PAGE));
	assert_int_equal(used(&heap), PAGE);
	assert_int_equal(heap.pool.header->peak_bytes, PAGE);
	assert_int_equal(heap.pool.header->metadata_bytes, 0);
	unmake_heap(&heap);
}

TEST(test_heap_count_adds_to_a_figure)
{
	struct vmm_heap heap;

	make_heap(&heap, 64 * MIB);
	vmm_heap_count(&heap, &heap.pool.header->outside_bytes, 8192);
	vmm_heap_count(&heap, &heap.pool.header->outside_bytes, -4096);
	assert_int_equal(heap.pool.header->outside_bytes, 4096);
	assert_int_equal(heap.pool.header->failed_requests, 0);
	unmake_heap(&heap);
}

TEST(test_heap_is_whole_again_when_all_is_given_back)
{
	struct vmm_heap heap;
	char *blocks[500];

	make_heap(&heap, 64 * MIB);
	for (size_t i = 0; i < 500; i++)
		blocks[i] = take(&heap, (1 + i % 7) * PAGE);
	for (size_t i = 0; i < 500; i++)
		vmm_heap_give(&heap, blocks[i * 7 % 500], (1 + i * 7 % 500 % 7) * PAGE);
	assert_int_equal(used(&heap), 0);
	assert_ptr_equal(take(&heap, heap.low - (uintptr_t)heap_start(&heap)), heap_start(&heap));
	unmake_heap(&heap);
}

TEST(test_heap_refuses_sizes_and_alignments_beyond_reason)
{
	static const size_t sizes[] = { SIZE_MAX & ~(PAGE - 1), (size_t)1 << 63, ((size_t)1 << 63) - PAGE,
					SIZE_MAX - MIB + 1, 64 * MIB };
	struct vmm_heap heap;

	make_heap(&heap, 64 * MIB);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		assert_null(take(&heap, sizes[i]));
		assert_null(take_for(&heap, sizes[i], 2 * MIB, HEAP_FOR_JEMALLOC));
		assert_null(take_at(&heap, heap_start(&heap), sizes[i]));
		assert_null(vmm_heap_take_metadata(&heap, sizes[i], PAGE));
	}
	assert_null(take_for(&heap, PAGE, (size_t)1 << 63, HEAP_FOR_PROGRAM));
	assert_null(vmm_heap_take_metadata(&heap, PAGE, (size_t)1 << 63));
	assert_int_equal(disk.used, PAGE + FIRST_STEP);
	assert_ptr_equal(take(&heap, PAGE), heap_start(&heap));
	unmake_heap(&heap);
}

/* --- growing --- */

TEST(test_heap_asks_the_file_system_only_when_nothing_fits)
{
	struct vmm_heap heap;
	char *block;

	make_heap(&heap, 64 * MIB);
	disk.requests = 0;
	block = take(&heap, FIRST_STEP);
	assert_non_null(block);
	vmm_heap_give(&heap, block, FIRST_STEP);
	assert_ptr_equal(take(&heap, FIRST_STEP), block);
	assert_int_equal(disk.requests, 0);
	assert_non_null(take(&heap, PAGE));
	assert_int_equal(disk.requests, 1);
	unmake_heap(&heap);
}

/* Takes all that is reserved and a page more. Returns how much more than that page was reserved. */
static size_t step_at(struct vmm_heap *heap, size_t reserved)
{
	uintptr_t low = (uintptr_t)heap_start(heap) + reserved;

	while (heap->low < low)
		assert_non_null(take(heap, low - heap->low));
	while (heap->free.free_bytes)
		assert_non_null(take(heap, PAGE));
	low = heap->low;
	assert_non_null(take(heap, PAGE));
	return heap->low - low - PAGE;
}

TEST(test_heap_steps_grow_with_the_heap)
{
	struct vmm_heap heap;
	size_t step;

	make_heap(&heap, GIB);
	heap.pool.collapse = (struct vmm_collapse){ .pause = GIB, .wait = GIB };  /* there are no huge pages */
	assert_int_equal(step_at(&heap, FIRST_STEP), 256 * KIB);
	step = step_at(&heap, 64 * MIB);
	assert_uint_in_range(step, MIB, MIB + 128 * KIB);
	step = step_at(&heap, 400 * MIB);
	assert_int_equal(step, 4 * MIB);
	assert_true(is_reserved(heap.pool.base, heap.low - (uintptr_t)heap.pool.base));
	unmake_heap(&heap);
}

TEST(test_heap_of_some_size_grows_by_huge_pages)
{
	struct vmm_heap heap;

	if (vmm_pool_table_bytes() != POOL_HUGE_PAGE)
		skip();
	make_heap(&heap, GIB);
	assert_int_equal(step_at(&heap, 8 * MIB), 256 * KIB);
	for (size_t reserved = 20 * MIB; reserved < 500 * MIB; reserved += 37 * MIB) {
		size_t step = step_at(&heap, reserved), share = reserved / 64 < 4 * MIB ? reserved / 64 : 4 * MIB;

		assert_int_equal(heap.low % POOL_HUGE_PAGE, 0);
		assert_true(step < share + POOL_HUGE_PAGE && step + POOL_HUGE_PAGE > share);
	}
	unmake_heap(&heap);

	/* after a pause it does so again, though its steps are smaller than a huge page meanwhile */
	make_heap(&heap, GIB);
	(void)step_at(&heap, 20 * MIB);
	heap.pool.collapse = (struct vmm_collapse){ .pause = 8 * MIB, .wait = 8 * MIB };
	assert_true(step_at(&heap, 24 * MIB) < MIB);
	(void)step_at(&heap, 32 * MIB);
	assert_int_equal(heap.low % POOL_HUGE_PAGE, 0);
	unmake_heap(&heap);
}

TEST(test_heap_figure_of_reserved_bytes_is_the_file_systems)
{
	struct vmm_heap heap;
	uint64_t before;

	make_heap(&heap, 64 * MIB);
	before = heap.pool.header->reserved_bytes - disk.used;
	assert_non_null(take(&heap, 5 * MIB));
	assert_int_equal(heap.pool.header->reserved_bytes - disk.used, before);
	assert_non_null(vmm_heap_take_metadata(&heap, 5 * PAGE, 64 * KIB));
	assert_int_equal(heap.pool.header->reserved_bytes - disk.used, before);
	assert_null(take(&heap, 64 * MIB));
	disk.capacity = disk.used;
	assert_null(take(&heap, 20 * MIB));
	assert_int_equal(heap.pool.header->reserved_bytes - disk.used, before);
	unmake_heap(&heap);
}

TEST(test_heap_reserves_just_enough_when_a_step_does_not_fit)
{
	struct vmm_heap heap;

	make_heap(&heap, 64 * MIB);
	disk.capacity = disk.used + 10 * PAGE;
	assert_non_null(take(&heap, FIRST_STEP + 10 * PAGE));
	assert_int_equal(disk.used, disk.capacity);
	unmake_heap(&heap);
}

TEST(test_heap_grows_from_the_free_range_at_its_upper_end)
{
	struct vmm_heap heap;

	make_heap(&heap, 64 * MIB);
	assert_non_null(take(&heap, FIRST_STEP - 4 * PAGE));
	disk.capacity = disk.used + PAGE;
	assert_ptr_equal(take(&heap, 5 * PAGE), heap_start(&heap) + FIRST_STEP - 4 * PAGE);
	unmake_heap(&heap);
}

TEST(test_heap_never_asks_when_all_is_reserved)
{
	struct vmm_pool pool = make_pool("anonymous", 64 * MIB, true);
	struct vmm_heap heap;

	assert_int_equal(vmm_heap_init(&heap, &pool, true), 0);
	disk.requests = 0;
	assert_int_equal(take_all(&heap, PAGE, HEAP_FOR_PROGRAM), 64 * MIB - PAGE - LEAST_FLOOR);
	assert_non_null(vmm_heap_take_metadata(&heap, PAGE, PAGE));
	assert_int_equal(disk.requests, 0);
	assert_int_equal(heap.pool.header->reserved_bytes, 64 * MIB);
	unmake_heap(&heap);
}

/* --- the floor --- */

static size_t floor_of(size_t pool_bytes)
{
	struct vmm_heap heap;
	size_t bytes;

	new_disk();
	make_heap(&heap, pool_bytes);
	bytes = heap.floor;
	unmake_heap(&heap);
	return bytes;
}

TEST(test_heap_floor_is_a_part_of_the_pool_within_bounds)
{
	assert_int_equal(floor_of(14 * MIB), 256 * KIB);
	assert_int_equal(floor_of(64 * MIB), 256 * KIB);
	assert_int_equal(floor_of(256 * MIB), MIB);
	assert_int_equal(floor_of(GIB), 4 * MIB);
	assert_int_equal(floor_of(2 * GIB), 4 * MIB);
}

TEST(test_heap_keeps_the_floor_from_the_program)
{
	struct vmm_heap heap;

	make_heap(&heap, 14 * MIB);
	assert_int_equal(take_all(&heap, PAGE, HEAP_FOR_PROGRAM), 14 * MIB - PAGE - LEAST_FLOOR);
	assert_null(take(&heap, PAGE));
	unmake_heap(&heap);
}

TEST(test_heap_gives_the_whole_floor_to_jemalloc)
{
	struct vmm_heap heap;
	bool zero = true;

	make_heap(&heap, 14 * MIB);
	take_all(&heap, PAGE, HEAP_FOR_PROGRAM);
	assert_int_equal(take_all(&heap, PAGE, HEAP_FOR_JEMALLOC), LEAST_FLOOR);
	assert_int_equal(used(&heap), 14 * MIB - PAGE);
	assert_int_equal(disk.used, 14 * MIB);
	assert_null(vmm_heap_take_metadata(&heap, PAGE, PAGE));
	assert_null(vmm_heap_take(&heap, 0, heap_end(&heap), PAGE, PAGE, HEAP_FOR_JEMALLOC, &zero));
	unmake_heap(&heap);
}

TEST(test_heap_gives_the_floor_to_metadata)
{
	struct vmm_heap heap;

	make_heap(&heap, 14 * MIB);
	take_all(&heap, PAGE, HEAP_FOR_PROGRAM);
	assert_ptr_equal(vmm_heap_take_metadata(&heap, LEAST_FLOOR, PAGE), heap_end(&heap) - LEAST_FLOOR);
	assert_int_equal(used(&heap), 14 * MIB - PAGE);
	unmake_heap(&heap);
}

/* In the floor something is free, which a program may not have; above it is what metadata have left. */
TEST(test_heap_gives_to_the_program_what_metadata_have_left_above_the_floor)
{
	struct vmm_heap heap;
	char *metadata;

	make_heap(&heap, 14 * MIB);
	metadata = vmm_heap_take_metadata(&heap, 2 * MIB, 2 * MIB);
	take_all(&heap, PAGE, HEAP_FOR_PROGRAM);
	vmm_heap_give(&heap, take_for(&heap, PAGE, PAGE, HEAP_FOR_JEMALLOC), PAGE);
	assert_null(take(&heap, PAGE));
	vmm_heap_give_metadata(&heap, metadata, 2 * MIB);
	assert_int_equal(take_all(&heap, PAGE, HEAP_FOR_PROGRAM), 2 * MIB);
	unmake_heap(&heap);
}

TEST(test_heap_uses_again_what_metadata_have_left_before_it_takes_more)
{
	struct vmm_heap heap;
	char *first;

	make_heap(&heap, 14 * MIB);
	first = vmm_heap_take_metadata(&heap, 2 * MIB, 2 * MIB);
	vmm_heap_give_metadata(&heap, first, 2 * MIB);
	assert_ptr_equal(vmm_heap_take_metadata(&heap, 2 * MIB, 2 * MIB), first);
	unmake_heap(&heap);
}

TEST(test_heap_reserves_whole_pages_in_a_pool_of_any_size)
{
	struct vmm_heap heap;

	make_heap(&heap, 100000000);
	take_all(&heap, 64 * KIB, HEAP_FOR_PROGRAM);
	take_all(&heap, PAGE, HEAP_FOR_PROGRAM);
	assert_false(disk.ragged);
	take_all(&heap, PAGE, HEAP_FOR_JEMALLOC);
	assert_false(disk.ragged);
	assert_int_equal(heap.low % PAGE, 0);
	unmake_heap(&heap);
}

TEST(test_heap_jemalloc_gets_the_floor_in_a_pool_of_any_size_without_descriptor)
{
	struct vmm_heap heap;
	int fd;

	make_heap(&heap, 65 * MIB + PAGE);
	take_all(&heap, PAGE, HEAP_FOR_PROGRAM);
	fd = heap.pool.first.fd;
	heap.pool.first.fd = -1;
	assert_non_null(take_for(&heap, 2 * PAGE, PAGE, HEAP_FOR_JEMALLOC));
	heap.pool.first.fd = fd;
	unmake_heap(&heap);
}

TEST(test_heap_reserves_whole_huge_pages)
{
	struct vmm_heap heap;

	disk.huge_page = (long)POOL_HUGE_PAGE;
	disk.grain = POOL_HUGE_PAGE;
	make_heap(&heap, 32 * MIB);
	assert_non_null(vmm_heap_take_metadata(&heap, 64 * KIB, 64 * KIB));
	assert_false(disk.ragged);
	take_all(&heap, 64 * KIB, HEAP_FOR_PROGRAM);
	assert_false(disk.ragged);
	take_all(&heap, 64 * KIB, HEAP_FOR_JEMALLOC);
	assert_false(disk.ragged);
	unmake_heap(&heap);
}

TEST(test_heap_reserves_up_to_the_end_of_a_large_folio)
{
	struct vmm_heap heap;

	disk.large_folios = true;
	make_heap(&heap, 15 * MIB);
	while (take(&heap, 3 * PAGE))
		assert_true(heap.low % POOL_HUGE_PAGE == 0 || heap.low == (uintptr_t)heap_end(&heap));
	while (take_for(&heap, PAGE, PAGE, HEAP_FOR_JEMALLOC))
		assert_true(heap.low % POOL_HUGE_PAGE == 0 || heap.low == (uintptr_t)heap_end(&heap));
	assert_int_equal(used(&heap), 15 * MIB - PAGE);
	unmake_heap(&heap);
}

/* --- metadata --- */

/* As a pool of 16 MiB is with pages of 16 KiB, where such a folio has 32 MiB. */
TEST(test_heap_may_be_smaller_than_a_large_folio)
{
	struct vmm_heap heap;

	disk.large_folios = true;
	make_heap(&heap, POOL_HUGE_PAGE / 2);
	assert_ptr_equal((char *)heap.low, heap_end(&heap));
	assert_non_null(vmm_heap_take_metadata(&heap, 4 * PAGE, PAGE));
	while (take_for(&heap, PAGE, PAGE, HEAP_FOR_JEMALLOC))
		;
	assert_int_equal(used(&heap), POOL_HUGE_PAGE / 2 - PAGE);
	unmake_heap(&heap);
}

TEST(test_heap_metadata_comes_from_the_top_downwards)
{
	struct vmm_heap heap;

	make_heap(&heap, 64 * MIB);
	assert_ptr_equal(vmm_heap_take_metadata(&heap, 3 * PAGE, PAGE), heap_end(&heap) - 3 * PAGE);
	assert_ptr_equal(vmm_heap_take_metadata(&heap, PAGE, PAGE), heap_end(&heap) - 4 * PAGE);
	assert_true(is_reserved(heap_end(&heap) - 4 * PAGE, 4 * PAGE));
	assert_ptr_equal(take(&heap, PAGE), heap_start(&heap));
	unmake_heap(&heap);
}

TEST(test_heap_metadata_is_aligned)
{
	struct vmm_heap heap;
	char *one, *two;

	make_heap(&heap, 64 * MIB);
	one = vmm_heap_take_metadata(&heap, PAGE, PAGE);
	two = vmm_heap_take_metadata(&heap, 2 * MIB, 2 * MIB);
	assert_int_equal((uintptr_t)two % (2 * MIB), 0);
	assert_true(two + 2 * MIB <= one);
	unmake_heap(&heap);
}

TEST(test_heap_what_the_alignment_of_metadata_leaves_is_not_lost)
{
	struct vmm_heap heap;
	char *metadata, *end;

	make_heap(&heap, 64 * MIB);
	end = heap_end(&heap);
	metadata = vmm_heap_take_metadata(&heap, MIB, 2 * MIB);
	assert_ptr_equal(metadata, end - 2 * MIB);
	/* other metadata may have it, and so may the program: reserved when it is taken */
	assert_ptr_equal(vmm_heap_take_metadata(&heap, 256 * KIB, 64 * KIB), end - 256 * KIB);
	assert_ptr_equal(take_at(&heap, metadata + MIB, 768 * KIB), metadata + MIB);
	assert_true(is_reserved(metadata + MIB, 768 * KIB));
	unmake_heap(&heap);
}

TEST(test_heap_metadata_are_reserved_piece_by_piece)
{
	struct vmm_heap heap;
	uint64_t reserved;
	size_t before;
	char *block;

	make_heap(&heap, 64 * MIB);
	before = disk.used;
	reserved = heap.pool.header->reserved_bytes;
	block = vmm_heap_take_metadata(&heap, 2 * MIB, 2 * MIB);
	assert_true(is_reserved(block, HEAP_GRANULE));
	assert_int_equal(disk.used, before + HEAP_GRANULE);
	assert_int_equal(heap.pool.header->reserved_bytes, reserved + HEAP_GRANULE);

	assert_int_equal(vmm_heap_reserve_metadata(&heap, block + MIB - 10, 20), 0);
	assert_true(is_reserved(block + MIB - HEAP_GRANULE, 2 * HEAP_GRANULE));
	assert_int_equal(vmm_heap_reserve_metadata(&heap, block + MIB, HEAP_GRANULE), 0);
	assert_int_equal(disk.used, before + 3 * HEAP_GRANULE);
	assert_int_equal(heap.pool.header->reserved_bytes, reserved + 3 * HEAP_GRANULE);

	disk.capacity = disk.used;
	assert_int_equal(vmm_heap_reserve_metadata(&heap, block + 1, 2), 0);
	assert_int_equal(vmm_heap_reserve_metadata(&heap, block + 2 * MIB - 1, 1), -ENOSPC);
	disk.capacity += HEAP_GRANULE;
	assert_int_equal(vmm_heap_reserve_metadata(&heap, block + 2 * MIB - 1, 1), 0);
	assert_true(is_reserved(block + 2 * MIB - HEAP_GRANULE, HEAP_GRANULE));
	unmake_heap(&heap);
}

TEST(test_heap_metadata_that_come_back_are_reserved_for_the_program)
{
	struct vmm_heap heap;
	char *block;

	make_heap(&heap, 14 * MIB);
	block = vmm_heap_take_metadata(&heap, 2 * MIB, 2 * MIB);
	assert_int_equal(take_all(&heap, PAGE, HEAP_FOR_JEMALLOC), 12 * MIB - PAGE);
	vmm_heap_give_metadata(&heap, block, 2 * MIB);
	assert_ptr_equal(take(&heap, MIB), block);
	assert_true(is_reserved(block, MIB));
	assert_false(is_reserved(block + MIB, HEAP_GRANULE));
	disk.capacity = disk.used;
	assert_null(take(&heap, MIB));
	disk.capacity = GIB;
	disk.now_ns += 1000000000u;
	assert_non_null(take(&heap, MIB));
	assert_true(is_reserved(block + MIB, MIB));
	unmake_heap(&heap);
}

/* A block that is free again, and one behind it that is not. */
static char *make_gap(struct vmm_heap *heap, size_t bytes)
{
	char *block;

	make_heap(heap, 64 * MIB);
	block = take(heap, bytes);
	memset(block, 'x', bytes);
	assert_non_null(take(heap, PAGE));
	vmm_heap_give(heap, block, bytes);
	return block;
}

/* Plays that the heap went to a file where only what is used is reserved. */
static void move_to_sparse_file(struct vmm_heap *heap)
{
	size_t pages = heap->holes.granule / PAGE;

	vmm_heap_forget_free(heap, false);
	for (const struct range *free = ranges_next(&heap->free, 0); free;
	     free = ranges_next(&heap->free, free->start + free->length)) {
		size_t first = (free->start - (uintptr_t)disk.base + heap->holes.granule - 1) / heap->holes.granule;
		size_t last = (free->start + free->length - (uintptr_t)disk.base) / heap->holes.granule;

		for (size_t page = first * pages; page < last * pages; page++) {
			disk.used -= disk.pages[page] * PAGE;
			disk.pages[page] = 0;
		}
	}
}

TEST(test_heap_on_a_sparse_file_reserves_what_it_takes)
{
	struct vmm_heap heap;
	char *one, *two;

	make_heap(&heap, 64 * MIB);
	one = take(&heap, 4 * MIB);
	two = take(&heap, PAGE);
	vmm_heap_give(&heap, one, 4 * MIB);
	move_to_sparse_file(&heap);
	assert_int_equal(heap.pool.header->reserved_bytes, disk.used);
	assert_true(is_reserved(two, PAGE));
	assert_false(is_reserved(one + MIB, PAGE));
	assert_ptr_equal(take(&heap, MIB), one);
	assert_true(is_reserved(one, MIB));
	assert_int_equal(heap.pool.header->reserved_bytes, disk.used);
	assert_true(disk.used < 2 * MIB);
	assert_true(take_all(&heap, PAGE, HEAP_FOR_JEMALLOC) > 62 * MIB);
	assert_true(is_reserved(heap_start(&heap), 64 * MIB - PAGE));
	unmake_heap(&heap);
}

TEST(test_heap_on_a_sparse_file_that_cannot_grow_finds_what_is_reserved)
{
	struct vmm_heap heap;
	char *holes, *reserved, *kept[2];

	make_heap(&heap, 64 * MIB);
	holes = take(&heap, MIB);
	kept[0] = take(&heap, PAGE);
	reserved = take(&heap, MIB);
	kept[1] = take(&heap, PAGE);
	vmm_heap_give(&heap, holes, MIB);
	move_to_sparse_file(&heap);
	vmm_heap_give(&heap, reserved, MIB);
	disk.capacity = disk.used;
	assert_ptr_equal(take(&heap, MIB), reserved);
	assert_null(take(&heap, 512 * KIB));
	disk.capacity = GIB;
	disk.now_ns += 1000000000u;
	assert_ptr_equal(take(&heap, MIB), holes);
	assert_non_null(kept[0]);
	assert_non_null(kept[1]);
	unmake_heap(&heap);
}

TEST(test_heap_with_many_holes_on_a_full_file_system_finds_what_is_reserved)
{
	struct vmm_heap heap;
	char *blocks[100];

	make_heap(&heap, 64 * MIB);
	for (size_t i = 0; i < 100; i++) {
		assert_non_null(blocks[i] = take(&heap, 200 * KIB));
		assert_non_null(take(&heap, PAGE));
	}
	for (size_t i = 0; i < 99; i++)
		vmm_heap_give(&heap, blocks[i], 200 * KIB);
	(void)vmm_heap_trim(&heap, 0);
	vmm_heap_give(&heap, blocks[99], 200 * KIB);
	disk.capacity = disk.used;
	assert_ptr_equal(take(&heap, 200 * KIB), blocks[99]);
	assert_null(take(&heap, 200 * KIB));
	assert_int_equal(heap.pool.header->reserved_bytes, disk.used);
	unmake_heap(&heap);
}

TEST(test_heap_with_holes_in_the_same_range_finds_what_is_reserved_and_aligned)
{
	struct vmm_heap heap;
	char *block = make_gap(&heap, 16 * MIB), *islands[12], *found;

	(void)vmm_heap_trim(&heap, SIZE_MAX);
	for (size_t i = 0; i < 12; i++)
		assert_non_null(islands[i] = take_at(&heap, block + (i + 1) * MIB + 28 * KIB,
						     (i < 11 ? 64 : 512) * KIB));
	for (size_t i = 0; i < 12; i++)
		vmm_heap_give(&heap, islands[i], (i < 11 ? 64 : 512) * KIB);
	disk.capacity = disk.used;
	found = take_for(&heap, 256 * KIB, 64 * KIB, HEAP_FOR_PROGRAM);
	assert_true(found >= islands[11] - HEAP_GRANULE && found < islands[11] + 512 * KIB);
	assert_int_equal((uintptr_t)found % (64 * KIB), 0);
	assert_true(is_reserved(found, 256 * KIB));
	unmake_heap(&heap);
}

TEST(test_heap_trims_a_sparse_file_and_counts_right)
{
	struct vmm_heap heap;
	char *block;

	make_heap(&heap, 64 * MIB);
	assert_non_null(take(&heap, PAGE));
	block = take(&heap, 8 * MIB);
	vmm_heap_give(&heap, block, 8 * MIB);
	move_to_sparse_file(&heap);
	assert_non_null(take(&heap, 100 * KIB));
	(void)vmm_heap_trim(&heap, 0);
	assert_int_equal(heap.pool.header->reserved_bytes, disk.used);
	assert_ptr_equal(take(&heap, 8 * MIB), block + 100 * KIB);
	assert_true(is_reserved(block, 8 * MIB + 100 * KIB));
	assert_int_equal(heap.pool.header->reserved_bytes, disk.used);
	unmake_heap(&heap);
}

static void count_stretch(void *context, char *start, size_t bytes)
{
	assert_true(is_reserved(start, bytes));
	*(size_t *)context += bytes;
}

TEST(test_heap_visits_only_what_is_used_and_reserved)
{
	struct vmm_heap heap;
	size_t bytes = 0;
	char *block;

	make_heap(&heap, 64 * MIB);
	block = take(&heap, MIB);
	assert_non_null(take(&heap, PAGE));
	vmm_heap_give(&heap, block, MIB);
	assert_non_null(vmm_heap_take_metadata(&heap, 4 * MIB, 2 * MIB));
	assert_non_null(vmm_heap_take_metadata(&heap, 2 * MIB, 2 * MIB));
	move_to_sparse_file(&heap);
	vmm_walk_used(&heap, count_stretch, &bytes);
	assert_int_equal(bytes, PAGE + 2 * HEAP_GRANULE);
	unmake_heap(&heap);
}

/* What the file holds there, which a private mapping may hide. */
static char in_file(const struct vmm_heap *heap, const char *address)
{
	char byte = 0;

	assert_int_equal(pread(heap->pool.first.fd, &byte, 1, address - heap->pool.base), 1);
	return byte;
}

/* In how many steps. */
static size_t return_free(struct vmm_heap *heap)
{
	size_t offset = 0, before = 0, steps = 1;

	while (!vmm_heap_return_free(heap, &offset)) {
		assert_true(offset > before);
		before = offset;
		steps++;
	}
	return steps;
}

TEST(test_heap_that_is_private_returns_what_is_free)
{
	struct vmm_heap heap;
	char *kept, *given, *fresh;
	uint64_t all;

	make_heap(&heap, 64 * MIB);
	kept = take(&heap, MIB);
	given = take(&heap, MIB);
	*kept = *given = 'f';
	assert_int_equal(vmm_heap_freeze(&heap), 0);
	*kept = *given = 'p';
	assert_int_equal(in_file(&heap, kept), 'f');
	all = vmm_mapping_private_bytes(&heap.pool);
	assert_int_equal(all, 64 * MIB - PAGE);
	return_free(&heap);
	assert_int_equal(heap.pool.header->private_bytes, 2 * MIB);
	assert_int_equal(*kept, 'p');

	fresh = take(&heap, MIB);
	*fresh = 'n';
	assert_int_equal(in_file(&heap, fresh), 'n');
	vmm_heap_give(&heap, given, MIB);
	assert_int_equal(heap.pool.header->private_bytes, MIB);
	assert_ptr_equal(take(&heap, MIB), given);
	*given = 'g';
	assert_int_equal(in_file(&heap, given), 'g');
	assert_int_equal(*kept, 'p');
	assert_int_equal(in_file(&heap, kept), 'f');

	/* and once more to private memory, from parts */
	assert_int_equal(vmm_heap_freeze(&heap), 0);
	assert_int_equal(vmm_mapping_private_bytes(&heap.pool), all);
	assert_int_equal(*kept, 'p');
	assert_int_equal(*given, 'g');
	*given = *fresh = 'q';
	assert_int_equal(in_file(&heap, given), 'g');
	assert_int_equal(in_file(&heap, fresh), 'n');
	unmake_heap(&heap);
}

TEST(test_heap_returns_what_is_free_step_by_step)
{
	struct vmm_heap heap;
	char *large, *blocks[1000];

	make_heap(&heap, 64 * MIB);
	large = take(&heap, 40 * MIB);
	for (size_t i = 0; i < 1000; i++)
		assert_non_null(blocks[i] = take(&heap, 4 * PAGE));
	vmm_heap_give(&heap, large, 40 * MIB);
	for (size_t i = 0; i < 1000; i += 2)
		vmm_heap_give(&heap, blocks[i], 4 * PAGE);
	assert_int_equal(vmm_heap_freeze(&heap), 0);
	assert_true(return_free(&heap) >= 6);
	/* what is smaller than a part stays; the first block lies beside what was large */
	assert_int_equal(vmm_mapping_private_bytes(&heap.pool), 999 * 4 * PAGE);
	assert_false(vmm_mapping_is_back(&heap.pool));
	unmake_heap(&heap);
}

TEST(test_heap_returns_in_few_parts)
{
	static char *blocks[20000];
	struct vmm_heap heap;
	size_t lines = 0;
	FILE *maps;
	int c;

	make_heap(&heap, 640 * MIB);
	for (size_t i = 0; i < 20000; i++)
		assert_non_null(blocks[i] = take(&heap, 4 * PAGE));
	assert_int_equal(vmm_heap_freeze(&heap), 0);
	for (size_t i = 0; i < 20000; i++)
		*blocks[i] = 'p';
	return_free(&heap);
	for (size_t i = 0; i < 20000; i += 2)
		vmm_heap_give(&heap, blocks[i], 4 * PAGE);
	maps = fopen("/proc/self/maps", "r");
	while ((c = getc(maps)) != EOF)
		lines += c == '\n';
	fclose(maps);
	assert_true(lines < 10000);
	for (size_t i = 1; i < 20000; i += 2)
		assert_int_equal(*blocks[i], 'p');
	for (size_t i = 1; i < 20000; i += 2)
		vmm_heap_give(&heap, blocks[i], 4 * PAGE);
	unmake_heap(&heap);
}

TEST(test_heap_program_never_gets_what_is_metadata)
{
	struct vmm_heap heap;

	make_heap(&heap, 14 * MIB);
	assert_non_null(vmm_heap_take_metadata(&heap, 2 * MIB, 2 * MIB));
	assert_int_equal(take_all(&heap, PAGE, HEAP_FOR_PROGRAM), 12 * MIB - PAGE - LEAST_FLOOR);
	assert_int_equal(take_all(&heap, PAGE, HEAP_FOR_JEMALLOC), LEAST_FLOOR);
	unmake_heap(&heap);
}

TEST(test_heap_metadata_is_zero_also_where_the_program_was)
{
	struct vmm_heap heap;
	char *block, *metadata;
	size_t bytes;

	make_heap(&heap, 14 * MIB);
	assert_true(is_zero(vmm_heap_take_metadata(&heap, 4 * PAGE, PAGE), 4 * PAGE));
	bytes = 14 * MIB - PAGE - 4 * PAGE - LEAST_FLOOR;
	block = take(&heap, bytes);
	assert_non_null(block);
	memset(block, 'x', bytes);
	vmm_heap_give(&heap, block, bytes);
	metadata = vmm_heap_take_metadata(&heap, MIB, 64 * KIB);
	assert_non_null(metadata);
	assert_true(metadata >= block && metadata < block + bytes);
	assert_true(metadata + MIB + 64 * KIB > block + bytes + LEAST_FLOOR);
	assert_true(is_zero(metadata, MIB));
	assert_int_equal(heap.pool.header->metadata_bytes, MIB + 4 * PAGE);
	assert_int_equal(used(&heap), MIB + 4 * PAGE);
	unmake_heap(&heap);
}

TEST(test_heap_metadata_comes_from_free_space_on_a_full_file_system)
{
	struct vmm_heap heap;
	char *metadata;

	make_heap(&heap, 64 * MIB);
	disk.capacity = disk.used;
	metadata = vmm_heap_take_metadata(&heap, 2 * PAGE, PAGE);
	assert_ptr_equal(metadata, heap_start(&heap) + FIRST_STEP - 2 * PAGE);
	assert_true(is_reserved(metadata, 2 * PAGE));
	assert_int_equal(heap.pool.header->metadata_bytes, 2 * PAGE);
	unmake_heap(&heap);
}

/* --- zeros --- */

TEST(test_heap_says_that_fresh_memory_is_zero)
{
	struct vmm_heap heap;
	bool zero = false;

	make_heap(&heap, 64 * MIB);
	assert_non_null(vmm_heap_take(&heap, 0, NULL, 4 * PAGE, PAGE, HEAP_FOR_PROGRAM, &zero));
	assert_true(zero);
	unmake_heap(&heap);
}

TEST(test_heap_says_that_used_memory_is_not_zero)
{
	struct vmm_heap heap;
	bool zero = false;
	char *block;

	make_heap(&heap, 64 * MIB);
	block = take(&heap, 4 * PAGE);
	memset(block, 'x', 4 * PAGE);
	vmm_heap_give(&heap, block, 4 * PAGE);
	assert_ptr_equal(vmm_heap_take(&heap, 0, NULL, PAGE, PAGE, HEAP_FOR_PROGRAM, &zero), block);
	assert_false(zero);
	assert_int_equal(block[0], 'x');
	unmake_heap(&heap);
}

TEST(test_heap_zeroes_used_memory_on_request)
{
	struct vmm_heap heap;
	char *block;

	make_heap(&heap, 64 * MIB);
	block = take(&heap, 4 * PAGE);
	memset(block, 'x', 4 * PAGE);
	vmm_heap_give(&heap, block, 4 * PAGE);
	assert_ptr_equal(take_zero(&heap, 4 * PAGE), block);
	assert_true(is_zero(block, 4 * PAGE));
	unmake_heap(&heap);
}

TEST(test_heap_zeroes_a_block_that_is_partly_fresh)
{
	struct vmm_heap heap;
	bool zero = false;
	char *block;

	make_heap(&heap, 64 * MIB);
	block = take(&heap, 4 * PAGE);
	memset(block, 'x', 4 * PAGE);
	vmm_heap_give(&heap, block, 4 * PAGE);
	assert_ptr_equal(vmm_heap_take(&heap, 0, NULL, 8 * PAGE, PAGE, HEAP_FOR_PROGRAM, &zero), block);
	assert_false(zero);
	memset(block, 'y', 8 * PAGE);
	vmm_heap_give(&heap, block, 8 * PAGE);
	assert_ptr_equal(take_zero(&heap, 16 * PAGE), block);
	assert_true(is_zero(block, 16 * PAGE));
	unmake_heap(&heap);
}

TEST(test_heap_zeroes_what_an_aligned_block_left_below)
{
	struct vmm_heap heap;
	char *block;

	make_heap(&heap, 64 * MIB);
	block = take_for(&heap, MIB, MIB, HEAP_FOR_PROGRAM);
	memset(block, 'x', MIB);
	vmm_heap_give(&heap, block, MIB);
	assert_ptr_equal(take_zero(&heap, 2 * MIB - PAGE), heap_start(&heap));
	assert_true(is_zero(heap_start(&heap), 2 * MIB - PAGE));
	unmake_heap(&heap);
}

/* --- at an address --- */

TEST(test_heap_take_at_takes_that_address)
{
	struct vmm_heap heap;
	char *at;

	make_heap(&heap, 64 * MIB);
	at = heap_start(&heap) + 8 * PAGE;
	assert_ptr_equal(take_at(&heap, at, 2 * PAGE), at);
	assert_int_equal(used(&heap), 2 * PAGE);
	assert_ptr_equal(take(&heap, 8 * PAGE), heap_start(&heap));
	assert_ptr_equal(take(&heap, PAGE), at + 2 * PAGE);
	unmake_heap(&heap);
}

TEST(test_heap_take_at_refuses_what_is_not_free)
{
	struct vmm_heap heap;
	char *block;

	make_heap(&heap, 64 * MIB);
	assert_non_null(take(&heap, 4 * PAGE));
	block = take(&heap, 4 * PAGE);
	assert_null(take_at(&heap, block, PAGE));
	assert_null(take_at(&heap, block + 3 * PAGE, 2 * PAGE));
	vmm_heap_give(&heap, block - 4 * PAGE, 4 * PAGE);
	assert_null(take_at(&heap, block - 4 * PAGE, 5 * PAGE));
	assert_ptr_equal(take_at(&heap, block - 4 * PAGE, 4 * PAGE), block - 4 * PAGE);
	unmake_heap(&heap);
}

/* Asks for more than the disk has. How often it was refused, this thread says. */
static void *be_refused(void *heap)
{
	uint64_t before = vmm_heap_thread.space_refusals;

	assert_null(take(heap, 16 * MIB));
	return (void *)(uintptr_t)(vmm_heap_thread.space_refusals - before);
}

TEST(test_heap_counts_refusals_of_space_for_whom_they_are)
{
	uint64_t before = vmm_heap_thread.space_refusals;
	struct vmm_heap heap;
	pthread_t thread;
	void *count;

	make_heap(&heap, 64 * MIB);
	disk.capacity = 8 * MIB;
	assert_int_equal(pthread_create(&thread, NULL, be_refused, &heap), 0);
	pthread_join(thread, &count);
	assert_true(count);
	/* what the heap has not is no refusal */
	assert_null(take(&heap, 128 * MIB));
	assert_int_equal(vmm_heap_thread.space_refusals, before);
	assert_true(be_refused(&heap));
	unmake_heap(&heap);
}

TEST(test_heap_take_at_refuses_what_is_outside)
{
	struct vmm_heap heap;
	char *low;

	make_heap(&heap, 64 * MIB);
	low = (char *)heap.low;
	assert_null(take_at(&heap, heap.pool.base, PAGE));
	assert_null(take_at(&heap, heap.pool.base, 2 * PAGE));
	assert_null(take_at(&heap, heap.pool.base - PAGE, PAGE));
	assert_null(take_at(&heap, heap_end(&heap), PAGE));
	assert_null(take_at(&heap, heap_end(&heap) - PAGE, PAGE));
	assert_null(take_at(&heap, low + PAGE, PAGE));
	assert_null(take_at(&heap, heap.pool.base, 60 * MIB));
	assert_null(take_at(&heap, (char *)PAGE, 60 * MIB));
	assert_null(take_at(&heap, (char *)(UINTPTR_MAX - PAGE + 1), PAGE));
	assert_int_equal(disk.used, PAGE + FIRST_STEP);
	unmake_heap(&heap);
}

TEST(test_heap_take_at_grows_the_heap)
{
	struct vmm_heap heap;
	char *low;

	make_heap(&heap, 64 * MIB);
	low = (char *)heap.low;
	assert_ptr_equal(take_at(&heap, low - 2 * PAGE, 4 * PAGE), low - 2 * PAGE);
	assert_true(is_reserved(low - 2 * PAGE, 4 * PAGE));
	take_all(&heap, 2 * MIB, HEAP_FOR_PROGRAM);
	take_all(&heap, PAGE, HEAP_FOR_PROGRAM);
	assert_null(take_at(&heap, (char *)heap.low, PAGE));
	unmake_heap(&heap);
}

TEST(test_heap_take_at_grows_when_all_that_is_reserved_is_used)
{
	struct vmm_heap heap;
	char *low;

	make_heap(&heap, 64 * MIB);
	low = (char *)heap.low;
	assert_non_null(take(&heap, FIRST_STEP));
	assert_null(take_at(&heap, low - PAGE, 2 * PAGE));
	assert_ptr_equal(take_at(&heap, low, PAGE), low);
	unmake_heap(&heap);
}

/* --- a full file system --- */

TEST(test_heap_goes_on_after_the_file_system_was_full)
{
	struct vmm_heap heap;
	char *block;

	make_heap(&heap, 64 * MIB);
	disk.capacity = 8 * MIB;
	block = take(&heap, 4 * MIB);
	assert_int_equal(take_all(&heap, PAGE, HEAP_FOR_PROGRAM), 4 * MIB - PAGE);
	assert_int_equal(used(&heap), 8 * MIB - PAGE);
	vmm_heap_give(&heap, block, 4 * MIB);
	assert_ptr_equal(take(&heap, 4 * MIB), block);
	assert_null(take(&heap, PAGE));
	disk.capacity = 16 * MIB;
	pass_ms(11);
	assert_int_equal(take_all(&heap, PAGE, HEAP_FOR_PROGRAM), 8 * MIB);
	unmake_heap(&heap);
}

TEST(test_heap_asks_a_full_file_system_only_now_and_then)
{
	struct vmm_heap heap;
	size_t requests;

	make_heap(&heap, 64 * MIB);
	disk.capacity = disk.used;
	assert_null(take(&heap, MIB));
	requests = disk.requests;
	for (int i = 0; i < 1000; i++)
		assert_null(take(&heap, MIB));
	pass_ms(9);
	assert_null(take(&heap, MIB));
	assert_int_equal(disk.requests, requests);
	pass_ms(2);
	assert_null(take(&heap, MIB));
	assert_true(disk.requests > requests);
	requests = disk.requests;
	assert_null(take(&heap, MIB));
	assert_int_equal(disk.requests, requests);
	unmake_heap(&heap);
}

TEST(test_heap_serves_from_free_space_while_the_file_system_is_full)
{
	struct vmm_heap heap;

	make_heap(&heap, 64 * MIB);
	disk.capacity = disk.used;
	assert_null(take(&heap, MIB));
	assert_int_equal(take_all(&heap, PAGE, HEAP_FOR_PROGRAM), FIRST_STEP);
	unmake_heap(&heap);
}

TEST(test_heap_does_not_fill_a_file_system_to_learn_that_it_has_not_gibibytes)
{
	struct vmm_heap heap;
	size_t requests;

	disk.capacity = 3 * GIB / 2;
	disk.tells_room = true;
	make_heap(&heap, 2 * GIB);
	requests = disk.requests;
	assert_null(take(&heap, 3 * GIB / 2));
	assert_int_equal(disk.requests, requests);
	assert_non_null(take(&heap, 5 * GIB / 4));
	unmake_heap(&heap);
}

TEST(test_heap_does_not_fill_a_file_system_to_learn_that_it_has_not_gibibytes_for_holes)
{
	struct vmm_heap heap;
	size_t requests;
	char *block;

	make_heap(&heap, 2 * GIB);
	assert_non_null(block = take(&heap, 3 * GIB / 2));
	assert_non_null(take(&heap, PAGE));
	vmm_heap_give(&heap, block, 3 * GIB / 2);
	(void)vmm_heap_trim(&heap, 0);
	disk.capacity = disk.used + GIB + GIB / 4;
	disk.tells_room = true;
	requests = disk.requests;
	assert_null(take(&heap, 3 * GIB / 2));
	assert_int_equal(disk.requests, requests);
	/* what there is space for need not wait, in holes or behind them */
	assert_ptr_equal(take(&heap, GIB), block);
	assert_non_null(take(&heap, 200 * MIB));
	assert_null(take(&heap, 100 * MIB));
	assert_non_null(take(&heap, 8 * MIB));
	unmake_heap(&heap);
}

TEST(test_heap_leaves_holes_that_it_has_not_the_space_for_together)
{
	struct vmm_heap heap;
	char *block = make_gap(&heap, 8 * MIB);
	size_t before;

	(void)vmm_heap_trim(&heap, 0);
	/* two holes with a granule between them */
	assert_non_null(take_at(&heap, block + 3 * MIB, PAGE));
	vmm_heap_give(&heap, block + 3 * MIB, PAGE);
	before = disk.used;
	disk.capacity = disk.used + 6 * MIB;
	assert_null(take(&heap, 8 * MIB));
	assert_int_equal(disk.used, before);
	assert_int_equal(heap.pool.header->reserved_bytes, before);
	assert_ptr_equal(take(&heap, 5 * MIB), block);
	assert_true(is_reserved(block, 5 * MIB));
	assert_int_equal(heap.pool.header->reserved_bytes, disk.used);
	unmake_heap(&heap);
}

TEST(test_heap_serves_small_requests_right_after_one_too_large_for_the_file_system)
{
	struct vmm_heap heap;

	make_heap(&heap, 64 * MIB);
	disk.capacity = 16 * MIB;
	assert_null(take(&heap, 32 * MIB));
	assert_non_null(take(&heap, MIB));
	unmake_heap(&heap);
}

/* As above, with nothing played: every page that was handed out is written to. */
static size_t fill_heap(struct vmm_heap *heap)
{
	size_t bytes = 0;
	char *block;

	for (; (block = take(heap, 16 * PAGE)); bytes += 16 * PAGE)
		memset(block, 'x', 16 * PAGE);
	pass_ms(11);
	for (; (block = take(heap, PAGE)); bytes += PAGE)
		memset(block, 'x', PAGE);
	return bytes;
}

static void fill_and_go_on(const char *dir)
{
	struct vmm_pool pool = make_pool(dir, 64 * MIB, false);
	struct vmm_heap heap;
	int ballast;

	ballast = open(dir, O_TMPFILE | O_RDWR, 0600);
	assert_true(ballast >= 0);
	assert_int_equal(fallocate(ballast, 0, 0, (off_t)(8 * MIB)), 0);
	assert_int_equal(vmm_heap_init(&heap, &pool, false), 0);
	assert_int_equal(fill_heap(&heap), 8 * MIB - PAGE);
	assert_int_equal(scratch_allocated(pool.first.fd), 8 * MIB);
	vmm_heap_give(&heap, heap_start(&heap), MIB);
	assert_int_equal(fill_heap(&heap), MIB);
	close(ballast);
	pass_ms(11);
	assert_int_equal(fill_heap(&heap), 8 * MIB);
	unmake_heap(&heap);
}

TEST(test_heap_fills_a_real_file_system_and_goes_on)
{
	char dir[SCRATCH_PATH];

	disk.real = true;
	scratch_make("/tmp", dir);
	if (!scratch_mount(dir, 16 * MIB)) {
		scratch_remove(dir);
		skip();
	}
	fill_and_go_on(dir);
	scratch_remove(dir);
}

/* --- trimming --- */

TEST(test_heap_trim_gives_free_space_at_the_end_back)
{
	struct vmm_heap heap;
	char *one, *two;
	uint64_t reserved;
	size_t released;

	make_heap(&heap, 64 * MIB);
	one = take(&heap, MIB);
	two = take(&heap, 8 * MIB);
	memset(one, 'x', MIB);
	memset(two, 'x', 8 * MIB);
	vmm_heap_give(&heap, two, 8 * MIB);
	reserved = heap.pool.header->reserved_bytes;
	released = vmm_heap_trim(&heap, 0);
	assert_true(released >= 8 * MIB);
	assert_int_equal(heap.pool.header->reserved_bytes, reserved - released);
	assert_int_equal(disk.used, PAGE + MIB);
	assert_int_equal(used(&heap), MIB);
	assert_int_equal(one[MIB - 1], 'x');
	assert_int_equal(vmm_heap_trim(&heap, 0), 0);
	unmake_heap(&heap);
}

TEST(test_heap_trim_keeps_what_it_is_told_to)
{
	struct vmm_heap heap;
	char *block;

	make_heap(&heap, 64 * MIB);
	assert_non_null(take(&heap, MIB));
	block = take(&heap, 8 * MIB);
	vmm_heap_give(&heap, block, 8 * MIB);
	assert_true(vmm_heap_trim(&heap, 3 * MIB - 1) > 0);
	assert_int_equal(disk.used, PAGE + 4 * MIB);
	assert_int_equal(vmm_heap_trim(&heap, 3 * MIB), 0);
	assert_int_equal(vmm_heap_trim(&heap, SIZE_MAX), 0);
	disk.requests = 0;
	assert_ptr_equal(take(&heap, 3 * MIB), block);
	assert_int_equal(disk.requests, 0);
	unmake_heap(&heap);
}

TEST(test_heap_trimmed_space_is_reserved_again_and_zero)
{
	struct vmm_heap heap;
	bool zero = false;
	char *block;

	make_heap(&heap, 64 * MIB);
	block = take(&heap, 8 * MIB);
	memset(block, 'x', 8 * MIB);
	vmm_heap_give(&heap, block, 8 * MIB);
	assert_true(vmm_heap_trim(&heap, MIB) > 0);
	assert_ptr_equal(take(&heap, MIB), block);
	assert_ptr_equal(vmm_heap_take(&heap, 0, NULL, 7 * MIB, PAGE, HEAP_FOR_PROGRAM, &zero), block + MIB);
	assert_true(zero);
	assert_true(is_zero(block + MIB, 7 * MIB));
	assert_true(is_reserved(block, 8 * MIB));
	unmake_heap(&heap);
}

TEST(test_heap_trim_gives_whole_granules_of_gaps_back)
{
	struct vmm_heap heap;
	char *block = make_gap(&heap, 8 * MIB);
	uint64_t reserved;

	assert_non_null(take_at(&heap, block, PAGE));
	(void)vmm_heap_trim(&heap, SIZE_MAX);
	reserved = heap.pool.header->reserved_bytes;
	/* the header, the pages in the same granule, and those up to the end of what was reserved */
	assert_true(missing_pages((size_t)(block - disk.base) / PAGE, (size_t)(block - disk.base + 8 * MIB) / PAGE) >=
		    (8 * MIB - 2 * HEAP_GRANULE) / PAGE);
	assert_int_equal(reserved, disk.used);
	assert_int_equal(vmm_heap_trim(&heap, SIZE_MAX), 0);
	/* it is reserved again before it is handed out, and reads as zero */
	assert_ptr_equal(take(&heap, 8 * MIB - PAGE), block + PAGE);
	assert_true(is_reserved(block, 8 * MIB));
	assert_true(is_zero(block + 2 * HEAP_GRANULE, 8 * MIB - 3 * HEAP_GRANULE));
	unmake_heap(&heap);
}

TEST(test_heap_trim_that_is_interrupted_reserves_again)
{
	struct vmm_heap heap;
	char *block = make_gap(&heap, 8 * MIB);

	disk.broken_half_way = true;
	(void)vmm_heap_trim(&heap, 0);
	disk.broken_half_way = false;
	assert_ptr_equal(take(&heap, 8 * MIB), block);
	assert_true(is_reserved(block, 8 * MIB));
	unmake_heap(&heap);
}

TEST(test_heap_trim_that_meets_locked_memory_reserves_again)
{
	struct vmm_heap heap;
	char *block = make_gap(&heap, 8 * MIB);

	disk.locked = block + 4 * MIB;
	(void)vmm_heap_trim(&heap, 0);
	assert_false(is_reserved(block, 4 * MIB));
	assert_ptr_equal(take(&heap, 8 * MIB), block);
	assert_true(is_reserved(block, 8 * MIB));
	unmake_heap(&heap);
}

TEST(test_heap_gives_no_parts_of_units_back_that_are_larger_than_granules)
{
	struct vmm_heap heap;
	char *block = make_gap(&heap, 8 * MIB);

	/* as in a copy on another kind of file system */
	heap.pool.unit = 2 * MIB;
	vmm_heap_release_after(&heap, 1);
	for (int seconds = 0; seconds < 5; seconds++) {
		pass_ms(1000);
		vmm_heap_release(&heap);
	}
	(void)vmm_heap_trim(&heap, SIZE_MAX);
	assert_true(is_reserved(block, 8 * MIB));
	unmake_heap(&heap);
}

/* --- what stays free --- */

TEST(test_heap_gives_back_what_stays_free)
{
	struct vmm_heap heap;
	char *block = make_gap(&heap, 8 * MIB);
	size_t before = disk.used;

	vmm_heap_release(&heap);
	assert_int_equal(disk.used, before);
	vmm_heap_release_after(&heap, 10);
	for (int seconds = 0; seconds < 20; seconds += 5) {
		vmm_heap_release(&heap);
		assert_int_equal(disk.used, before);
		pass_ms(5000);
	}
	vmm_heap_release(&heap);
	assert_true(disk.used <= before - (8 * MIB - 2 * HEAP_GRANULE));
	assert_int_equal(heap.pool.header->reserved_bytes, disk.used);
	assert_ptr_equal(take(&heap, 8 * MIB), block);
	unmake_heap(&heap);
}

TEST(test_heap_keeps_what_is_used_again_and_again)
{
	struct vmm_heap heap;
	char *block = make_gap(&heap, 8 * MIB);

	vmm_heap_release_after(&heap, 10);
	for (int seconds = 0; seconds < 100; seconds += 5) {
		assert_ptr_equal(take(&heap, 8 * MIB), block);
		vmm_heap_give(&heap, block, 8 * MIB);
		pass_ms(5000);
		vmm_heap_release(&heap);
		assert_true(is_reserved(block, 8 * MIB));
	}
	unmake_heap(&heap);
}

TEST(test_heap_gives_large_space_back_in_pieces)
{
	struct vmm_heap heap;
	size_t before, least = SIZE_MAX;
	int calls = 0;

	make_gap(&heap, 48 * MIB);
	vmm_heap_release_after(&heap, 1);
	for (int i = 0; i < 100; i++) {
		pass_ms(100);
		before = disk.used;
		vmm_heap_release(&heap);
		assert_true(before - disk.used <= 32 * MIB);
		calls += before != disk.used;
		least = disk.used;
	}
	assert_true(calls > 1);
	assert_true(least < MIB);
	unmake_heap(&heap);
}

static void assert_trims_nothing(struct vmm_heap *heap)
{
	uint64_t reserved = heap->pool.header->reserved_bytes;
	uintptr_t low = heap->low;
	size_t before = disk.used;

	assert_int_equal(vmm_heap_trim(heap, 0), 0);
	assert_int_equal(heap->pool.header->reserved_bytes, reserved);
	assert_int_equal(heap->low, low);
	assert_int_equal(disk.used, before);
	assert_non_null(take(heap, FIRST_STEP));
	unmake_heap(heap);
}

TEST(test_heap_trims_nothing_of_a_private_copy)
{
	struct vmm_heap heap;

	make_heap(&heap, 64 * MIB);
	heap.pool.mapping.is_private = true;
	assert_trims_nothing(&heap);
}

TEST(test_heap_trims_nothing_when_all_is_to_be_reserved)
{
	struct vmm_pool pool = make_pool("anonymous", 64 * MIB, true);
	struct vmm_heap heap;

	assert_int_equal(vmm_heap_init(&heap, &pool, true), 0);
	assert_trims_nothing(&heap);
}

TEST(test_heap_trims_nothing_where_space_cannot_be_given_back)
{
	struct vmm_heap heap;

	make_heap(&heap, 64 * MIB);
	disk.broken = true;
	assert_trims_nothing(&heap);
}

/* --- at random, against an owner for each page --- */

#define RANDOM_POOL (24 * MIB)
#define SLOTS 64
#define SHARED_SLOTS 32
#define STEPS 15000

struct block {
	char *address;
	size_t pages;
	unsigned char tag;           /* every byte of it */
};

static struct {
	struct vmm_heap heap;
	pthread_mutex_t lock;        /* guards the blocks in here, which threads hand to one another */
	struct block shared[SHARED_SLOTS];
	unsigned char owned[RANDOM_POOL / PAGE];  /* atomic */
	size_t owned_pages;          /* atomic */
	const char *wrong;           /* the first thing that was, if any */
} field;

struct walker {
	uint64_t seed;
	struct block blocks[SLOTS];
};

static void check(bool right, const char *words)
{
	if (!right)
		__atomic_store_n(&field.wrong, words, __ATOMIC_RELAXED);
}

static size_t random_below(struct walker *walker, size_t limit)
{
	walker->seed = walker->seed * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(walker->seed >> 33) % limit;
}

static bool is_filled(const struct block *block)
{
	const char *a = block->address;

	return (unsigned char)*a == block->tag && memcmp(a, a + 1, block->pages * PAGE - 1) == 0;
}

static void own(const char *address, size_t pages, unsigned char value)
{
	size_t first = (size_t)(address - field.heap.pool.base) / PAGE;

	check(vmm_pool_contains(&field.heap.pool, address), "a block lies outside the pool");
	check(is_reserved(address, pages * PAGE), "a block is not reserved");
	for (size_t i = first; i < first + pages; i++)
		if (__atomic_exchange_n(&field.owned[i], value, __ATOMIC_RELAXED) == value)
			check(false, "a page is handed out twice");
	if (value)
		__atomic_fetch_add(&field.owned_pages, pages, __ATOMIC_RELAXED);
	else
		__atomic_fetch_sub(&field.owned_pages, pages, __ATOMIC_RELAXED);
}

static void random_take(struct walker *walker, struct block *block)
{
	size_t pages = 1 + random_below(walker, random_below(walker, 16) ? 24 : 512);
	size_t align = PAGE << random_below(walker, random_below(walker, 4) ? 1 : 8);
	enum vmm_heap_use use = random_below(walker, 8) ? HEAP_FOR_PROGRAM : HEAP_FOR_JEMALLOC;
	bool wanted = random_below(walker, 2), zero = wanted;
	char *address = vmm_heap_take(&field.heap, 0, NULL, pages * PAGE, align, use, &zero);

	if (!address)
		return;
	own(address, pages, 1);
	check((uintptr_t)address % align == 0, "a block is not aligned");
	check(zero || !wanted, "zeros were wanted and are not promised");
	check(!zero || is_zero(address, pages * PAGE), "a block is not zero");
	*block = (struct block){ address, pages, (unsigned char)(1 + random_below(walker, 255)) };
	memset(address, block->tag, pages * PAGE);
}

static void random_extend(struct walker *walker, struct block *block)
{
	size_t pages = 1 + random_below(walker, 8);
	char *end = block->address + block->pages * PAGE;
	bool zero = true;

	if (!vmm_heap_take(&field.heap, 0, end, pages * PAGE, PAGE, HEAP_FOR_PROGRAM, &zero))
		return;
	own(end, pages, 1);
	check(is_zero(end, pages * PAGE), "an extension is not zero");
	memset(end, block->tag, pages * PAGE);
	block->pages += pages;
}

static void give_part(struct block *block, size_t first, size_t pages)
{
	char *address = block->address + first * PAGE;

	own(address, pages, 0);
	vmm_heap_give(&field.heap, address, pages * PAGE);
}

static void random_give(struct walker *walker, struct block *block)
{
	size_t keep = random_below(walker, 4) ? 0 : random_below(walker, block->pages);

	check(is_filled(block), "a block was overwritten");
	if (keep == 0) {
		give_part(block, 0, block->pages);
		block->address = NULL;
	} else if (random_below(walker, 2)) {
		give_part(block, keep, block->pages - keep);
		block->pages = keep;
	} else {
		give_part(block, 0, block->pages - keep);
		block->address += (block->pages - keep) * PAGE;
		block->pages = keep;
	}
}

static void random_metadata(struct walker *walker)
{
	size_t pages = 1 + random_below(walker, 4);
	char *address = vmm_heap_take_metadata(&field.heap, pages * PAGE, PAGE);

	if (!address)
		return;
	own(address, pages, 1);
	check(is_zero(address, pages * PAGE), "metadata is not zero");
	memset(address, 'm', pages * PAGE);
}

static void swap_with_others(struct walker *walker, struct block *block)
{
	struct block *shared = &field.shared[random_below(walker, SHARED_SLOTS)], mine = *block;

	pthread_mutex_lock(&field.lock);
	*block = *shared;
	*shared = mine;
	pthread_mutex_unlock(&field.lock);
}

static void random_weather(struct walker *walker)
{
	size_t capacity = random_below(walker, 2) ? RANDOM_POOL : random_below(walker, RANDOM_POOL);

	__atomic_store_n(&disk.capacity, capacity, __ATOMIC_RELAXED);
	pass_ms(random_below(walker, 20));
}

static void random_step(struct walker *walker)
{
	struct block *block = &walker->blocks[random_below(walker, SLOTS)];
	size_t what = random_below(walker, 1000);

	if (what < 2)
		random_metadata(walker);
	else if (what < 10)
		(void)vmm_heap_trim(&field.heap, random_below(walker, 2 * MIB));
	else if (what < 30)
		random_weather(walker);
	else if (what < 200)
		swap_with_others(walker, block);
	else if (!block->address)
		random_take(walker, block);
	else if (what < 400)
		random_extend(walker, block);
	else
		random_give(walker, block);
}

static void give_all(struct block *blocks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!blocks[i].address)
			continue;
		check(is_filled(&blocks[i]), "a block was overwritten");
		give_part(&blocks[i], 0, blocks[i].pages);
	}
}

static void *walk(void *argument)
{
	struct walker walker = { .seed = *(uint64_t *)argument };

	for (int i = 0; i < STEPS; i++)
		random_step(&walker);
	give_all(walker.blocks, SLOTS);
	return NULL;
}

static void assert_field_is_empty(void)
{
	struct vmm_heap *heap = &field.heap;

	give_all(field.shared, SHARED_SLOTS);
	if (field.wrong)
		fail_msg("%s", field.wrong);
	assert_int_equal(used(heap), field.owned_pages * PAGE);
	assert_int_equal(used(heap), heap->pool.header->metadata_bytes);
	assert_true(heap->pool.header->peak_bytes > 4 * MIB);
	assert_int_equal(heap->free.free_bytes + used(heap),
			 heap->low - (uintptr_t)heap_start(heap) + ((uintptr_t)heap_end(heap) - heap->high));
	assert_false(disk.ragged);
}

static void walk_with(size_t threads, uint64_t seed)
{
	pthread_t thread[8];
	uint64_t seeds[8];

	new_disk();
	memset(&field, 0, sizeof(field));
	pthread_mutex_init(&field.lock, NULL);
	make_heap(&field.heap, RANDOM_POOL);
	for (size_t i = 0; i < threads; i++) {
		seeds[i] = seed + i;
		assert_int_equal(pthread_create(&thread[i], NULL, walk, &seeds[i]), 0);
	}
	for (size_t i = 0; i < threads; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_field_is_empty();
	unmake_heap(&field.heap);
}

TEST(test_heap_never_hands_out_a_page_twice)
{
	walk_with(1, 1);
	walk_with(1, 20261123);
}

TEST(test_heap_never_hands_out_a_page_twice_to_4_threads)
{
	walk_with(4, 2);
}

/* Nothing but taking and giving, so that threads meet in there as often as can be. */
static void *hurry(void *argument)
{
	struct walker walker = { .seed = *(uint64_t *)argument };
	char *blocks[8] = { NULL };

	for (int i = 0; i < 100000; i++) {
		size_t n = random_below(&walker, 8);

		if (!blocks[n]) {
			blocks[n] = take(&field.heap, (n + 1) * PAGE);
			check(blocks[n], "there is room, and no block");
		} else {
			vmm_heap_give(&field.heap, blocks[n], (n + 1) * PAGE);
			blocks[n] = NULL;
		}
	}
	for (size_t n = 0; n < 8; n++)
		if (blocks[n])
			vmm_heap_give(&field.heap, blocks[n], (n + 1) * PAGE);
	return NULL;
}

TEST(test_heap_figures_are_right_after_4_threads_in_a_hurry)
{
	pthread_t thread[4];
	uint64_t seeds[4] = { 1, 2, 3, 4 };

	memset(&field, 0, sizeof(field));
	make_heap(&field.heap, RANDOM_POOL);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, hurry, &seeds[i]), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	if (field.wrong)
		fail_msg("%s", field.wrong);
	assert_int_equal(used(&field.heap), 0);
	assert_int_equal(field.heap.free.free_bytes, field.heap.low - (uintptr_t)heap_start(&field.heap));
	unmake_heap(&field.heap);
}
