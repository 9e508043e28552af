/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pool_file_warm -- what a client of a warm pool no longer has to wait for. */
/* objects: vmmallocd/files/ vmmallocd/base/ vmmallocd/plan/ common/base/ common/util/ */
/* wrap: madvise statx sysconf */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/pool_fixture.h"
#include "tests/unit/test.h"
#include "vmmallocd/files/internal.h"

#define HUGE_PAGE (2 * MIB)

/* --- failures to order --- */

static struct {
	int collapse_error, populate_error, interruptions;
	size_t pieces, collapses, populated_bytes, populated_most;   /* at a time */
	bool old_kernel;
	char *populated;
	atomic_bool *cancel;     /* set by the third piece that is warmed */
} order;

static void count_piece(void)
{
	if (++order.pieces == 3 && order.cancel)
		atomic_store(order.cancel, true);
}

int __real_madvise(void *address, size_t bytes, int advice);
int __wrap_madvise(void *address, size_t bytes, int advice)
{
	int error = 0;

	if (advice == 25) {
		/* Linux 6.1: where nothing is mapped there is nothing to collapse */
		error = order.old_kernel && order.populated != address ? EINVAL : order.collapse_error;
		order.collapses++;
		count_piece();
	} else if (advice == MADV_POPULATE_WRITE) {
		error = order.interruptions-- > 0 ? EINTR : order.populate_error;
		order.populated = error ? NULL : address;
		/* not the touch before a collapse */
		order.populated_bytes += error || bytes == 1 ? 0 : bytes;
		order.populated_most = bytes > order.populated_most ? bytes : order.populated_most;
		if (!pool_file_has_huge_pages() && (uintptr_t)address % HUGE_PAGE == 0)
			count_piece();
	}
	if (error) {
		errno = error;
		return -1;
	}
	return __real_madvise(address, bytes, advice);
}

static int setup(void **state)
{
	memset(&order, 0, sizeof(order));
	return pool_fixture_setup(state);
}

TEST_FIXTURE(setup, pool_fixture_teardown);

static uint64_t warm(struct pool_fixture *fixture, const struct pool_file *file)
{
	uint64_t huge_bytes = 42;

	if (pool_file_warm(&fixture->dir, file, NULL, &huge_bytes, &fixture->error) < 0)
		fail_msg("%s", fixture->error_text);
	return huge_bytes;
}

/* A pool of small pages: where huge ones can be had, it would be made of them. */
static struct pool_file make_small(struct pool_fixture *fixture, size_t bytes)
{
	struct pool_file file;

	order.collapse_error = ENOMEM;
	file = pool_fixture_make(fixture, bytes, POOL_FILE_NEW);
	order.collapse_error = 0;
	order.collapses = order.pieces = 0;
	return file;
}

/* --- page faults of a process that touches every page for the first time --- */

/* The sanitizer's own memory would be touched with ours, and counted. */
__attribute__((no_sanitize("address", "undefined"))) static long count_faults(volatile char *base, size_t bytes)
{
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	for (size_t i = 0; i < bytes; i += 4096)
		base[i] = 1;
	getrusage(RUSAGE_SELF, &after);
	return after.ru_minflt - before.ru_minflt;
}

static long faults_of_a_client(const struct pool_fixture *fixture, const struct pool_file *file)
{
	int ends[2];
	long faults = -1;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		int fd = pool_file_open(&fixture->dir, file);
		char *room = mmap(NULL, file->size_bytes + HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		char *base = room + (-(uintptr_t)room & (HUGE_PAGE - 1));

		if (mmap(base, file->size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == base)
			faults = count_faults(base, file->size_bytes);
		_exit(write(ends[1], &faults, sizeof(faults)) != sizeof(faults));
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &faults, sizeof(faults)), sizeof(faults));
	close(ends[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(faults >= 0);
	return faults;
}

/* Who has stepped back must not keep the lock of all mappings for long. */
TEST(test_pool_file_warm_brings_in_little_at_a_time)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = make_small(fixture, 16 * MIB);

	order.collapse_error = ENOMEM;
	order.populated_bytes = order.populated_most = 0;
	(void)warm(fixture, &file);
	assert_int_equal(order.populated_bytes, 16 * MIB);
	assert_true(order.populated_most <= POOL_FILE_PIECE);
}

TEST(test_pool_file_warm_saves_the_client_its_page_faults)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = make_small(fixture, 64 * MIB);
	uint64_t huge_bytes = warm(fixture, &file);

	assert_true(pool_fixture_reads_zero(fixture, &file));
	if (huge_bytes < 64 * MIB) {
		print_message("skipped: only %lu of 64 MiB could be collapsed here\n", huge_bytes >> 20);
		skip();
	}
	assert_uint_in_range(faults_of_a_client(fixture, &file), 1, 99);
}

TEST(test_pool_file_warm_collapses_also_where_the_kernel_wants_a_mapped_page)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, 16 * MIB, POOL_FILE_NEW);
	uint64_t huge_bytes = warm(fixture, &file);

	order.old_kernel = true;
	file = pool_fixture_make(fixture, 16 * MIB, POOL_FILE_NEW);
	assert_int_equal(warm(fixture, &file), huge_bytes);
}

TEST(test_pool_file_that_is_not_warm_costs_a_fault_a_page)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = make_small(fixture, 16 * MIB);

	/* so that the test above says something; a file system mounted huge=always has nothing to gain */
	if (faults_of_a_client(fixture, &file) < 100)
		skip();
	struct pool_file other = make_small(fixture, 16 * MIB);
	if (warm(fixture, &other) == 16 * MIB)
		assert_true(faults_of_a_client(fixture, &other) < faults_of_a_client(fixture, &file));
}

