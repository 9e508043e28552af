/* SPDX-License-Identifier: BSD-3-Clause */
/* test_collapse -- huge pages of what is reserved: which, and what happens when the kernel has none. */
/* objects: libvmmalloc/heap/ libvmmalloc/base/ libvmmalloc/ common/base/ */
/* wrap: kernel_madvise kernel_fallocate kernel_clock_gettime */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/base/madvise.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/pool.h"
#include "libvmmalloc/heap/space.h"
#include "tests/unit/faults.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

/* --- the kernel, and a clock that is the test's --- */

static struct {
	char *first, *end;           /* of what was collapsed last */
	int collapses;               /* calls */
	int error;                   /* what they say, if not 0 */
	int busy;                    /* so many of them say EAGAIN first */
	uint64_t takes_ns;           /* each of them, by the clock */
	uint64_t small_ns;           /* for each MiB that is reserved by fallocate() */
	uint64_t now_ns;
} kernel;

static struct vmm_pool pool;
static char dir[SCRATCH_PATH];

int __real_kernel_madvise(void *address, size_t bytes, int advice);
int __wrap_kernel_madvise(void *address, size_t bytes, int advice)
{
	int r = -faults_strike("madvise");

	if (advice != MADV_COLLAPSE)
		return r < 0 ? r : __real_kernel_madvise(address, bytes, advice);
	kernel.first = address;
	kernel.end = (char *)address + bytes;
	kernel.collapses++;
	kernel.now_ns += kernel.takes_ns;
	if (kernel.busy > 0) {
		kernel.busy--;
		return -EAGAIN;
	}
	if (r == 0)
		r = -kernel.error;
	return r < 0 ? r : __real_kernel_madvise(address, bytes, advice);
}

int __real_kernel_fallocate(int fd, int mode, off_t offset, off_t bytes);
int __wrap_kernel_fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	kernel.now_ns += kernel.small_ns * (uint64_t)bytes / MIB;
	return __real_kernel_fallocate(fd, mode, offset, bytes);
}

int __wrap_kernel_clock_gettime(clockid_t clock, struct timespec *time)
{
	(void)clock;
	time->tv_sec = (time_t)(kernel.now_ns / 1000000000u);
	time->tv_nsec = (long)(kernel.now_ns % 1000000000u);
	return 0;
}

static int set_up_in(const char *parent)
{
	char buffer[512] = "";
	struct text error = TEXT_INIT(buffer);

	faults_clear();
	memset(&kernel, 0, sizeof(kernel));
	kernel.now_ns = 1;
	scratch_make(parent, dir);
	if (vmm_pool_create(dir, GIB, false, &pool, &error) != 0)
		fail_msg("%s", buffer);
	return 0;
}

static int set_up(void **state)
{
	return set_up_in(*state ? *state : "/dev/shm");
}

static int tear_down(void **state)
{
	(void)state;
	vmm_pool_drop(&pool);
	scratch_remove(dir);
	return 0;
}

TEST_FIXTURE(set_up, tear_down);

static long faults_of(size_t offset, size_t bytes)
{
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	for (size_t i = 0; i < bytes; i += kernel_page()) {
		assert_int_equal(pool.base[offset + i], 0);
		pool.base[offset + i] = 1;
	}
	getrusage(RUSAGE_SELF, &after);
	return after.ru_minflt - before.ru_minflt;
}

static void reserve(size_t offset, size_t bytes)
{
	assert_int_equal(vmm_space_reserve(&pool, offset, bytes), 0);
}

static bool has_huge_pages(void)
{
	if (vmm_pool_table_bytes() == POOL_HUGE_PAGE)
		return true;
	fprintf(stderr, "skipped: with larger pages nothing is collapsed here\n");
	return false;
}

static void need_huge_pages(void)
{
	if (!has_huge_pages())
		skip();
}

/* --- which --- */

TEST(test_collapse_is_of_the_whole_huge_pages)
{
	need_huge_pages();
	reserve(3 * MIB, 10 * MIB);
	assert_int_equal(kernel.collapses, 1);
	assert_ptr_equal(kernel.first, pool.base + 4 * MIB);
	assert_ptr_equal(kernel.end, pool.base + 12 * MIB);
	/* all of it is reserved, the parts at its ends as well, and reads as zero */
	assert_int_equal(scratch_allocated(pool.first.fd), 10 * MIB + kernel_page());
	/* small ones would be 2048; the sanitizer has some of its own */
	assert_true(faults_of(4 * MIB, 8 * MIB) < 512);
	(void)faults_of(3 * MIB, MIB);
	(void)faults_of(12 * MIB, MIB);
}

TEST(test_collapse_leaves_less_than_a_huge_page_alone)
{
	reserve(MIB, 2 * MIB);
	reserve(4 * MIB, 2 * MIB - kernel_page());
	reserve(8 * MIB + kernel_page(), 2 * MIB - kernel_page());
	assert_int_equal(kernel.collapses, 0);
}

