/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pool_file_pins -- pages that somebody holds after he gave a pool back are seen, whatever holds them. */
/* objects: vmmallocd/files/ vmmallocd/base/ vmmallocd/plan/ common/base/ common/util/ */
/* wrap: madvise nanosleep */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "common/base/madvise.h"
#include "tests/unit/pool_fixture.h"
#include "tests/unit/test.h"
#include "vmmallocd/files/internal.h"

#define HUGE_PAGE (2 * MIB)
#define PAGE 4096
#define SIZE (16 * MIB)

/* --- failures to order --- */

static struct {
	bool no_huge_pages;
	int unpin;               /* closed when it is waited for the first time; -1: nothing */
	unsigned waits;
	atomic_bool *cancel;     /* set by the third collapse */
	unsigned collapses;
} order;

int __real_madvise(void *address, size_t bytes, int advice);
int __wrap_madvise(void *address, size_t bytes, int advice)
{
	if (advice == MADV_COLLAPSE && ++order.collapses == 3 && order.cancel)
		atomic_store(order.cancel, true);
	if (advice == MADV_COLLAPSE && order.no_huge_pages) {
		errno = ENOMEM;
		return -1;
	}
	return __real_madvise(address, bytes, advice);
}

int __real_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	order.waits++;
	if (order.unpin >= 0)
		close(order.unpin);
	order.unpin = -1;
	return __real_nanosleep(time, left);
}

/* --- a pool, and what its last user left --- */

static int setup(void **state)
{
	memset(&order, 0, sizeof(order));
	order.unpin = -1;
	signal(SIGIO, SIG_IGN);
	return pool_fixture_setup(state);
}

TEST_FIXTURE(setup, pool_fixture_teardown);

static struct pool_file pool_of(struct pool_fixture *fixture, bool huge)
{
	struct pool_file file;

	order.no_huge_pages = !huge;
	file = pool_fixture_make(fixture, SIZE, POOL_FILE_USED);
	order.no_huge_pages = false;
	return file;
}

static int check(struct pool_fixture *fixture, const struct pool_file *file)
{
	return pool_file_check_pins(&fixture->dir, file, false, NULL, &fixture->error);
}

static char *map_pool(struct pool_fixture *fixture, const struct pool_file *file)
{
	int fd = pool_file_open(&fixture->dir, file);
	char *base;

	assert_true(fd >= 0);
	base = pool_fixture_map(fd, 0, SIZE);
	close(fd);
	for (size_t at = PAGE; at < SIZE; at += PAGE)
		base[at] = 1;
	return base;
}

/* Puts a page of the pool into a pipe, whose ends are close-on-exec. */
static void pin_page(struct pool_fixture *fixture, const struct pool_file *file, size_t at, int pipe[2])
{
	char *base = map_pool(fixture, file);
	struct iovec page = { base + at, PAGE };

	assert_int_equal(pipe2(pipe, O_CLOEXEC), 0);
	assert_int_equal(vmsplice(pipe[1], &page, 1, 0), PAGE);
	munmap(base, SIZE);
}

static bool has_huge_pages(struct pool_fixture *fixture, const struct pool_file *file)
{
	int fd = pool_file_open(&fixture->dir, file);
	char *room = mmap(NULL, 2 * HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *base = (char *)(((uintptr_t)room + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
	int r;

	assert_true(fd >= 0);
	assert_ptr_equal(mmap(base, HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0), base);
	close(fd);
	base[PAGE] = 1;
	r = __real_madvise(base, HUGE_PAGE, MADV_COLLAPSE);
	munmap(room, 2 * HUGE_PAGE);
	return r == 0;
}

/* --- tests --- */

TEST(test_pool_file_pins_none_is_seen_where_none_is)
{
	struct pool_fixture *fixture = *state;

	for (int huge = 0; huge <= 1; huge++) {
		struct pool_file file = pool_of(fixture, huge);

		munmap(map_pool(fixture, &file), SIZE);
		assert_int_equal(check(fixture, &file), 0);
		assert_int_equal(check(fixture, &file), 0);
		assert_int_equal(order.waits, 0);
	}
}

/* The first page of a huge page, the last of the file, and one between. */
TEST(test_pool_file_pins_one_page_in_a_pipe_is_seen_until_it_is_gone)
{
	static const size_t places[] = { 0, HUGE_PAGE, 5 * HUGE_PAGE + 17 * PAGE, SIZE - PAGE };
	struct pool_fixture *fixture = *state;

	for (size_t i = 0; i < 2 * sizeof(places) / sizeof(places[0]); i++) {
		struct pool_file file = pool_of(fixture, i % 2);
		int pipe[2];

		if (!has_huge_pages(fixture, &file))
			skip();
		pin_page(fixture, &file, places[i / 2], pipe);
		assert_int_equal(check(fixture, &file), -ETIMEDOUT);
		assert_int_equal(check(fixture, &file), -ETIMEDOUT);
		close(pipe[0]);
		close(pipe[1]);
		assert_int_equal(check(fixture, &file), 0);
	}
}

/* A small one is 4 KiB of its user's own; and none is made a huge one, which takes its time. */
TEST(test_pool_file_pins_of_a_cold_pool_huge_pages_are_seen_and_nothing_is_collapsed)
{
	struct pool_fixture *fixture = *state;

	for (int huge = 0; huge <= 1; huge++) {
		struct pool_file file = pool_of(fixture, huge);
		int pipe[2];

		if (huge && !has_huge_pages(fixture, &file))
			skip();
		pin_page(fixture, &file, 5 * HUGE_PAGE + 17 * PAGE, pipe);
		order.collapses = 0;
		assert_int_equal(pool_file_check_pins(&fixture->dir, &file, true, NULL, &fixture->error),
				 huge ? -ETIMEDOUT : 0);
		close(pipe[0]);
		close(pipe[1]);
		assert_int_equal(pool_file_check_pins(&fixture->dir, &file, true, NULL, &fixture->error), 0);
		assert_int_equal(order.collapses, 0);
	}
}

TEST(test_pool_file_pins_a_buffer_of_io_uring_is_seen)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_of(fixture, true);
	struct io_uring_params parameters = { 0 };
	int ring = (int)syscall(SYS_io_uring_setup, 1, &parameters);
	struct iovec page;
	char *base;

	if (ring < 0 || !has_huge_pages(fixture, &file))
		skip();
	base = map_pool(fixture, &file);
	page = (struct iovec){ base + 3 * HUGE_PAGE, PAGE };
	assert_int_equal(syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &page, 1), 0);
	munmap(base, SIZE);
	assert_int_equal(check(fixture, &file), -ETIMEDOUT);
	assert_int_equal(syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0), 0);
	close(ring);
	assert_int_equal(check(fixture, &file), 0);
}