TEST(test_pool_file_create_takes_huge_pages_at_once)
{
	struct pool_fixture *fixture = *state;
	struct pool_file small = make_small(fixture, 16 * MIB),
			 file = pool_fixture_make(fixture, 17 * MIB, POOL_FILE_NEW);
	bool can_be_had = warm(fixture, &small) == 16 * MIB;
	struct stat st;

	assert_true(pool_fixture_reads_zero(fixture, &file));
	assert_int_equal(stat(pool_fixture_path(fixture, &file), &st), 0);
	assert_int_equal(st.st_blocks * 512, 17 * MIB);
	if (!can_be_had)
		skip();
	/* 256 small pages are behind the last huge one */
	assert_uint_in_range(faults_of_a_client(fixture, &file), 1, 355);
}

TEST(test_pool_file_create_has_all_its_space_without_huge_pages)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = make_small(fixture, 5 * MIB);
	struct stat st;

	assert_int_equal(stat(pool_fixture_path(fixture, &file), &st), 0);
	assert_int_equal(st.st_blocks * 512, 5 * MIB);
	assert_true(pool_fixture_reads_zero(fixture, &file));
}

/* --- what can be in the way --- */

TEST(test_pool_file_warm_keeps_the_header)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = make_small(fixture, 4 * MIB);
	struct pool_header header;

	warm(fixture, &file);
	assert_int_equal(pool_file_read_header(&fixture->dir, &file, &header), 0);
	assert_memory_equal(header.pool_id, file.id, sizeof(file.id));
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);
}

TEST(test_pool_file_warm_leaves_what_cannot_be_collapsed)
{
	struct pool_fixture *fixture = *state;
	const int errors[] = { EINVAL, ENOMEM, EBUSY, EAGAIN };

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct pool_file file = pool_fixture_make(fixture, 8 * MIB, POOL_FILE_NEW);

		order.collapse_error = errors[i];
		order.populated_bytes = 0;
		assert_int_equal(warm(fixture, &file), 0);
		assert_int_equal(order.populated_bytes, 8 * MIB);
		assert_true(pool_fixture_reads_zero(fixture, &file));
		assert_int_equal(pool_file_destroy(&fixture->dir, &file), 0);
	}
}

TEST(test_pool_file_warm_fills_the_rest_behind_the_last_huge_page)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = make_small(fixture, 5 * MIB);

	assert_true(warm(fixture, &file) <= 4 * MIB);
	assert_true(order.populated_bytes >= MIB);
	assert_int_equal(order.collapses, pool_file_has_huge_pages() ? 2 : 0);
}

/* There the kernel says of a part of a huge page that it has collapsed all of what it has not looked at. */
TEST(test_pool_file_warm_brings_in_all_pages_where_huge_ones_are_larger)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file;

	pool_fixture_page = 16384;
	file = pool_fixture_make(fixture, 8 * MIB, POOL_FILE_NEW);
	assert_int_equal(warm(fixture, &file), 0);
	assert_int_equal(order.collapses, 0);
	assert_int_equal(order.populated_bytes, 8 * MIB);
}

TEST(test_pool_file_warm_goes_on_after_a_signal)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_NEW);

	order.interruptions = 3;
	assert_int_equal(warm(fixture, &file), 0);
	assert_int_equal(order.populated_bytes, MIB);
}

TEST(test_pool_file_warm_fails_where_pages_do_not_come)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_NEW);
	uint64_t huge_bytes = 42;

	order.populate_error = EFAULT;
	assert_int_equal(pool_file_warm(&fixture->dir, &file, NULL, &huge_bytes, &fixture->error), -ENOSPC);
	assert_non_null(strstr(fixture->error_text, ".new: warming: No space left on device"));
	order.populate_error = EHWPOISON;
	assert_int_equal(pool_file_warm(&fixture->dir, &file, NULL, &huge_bytes, &fixture->error), -EHWPOISON);
	assert_int_equal(huge_bytes, 42);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);
}

TEST(test_pool_file_warm_can_be_cancelled)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = make_small(fixture, 16 * MIB);
	atomic_bool cancel = false;
	uint64_t huge_bytes;

	order.cancel = &cancel;
	assert_int_equal(pool_file_warm(&fixture->dir, &file, &cancel, &huge_bytes, &fixture->error), -ECANCELED);
	assert_int_equal(order.pieces, 3);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);
}

TEST(test_pool_file_warm_refuses_another_file)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_NEW);
	uint64_t huge_bytes;

	file.ino++;
	assert_int_equal(pool_file_warm(&fixture->dir, &file, NULL, &huge_bytes, &fixture->error), -ESTALE);
}

TEST_IN(test_pool_file_warm_does_nothing_on_a_disk, DISK)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = make_small(fixture, 4 * MIB);

	assert_int_equal(warm(fixture, &file), 0);
	assert_int_equal(order.collapses, 0);
	assert_int_equal(order.populated_bytes, 0);
}

TEST_IN(test_pool_file_warm_writes_all_of_a_pool_on_dax_once, DISK)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = make_small(fixture, 5 * MIB);

	pool_fixture_on_dax = true;
	warm(fixture, &file);
	assert_int_equal(order.collapses, 0);
	assert_int_equal(order.populated_bytes, 5 * MIB);
	assert_true(pool_fixture_reads_zero(fixture, &file));
}