TEST(test_collapse_goes_piece_by_piece)
{
	need_huge_pages();
	reserve(2 * MIB, 50 * MIB);
	assert_int_equal(kernel.collapses, 4);
	assert_ptr_equal(kernel.first, pool.base + 48 * MIB);
	assert_ptr_equal(kernel.end, pool.base + 52 * MIB);
	assert_true(pool.collapse.pause == 0);
}

TEST_IN(test_collapse_is_for_tmpfs_only, DISK)
{
	reserve(2 * MIB, 8 * MIB);
	assert_true(pool.first.is_tmpfs || kernel.collapses == 0);
}

TEST(test_collapse_is_not_for_a_private_heap)
{
	reserve(2 * MIB, 2 * MIB);
	kernel.collapses = 0;
	pool.mapping.is_private = true;
	assert_false(vmm_collapse_is_likely(&pool, &pool.first));
	reserve(4 * MIB, 8 * MIB);
	pool.mapping.is_private = false;
	assert_int_equal(kernel.collapses, 0);
}

/* --- what fails --- */

TEST(test_collapse_tries_once_more_when_a_page_is_busy)
{
	need_huge_pages();
	kernel.busy = 1;
	reserve(2 * MIB, 4 * MIB);
	assert_int_equal(kernel.collapses, 2);
	assert_true(vmm_collapse_is_likely(&pool, &pool.first));
	kernel.busy = 9;
	reserve(8 * MIB, 4 * MIB);
	assert_int_equal(kernel.collapses, 4);
	assert_false(vmm_collapse_is_likely(&pool, &pool.first));
}

/* How many of `bytes`, reserved by huge pages from *offset on, go by before it is tried again. */
static size_t pause_before_next(size_t *offset, size_t most)
{
	int before = kernel.collapses;
	size_t begin = *offset;

	while (kernel.collapses == before && *offset - begin < most) {
		reserve(*offset, 2 * MIB);
		*offset += 2 * MIB;
	}
	return *offset - begin - 2 * MIB;
}

TEST(test_collapse_is_left_alone_for_twice_as_long_each_time)
{
	size_t offset = 2 * MIB;

	need_huge_pages();
	kernel.error = ENOMEM;
	assert_int_equal(pause_before_next(&offset, GIB), 0);
	assert_int_equal(pause_before_next(&offset, GIB), 64 * MIB);
	assert_int_equal(pause_before_next(&offset, GIB), 128 * MIB);
	/* and a success is enough, of 8 MiB */
	kernel.error = 0;
	assert_int_equal(pause_before_next(&offset, GIB), 256 * MIB);
	for (int i = 0; i < 3; i++, offset += 2 * MIB) {
		assert_true(vmm_collapse_is_likely(&pool, &pool.first));
		reserve(offset, 2 * MIB);
	}
	kernel.error = EINVAL;
	assert_int_equal(pause_before_next(&offset, GIB), 0);
	assert_int_equal(pause_before_next(&offset, GIB), 64 * MIB);
	assert_int_equal(scratch_allocated(pool.first.fd), offset - 2 * MIB + kernel_page());
}

TEST(test_collapse_that_fails_is_tried_seldom_within_a_reservation)
{
	need_huge_pages();
	kernel.error = EINVAL;
	reserve(2 * MIB, 400 * MIB);
	assert_int_equal(kernel.collapses, 3);
}

/* 2 ms for a MiB by small pages: twice that is 64 ms for 16 MiB. */
static void measure_small_pages(void)
{
	kernel.small_ns = 2000000;
	for (size_t i = 0; i < 40; i++)
		reserve(256 * MIB + i * MIB, MIB);
}

TEST(test_collapse_that_is_slow_twice_is_one_that_failed)
{
	need_huge_pages();
	measure_small_pages();
	kernel.takes_ns = 63000000;
	reserve(16 * MIB, 32 * MIB);
	assert_true(vmm_collapse_is_likely(&pool, &pool.first));
	kernel.takes_ns = 65000000;
	reserve(48 * MIB, 16 * MIB);
	assert_true(vmm_collapse_is_likely(&pool, &pool.first));
	assert_int_equal(kernel.collapses, 3);
	reserve(64 * MIB, 16 * MIB);
	assert_int_equal(kernel.collapses, 4);
	assert_false(vmm_collapse_is_likely(&pool, &pool.first));
}

TEST(test_collapse_of_little_is_judged_with_what_follows)
{
	need_huge_pages();
	measure_small_pages();
	kernel.takes_ns = 9000000;
	for (size_t i = 0; i < 8; i++) {
		assert_true(vmm_collapse_is_likely(&pool, &pool.first));
		reserve((2 + 2 * i) * MIB, 2 * MIB);
	}
	assert_false(vmm_collapse_is_likely(&pool, &pool.first));
}