TEST(test_pool_file_pins_a_page_that_is_let_go_at_once_is_waited_for)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_of(fixture, true);
	int pipe[2];

	if (!has_huge_pages(fixture, &file))
		skip();
	pin_page(fixture, &file, HUGE_PAGE, pipe);
	close(pipe[1]);
	order.unpin = pipe[0];
	assert_int_equal(check(fixture, &file), 0);
	assert_int_equal(order.waits, 1);
}

/* What is held by 4 KiB of a huge page shows though no other can be had. */
TEST(test_pool_file_pins_a_huge_page_is_seen_without_another_one)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_of(fixture, true);
	int pipe[2];

	if (!has_huge_pages(fixture, &file))
		skip();
	pin_page(fixture, &file, HUGE_PAGE + PAGE, pipe);
	order.no_huge_pages = true;
	assert_int_equal(check(fixture, &file), -ETIMEDOUT);
	close(pipe[0]);
	close(pipe[1]);
	assert_int_equal(check(fixture, &file), 0);
}

TEST(test_pool_file_pins_a_file_that_its_user_changed_is_looked_at_all_the_same)
{
	static const off_t sizes[] = { 0, 5000, SIZE - 5000, SIZE + HUGE_PAGE / 2, (off_t)1 << 62 };
	struct pool_fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct pool_file file = pool_of(fixture, true);
		int fd = pool_file_open(&fixture->dir, &file);

		assert_true(fd >= 0);
		assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, HUGE_PAGE, HUGE_PAGE), 0);
		assert_int_equal(ftruncate(fd, sizes[i]), 0);
		if (sizes[i] > (off_t)SIZE)
			assert_int_equal(pwrite(fd, "x", 1, sizes[i] - 1), 1);
		close(fd);
		assert_int_equal(check(fixture, &file), 0);
	}
}

/* As of a cold pool, or of one whose heap was released: its pages are not made huge ones all at once. */
TEST(test_pool_file_pins_a_sparse_file_takes_no_more_space_for_being_looked_at)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_of(fixture, false);
	int fd = pool_file_open(&fixture->dir, &file);
	struct stat before, after;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	for (size_t at = 0; at < SIZE; at += HUGE_PAGE)
		assert_int_equal(pwrite(fd, "x", 1, (off_t)at + 7 * (off_t)PAGE), 1);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	assert_int_equal(fstat(fd, &before), 0);
	close(fd);
	assert_int_equal(check(fixture, &file), 0);
	fd = pool_file_open(&fixture->dir, &file);
	assert_int_equal(fstat(fd, &after), 0);
	close(fd);
	assert_true(after.st_blocks <= before.st_blocks);
}

/* As in a scrub: what somebody still has is not touched. */
TEST(test_pool_file_pins_a_pool_that_is_in_use_is_left_alone)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_of(fixture, true);
	char *base = map_pool(fixture, &file);

	assert_int_equal(check(fixture, &file), -EAGAIN);
	for (size_t at = PAGE; at < SIZE; at += PAGE)
		assert_int_equal(base[at], 1);
	munmap(base, SIZE);
}

TEST(test_pool_file_pins_looking_can_be_cancelled)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_of(fixture, true);
	atomic_bool cancel = false;

	if (!pool_file_has_huge_pages()) {
		fprintf(stderr, "skipped: with larger pages nothing is collapsed here\n");
		skip();
	}
	order.collapses = 0;
	order.cancel = &cancel;
	assert_int_equal(pool_file_check_pins(&fixture->dir, &file, false, &cancel, &fixture->error), -ECANCELED);
	assert_int_equal(order.collapses, 3);
}

TEST_IN(test_pool_file_pins_nothing_is_touched_where_nothing_can_be_seen, DISK)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, SIZE, POOL_FILE_USED);
	char *base = map_pool(fixture, &file);

	munmap(base, SIZE);
	assert_int_equal(check(fixture, &file), 0);
	base = map_pool(fixture, &file);
	assert_int_equal(memcmp(base, "VMMPOOL", 8), 0);
	munmap(base, SIZE);
}