TEST(test_collapse_always_may_be_slow)
{
	measure_small_pages();
	kernel.takes_ns = 1000000000;
	vmm_collapse_choice = ENVIRONMENT_HUGE_PAGES_ALWAYS;
	reserve(16 * MIB, 160 * MIB);
	vmm_collapse_choice = ENVIRONMENT_HUGE_PAGES_AUTO;
	assert_int_equal(kernel.collapses, has_huge_pages() ? 10 : 0);
}

/* Whatever the kernel says to each piece of advice: all is reserved, and reads as zero. */
TEST(test_collapse_may_fail_anywhere)
{
	int n;

	FAULTS_AT_EACH(n, "madvise", EFAULT) {
		size_t offset = 2 * MIB + (size_t)n * 24 * MIB;

		memset(&pool.collapse, 0, sizeof(pool.collapse));
		reserve(offset, 20 * MIB);
		(void)faults_of(offset, 20 * MIB);
	}
	if (has_huge_pages())
		assert_true(n >= 12);
}

TEST(test_collapse_in_a_full_file_system_takes_nothing)
{
	size_t before;

	vmm_pool_drop(&pool);
	if (!scratch_mount(dir, 16 * MIB)) {
		assert_int_equal(set_up_in("/dev/shm"), 0);
		skip();
	}
	char buffer[512] = "";
	struct text error = TEXT_INIT(buffer);

	assert_int_equal(vmm_pool_create(dir, GIB, false, &pool, &error), 0);
	before = scratch_allocated(pool.first.fd);
	assert_int_equal(vmm_space_reserve(&pool, 2 * MIB, 32 * MIB), -ENOSPC);
	assert_int_equal(scratch_allocated(pool.first.fd), before);
	reserve(2 * MIB, 14 * MIB);
	(void)faults_of(2 * MIB, 14 * MIB);
	assert_int_equal(vmm_space_reserve(&pool, 32 * MIB, 4 * MIB), -ENOSPC);
}

TEST(test_collapse_that_is_off)
{
	vmm_collapse_choice = ENVIRONMENT_HUGE_PAGES_NEVER;
	assert_false(vmm_collapse_is_likely(&pool, &pool.first));
	reserve(2 * MIB, 8 * MIB);
	vmm_collapse_choice = ENVIRONMENT_HUGE_PAGES_AUTO;
	assert_int_equal(kernel.collapses, 0);
}

/* --- small pages --- */

static long pages(size_t bytes)
{
	return (long)(bytes / kernel_page());
}

static void never_collapse(void)
{
	vmm_collapse_choice = ENVIRONMENT_HUGE_PAGES_NEVER;
}

TEST(test_small_pages_of_a_step_are_found_without_faults)
{
	never_collapse();
	reserve(2 * MIB, 4 * MIB);
	reserve(8 * MIB, 32 * MIB);
	vmm_collapse_choice = ENVIRONMENT_HUGE_PAGES_AUTO;
	/* the sanitizer has some of its own */
	assert_true(faults_of(2 * MIB, 4 * MIB) < pages(4 * MIB) / 2);
	assert_true(faults_of(8 * MIB, 32 * MIB) < pages(32 * MIB) / 2);
	assert_int_equal(scratch_allocated(pool.first.fd), 36 * MIB + kernel_page());
}

/* A small heap, a large block of which a part may be used, and a heap that is private while a child has its pages. */
TEST(test_small_pages_of_what_may_not_be_used_are_not_touched)
{
	never_collapse();
	reserve(2 * MIB, MIB);
	reserve(4 * MIB, 32 * MIB + kernel_page());
	pool.mapping.is_private = true;
	reserve(64 * MIB, 4 * MIB);
	pool.mapping.is_private = false;
	vmm_collapse_choice = ENVIRONMENT_HUGE_PAGES_AUTO;
	assert_true(faults_of(2 * MIB, MIB) >= pages(MIB));
	assert_true(faults_of(4 * MIB, 32 * MIB) >= pages(32 * MIB));
	assert_true(faults_of(64 * MIB, 4 * MIB) >= pages(4 * MIB));
}

/* What a touch took is a measure as it is: 2 ms for a MiB are 32 for 16 MiB, without a guess at the rest. */
TEST(test_small_pages_that_are_touched_measure_themselves)
{
	need_huge_pages();
	kernel.small_ns = 2000000;
	never_collapse();
	reserve(256 * MIB, 32 * MIB);
	vmm_collapse_choice = ENVIRONMENT_HUGE_PAGES_AUTO;
	kernel.takes_ns = 33000000;
	reserve(16 * MIB, 16 * MIB);
	assert_true(vmm_collapse_is_likely(&pool, &pool.first));
	reserve(32 * MIB, 16 * MIB);
	assert_false(vmm_collapse_is_likely(&pool, &pool.first));
}
