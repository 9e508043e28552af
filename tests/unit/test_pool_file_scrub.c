/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_pool_file_scrub -- hostile last users, and whether anything of them or for them is left.
 *
 * DAX is played: statx() says that the file is on it, and fallocate() waits for a pin as the kernel would there.
 */
/* objects: vmmallocd/files/ vmmallocd/base/ vmmallocd/plan/ common/base/ common/util/ */
/* wrap: fallocate ftruncate madvise statx */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/unit/faults.h"
#include "tests/unit/pool_fixture.h"
#include "tests/unit/test.h"
#include "vmmallocd/files/internal.h"

#define SIZE (4 * MIB)
#define TIMEOUT_MS 5000
#define SHORT_TIMEOUT_MS 150

/* --- failures to order --- */

static struct {
	atomic_int pinned;           /* so many calls that would free pages wait until a signal ends them */
	atomic_bool *cancel;         /* set by such a call */
	const char *name;            /* of the file: whether it is mapped while it is punched */
	bool mapped;
	off_t punched_to, least_punched_from;
	size_t populated_bytes, populated_most;   /* at a time */
} order;

static int wait_for_the_pin(void)
{
	order.pinned--;
	if (order.cancel)
		atomic_store(order.cancel, true);
	/* much longer than any deadline here: a signal that is lost shows */
	if (poll(NULL, 0, 30000) == 0)
		fail_msg("no signal came");
	return -1;
}

int __real_fallocate(int fd, int mode, off_t offset, off_t length);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t length)
{
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (order.pinned > 0)
			return wait_for_the_pin();
		if (order.name)
			order.mapped = scratch_maps_have(order.name);
		if (offset < order.least_punched_from)
			order.least_punched_from = offset;
		order.punched_to = offset + length;
	} else if (faults_strike_errno("reserve")) {
		return -1;
	}
	return __real_fallocate(fd, mode, offset, length);
}

int __real_madvise(void *address, size_t bytes, int advice);
int __wrap_madvise(void *address, size_t bytes, int advice)
{
	if (advice == MADV_POPULATE_READ) {
		if (faults_strike_errno("populate"))
			return -1;
		order.populated_bytes += bytes;
		order.populated_most = bytes > order.populated_most ? bytes : order.populated_most;
	}
	return __real_madvise(address, bytes, advice);
}

int __real_ftruncate(int fd, off_t bytes);
int __wrap_ftruncate(int fd, off_t bytes)
{
	return bytes == 0 && order.pinned > 0 ? wait_for_the_pin() : __real_ftruncate(fd, bytes);
}

static int setup(void **state)
{
	memset(&order, 0, sizeof(order));
	order.least_punched_from = LONG_MAX;
	return pool_fixture_setup(state);
}

TEST_FIXTURE(setup, pool_fixture_teardown);

static int setup_small(void **state)
{
	memset(&order, 0, sizeof(order));
	return pool_fixture_setup_small(state);
}

/* --- used pools --- */

/* A pool that had a client, which filled it with that byte and went. */
static struct pool_file used_pool(struct pool_fixture *fixture, char byte)
{
	struct pool_file file = pool_fixture_make(fixture, SIZE, POOL_FILE_USED);
	int fd = pool_file_open(&fixture->dir, &file);
	char *base = pool_fixture_map(fd, 0, SIZE);

	memset(base, byte, SIZE);
	munmap(base, SIZE);
	close(fd);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);
	return file;
}

static int scrub(struct pool_fixture *fixture, struct pool_file *file, unsigned timeout_ms)
{
	return pool_file_scrub(&fixture->dir, file, "small", SIZE, timeout_ms, NULL, &fixture->error);
}

/* As good as new: size, space, mode, header, zeros, and nobody has it. */
static void assert_scrubbed(struct pool_fixture *fixture, struct pool_file *file)
{
	struct pool_header header;
	struct stat st;

	if (scrub(fixture, file, TIMEOUT_MS) < 0)
		fail_msg("%s", fixture->error_text);
	assert_int_equal(file->size_bytes, SIZE);
	assert_int_equal(stat(pool_fixture_path(fixture, file), &st), 0);
	assert_int_equal(st.st_size, SIZE);
	assert_uint_in_range(st.st_blocks * 512, SIZE, SIZE + MIB);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_true(pool_fixture_reads_zero(fixture, file));
	assert_int_equal(pool_file_read_header(&fixture->dir, file, &header), 0);
	assert_int_equal(header.pool_bytes, SIZE);
	assert_int_equal(header.owner_pid, 0);
	assert_int_equal(header.peak_bytes, 0);
	assert_string_equal(header.class_name, "small");
	assert_memory_equal(header.pool_id, file->id, sizeof(file->id));
	assert_true(pool_file_header_is_of_this_boot(&header));
	assert_int_equal(pool_file_probe(&fixture->dir, file), 0);
}

static int open_used(struct pool_fixture *fixture, const struct pool_file *file)
{
	int fd = pool_file_open(&fixture->dir, file);

	assert_true(fd >= 0);
	return fd;
}

TEST_ALSO_IN(test_pool_file_scrub_leaves_zeros, DISK)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');
	size_t descriptors = scratch_entries("/proc/self/fd");

	assert_scrubbed(fixture, &file);
	assert_int_equal(scratch_entries("/proc/self/fd"), descriptors);
	assert_int_equal(scratch_entries(fixture->path), 1);
}

static int policy_of(void *page)
{
	int mode = -1;

	assert_int_equal(syscall(SYS_get_mempolicy, &mode, NULL, 0, page, MPOL_F_ADDR), 0);
	return mode;
}

TEST(test_pool_file_scrub_leaves_no_memory_policy)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');
	const unsigned long first_node = 1;
	int fd = open_used(fixture, &file);
	char *base = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int fresh;

	assert_ptr_not_equal(base, MAP_FAILED);
	fresh = policy_of(base + SIZE / 2);
	if (syscall(SYS_mbind, base + SIZE / 2, MIB, MPOL_BIND, &first_node, 64, 0) < 0)
		skip();
	(void)munmap(base, SIZE);
	(void)close(fd);
	assert_int_equal(scrub(fixture, &file, TIMEOUT_MS), 0);

	fd = open_used(fixture, &file);
	base = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(base, MAP_FAILED);
	for (size_t at = 0; at < SIZE; at += MIB / 2)
		assert_int_equal(policy_of(base + at), fresh);
	(void)munmap(base, SIZE);
	(void)close(fd);
}

TEST_ALSO_IN(test_pool_file_scrub_brings_a_truncated_file_back, DISK)
{
	struct pool_fixture *fixture = *state;
	const off_t sizes[] = { 0, 1, 4095, 4096, SIZE / 2 + 1, SIZE - 1 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct pool_file file = used_pool(fixture, 'S');

		assert_int_equal(truncate(pool_fixture_path(fixture, &file), sizes[i]), 0);
		assert_scrubbed(fixture, &file);
		assert_int_equal(pool_file_destroy(&fixture->dir, &file), 0);
	}
}

TEST_ALSO_IN(test_pool_file_scrub_brings_an_extended_file_back, DISK)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');
	int fd = open_used(fixture, &file);

	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	assert_int_equal(pwrite(fd, "far", 3, ((off_t)1 << 40) - 3), 3);
	/* and space that no size tells of */
	assert_int_equal(__real_fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)1 << 40, 2 * MIB), 0);
	close(fd);
	assert_scrubbed(fixture, &file);
}

TEST_ALSO_IN(test_pool_file_scrub_fills_a_punched_file, DISK)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');
	int fd = open_used(fixture, &file);

	assert_int_equal(__real_fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE / 2), 0);
	close(fd);
	assert_scrubbed(fixture, &file);
}

TEST(test_pool_file_scrub_makes_pools_of_another_size_when_the_class_has_changed)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');

	assert_int_equal(pool_file_scrub(&fixture->dir, &file, "other", 2 * SIZE - 1, TIMEOUT_MS, NULL,
					 &fixture->error), 0);
	assert_int_equal(file.size_bytes, 2 * SIZE);
	assert_true(pool_fixture_reads_zero(fixture, &file));
}

/* --- files that are not touched --- */

static void assert_not_touched(struct pool_fixture *fixture, struct pool_file *file, int error, const char *words)
{
	char byte = 0;
	int fd;

	assert_int_equal(scrub(fixture, file, SHORT_TIMEOUT_MS), error);
	assert_non_null(strstr(fixture->error_text, words));
	fd = open(pool_fixture_path(fixture, file), O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, &byte, 1, 8192), 1);
	close(fd);
	assert_int_equal(byte, 'S');
}

TEST(test_pool_file_scrub_refuses_a_file_with_another_link)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');

	assert_int_equal(linkat(AT_FDCWD, pool_fixture_path(fixture, &file), fixture->dir.fd, "kept", 0), 0);
	assert_not_touched(fixture, &file, -EPERM, "its owner, mode or number of links is not what it was");
}

TEST(test_pool_file_scrub_refuses_a_file_whose_mode_was_changed)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');

	assert_int_equal(chmod(pool_fixture_path(fixture, &file), 0666), 0);
	assert_not_touched(fixture, &file, -EPERM, "its owner, mode or number of links is not what it was");
}

TEST(test_pool_file_scrub_refuses_a_file_of_another_owner)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');

	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(pool_fixture_path(fixture, &file), 1, -1), 0);
	assert_not_touched(fixture, &file, -EPERM, "its owner, mode or number of links is not what it was");
}

TEST(test_pool_file_scrub_refuses_another_file_in_its_place)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S'), other = used_pool(fixture, 'S');
	char from[SCRATCH_PATH + POOL_FILE_NAME_BYTES];

	strcpy(from, pool_fixture_path(fixture, &other));
	assert_int_equal(rename(from, pool_fixture_path(fixture, &file)), 0);
	assert_not_touched(fixture, &file, -ESTALE, "open: Stale file handle");
}

TEST(test_pool_file_scrub_refuses_a_link_in_its_place)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');
	char moved[SCRATCH_PATH + 8];

	snprintf(moved, sizeof(moved), "%s/moved", fixture->path);
	assert_int_equal(rename(pool_fixture_path(fixture, &file), moved), 0);
	assert_int_equal(symlink(moved, pool_fixture_path(fixture, &file)), 0);
	assert_not_touched(fixture, &file, -ESTALE, "open: Stale file handle");
}

TEST(test_pool_file_scrub_refuses_a_file_that_somebody_has)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');
	int fd = open_used(fixture, &file);
	char *base = pool_fixture_map(fd, 0, SIZE);

	close(fd);
	assert_not_touched(fixture, &file, -EAGAIN, "write lease");
	assert_int_equal(base[SIZE - 1], 'S');
	munmap(base, SIZE);
	assert_scrubbed(fixture, &file);
}

/* --- pinned pages --- */

/* Puts a page of the pool into a pipe without copying it, unmaps the pool and closes it. */
static void pin_and_go(struct pool_fixture *fixture, const struct pool_file *file, size_t offset, int pipe_end)
{
	int fd = open_used(fixture, file);
	char *base = pool_fixture_map(fd, 0, SIZE);
	struct iovec page = { base + offset, 4096 };

	memset(base + offset, 'S', 4096);
	assert_int_equal(vmsplice(pipe_end, &page, 1, 0), 4096);
	munmap(base, SIZE);
	close(fd);
}

static void assert_pin_reaches_nothing(struct pool_fixture *fixture, bool warm, size_t offset)
{
	struct pool_file file = pool_fixture_make(fixture, SIZE, POOL_FILE_USED);
	char page[4096], secret[4096];
	uint64_t huge_bytes;
	int ends[2], fd;

	memset(secret, 'N', sizeof(secret));
	assert_int_equal(pipe(ends), 0);
	if (warm)
		assert_int_equal(pool_file_warm(&fixture->dir, &file, NULL, &huge_bytes, &fixture->error), 0);
	pin_and_go(fixture, &file, offset, ends[1]);
	/* the pipe has the page, but neither the file nor the kernel's proof know of it */
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);

	assert_scrubbed(fixture, &file);
	fd = open_used(fixture, &file);
	char *base = pool_fixture_map(fd, 0, SIZE);
	for (size_t i = 0; i < SIZE; i += 4096)
		memcpy(base + i, secret, sizeof(secret));
	assert_int_equal(read(ends[0], page, sizeof(page)), sizeof(page));
	memset(secret, 'S', sizeof(secret));
	assert_memory_equal(page, secret, sizeof(page));
	munmap(base, SIZE);
	close(fd);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(pool_file_destroy(&fixture->dir, &file), 0);
}

TEST_ALSO_IN(test_pool_file_scrub_cuts_off_a_page_that_a_pipe_has_pinned, DISK)
{
	struct pool_fixture *fixture = *state;
	const size_t offsets[] = { 0, 4096, 2 * MIB, SIZE - 4096 };

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		assert_pin_reaches_nothing(fixture, false, offsets[i]);
		assert_pin_reaches_nothing(fixture, true, offsets[i]);
	}
}

TEST(test_pool_file_scrub_on_dax_punches_data_while_it_is_mapped)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');
	char name[POOL_FILE_NAME_BYTES];

	pool_file_name_format(&file, name);
	pool_fixture_on_dax = true;
	order.name = name;
	faults_order("populate", 3, 2, EINTR);
	assert_scrubbed(fixture, &file);
	assert_true(order.mapped);
	/* all of it, in spite of the signals, and never so much that others wait long for the lock of all mappings */
	assert_int_equal(order.populated_bytes, SIZE);
	assert_true(order.populated_most <= POOL_FILE_PIECE);
	assert_int_equal(order.least_punched_from, 0);
	assert_int_equal(order.punched_to, SIZE);
	assert_false(scratch_maps_have(name));
}

TEST(test_pool_file_scrub_on_dax_reaches_data_in_a_file_as_large_as_can_be)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');
	int fd = open_used(fixture, &file);

	pool_fixture_on_dax = true;
	/* ends within a page: punching half of it would zero it, and leave it where it is */
	assert_int_equal(ftruncate(fd, LONG_MAX - 4096 * 1000), 0);
	assert_int_equal(pwrite(fd, "far", 3, ((off_t)1 << 62) + 5), 3);
	assert_int_equal(ftruncate(fd, ((off_t)1 << 62) + 8), 0);
	close(fd);
	assert_scrubbed(fixture, &file);
	assert_int_equal(order.least_punched_from, 0);
	assert_int_equal(order.punched_to, ((off_t)1 << 62) + (off_t)pool_file_page());
}

TEST(test_pool_file_scrub_gives_up_on_a_page_that_stays_pinned)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');

	for (int dax = 0; dax <= 1; dax++) {
		pool_fixture_on_dax = dax;
		order.pinned = INT_MAX;
		assert_not_touched(fixture, &file, -ETIMEDOUT, "a page is pinned: Connection timed out");
	}
	/* and is done when it is tried again later */
	order.pinned = 0;
	assert_scrubbed(fixture, &file);
}

TEST(test_pool_file_scrub_waits_for_a_page_that_is_let_go_in_time)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');

	pool_fixture_on_dax = true;
	order.pinned = 3;
	assert_scrubbed(fixture, &file);
	assert_int_equal(order.pinned, 0);
}

TEST(test_pool_file_scrub_keeps_its_deadline_where_signals_are_blocked)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');
	sigset_t all, before, after;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pool_fixture_on_dax = true;
	order.pinned = INT_MAX;
	int r = scrub(fixture, &file, SHORT_TIMEOUT_MS);
	sigprocmask(SIG_SETMASK, &before, &after);
	assert_int_equal(r, -ETIMEDOUT);
	for (int signal = 1; signal <= SIGRTMAX; signal++)
		if (signal != SIGKILL && signal != SIGSTOP && (signal < 32 || signal >= SIGRTMIN))
			assert_int_equal(sigismember(&after, signal), 1);
}

struct job {
	struct pool_fixture *fixture;
	struct pool_file file;
	unsigned timeout_ms;
	int result;
};

static void *scrub_job(void *argument)
{
	struct job *job = argument;
	char words[512];
	struct text error = TEXT_INIT(words);

	job->result = pool_file_scrub(&job->fixture->dir, &job->file, "small", SIZE, job->timeout_ms, NULL, &error);
	return NULL;
}

TEST(test_pool_file_scrub_keeps_a_deadline_for_each_thread)
{
	struct job jobs[4];
	pthread_t threads[4];

	pool_fixture_on_dax = true;
	for (int i = 0; i < 4; i++)
		jobs[i] = (struct job){ .fixture = *state, .file = used_pool(*state, 'S'),
					.timeout_ms = 100 + 50 * (unsigned)i };
	order.pinned = INT_MAX;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, scrub_job, &jobs[i]), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(jobs[i].result, -ETIMEDOUT);
	}
	order.pinned = 0;
	for (int i = 0; i < 4; i++) {
		jobs[i].timeout_ms = TIMEOUT_MS;
		assert_int_equal(pthread_create(&threads[i], NULL, scrub_job, &jobs[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(jobs[i].result, 0);
		assert_true(pool_fixture_reads_zero(*state, &jobs[i].file));
	}
}

TEST(test_pool_file_scrub_can_be_cancelled_while_it_waits)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');
	atomic_bool cancel = false;

	pool_fixture_on_dax = true;
	order.pinned = INT_MAX;
	order.cancel = &cancel;
	assert_int_equal(pool_file_scrub(&fixture->dir, &file, "small", SIZE, 3600000, &cancel, &fixture->error),
			 -ECANCELED);
}

TEST(test_pool_file_destroy_on_dax_keeps_a_used_pool_with_a_pinned_page)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');

	fixture->dir.dax = pool_fixture_on_dax = true;
	order.pinned = INT_MAX;
	assert_int_equal(pool_file_destroy(&fixture->dir, &file), -ETIMEDOUT);
	assert_int_equal(scratch_entries(fixture->path), 1);
	order.pinned = 0;
	int fd = open_used(fixture, &file);
	assert_int_equal(pool_file_destroy(&fixture->dir, &file), -EAGAIN);
	close(fd);
	assert_int_equal(pool_file_destroy(&fixture->dir, &file), 0);
	assert_int_equal(scratch_entries(fixture->path), 0);
}

/* --- no space --- */

TEST_WITH(test_pool_file_scrub_says_that_there_is_no_space, setup_small, pool_fixture_teardown)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file;
	int fd;

	if (!fixture->mounted)
		skip();
	file = used_pool(fixture, 'S');
	assert_int_equal(truncate(pool_fixture_path(fixture, &file), 0), 0);
	fd = openat(fixture->dir.fd, "filler", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(__real_fallocate(fd, 0, 0, 6 * MIB), 0);
	close(fd);
	assert_int_equal(scrub(fixture, &file, TIMEOUT_MS), -ENOSPC);
	assert_non_null(strstr(fixture->error_text, "reservation of space: No space left on device"));
	assert_int_equal(pool_file_destroy(&fixture->dir, &file), 0);
	assert_int_equal(unlinkat(fixture->dir.fd, "filler", 0), 0);
	file = used_pool(fixture, 'S');
	assert_scrubbed(fixture, &file);
}

/* What the pool had is free when it is filled again, also where its last user holds a page: see fill.c, lacks_space. */
TEST_WITH(test_pool_file_scrub_needs_no_space_but_what_the_pool_had, setup_small, pool_fixture_teardown)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file;
	int ends[2], fd;

	if (!fixture->mounted)
		skip();
	file = used_pool(fixture, 'S');
	fd = openat(fixture->dir.fd, "filler", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(__real_fallocate(fd, 0, 0, 8 * MIB - SIZE), 0);
	assert_int_equal(__real_fallocate(fd, 0, 8 * MIB - SIZE, 4096), -1);
	close(fd);
	assert_scrubbed(fixture, &file);
	assert_int_equal(pipe(ends), 0);
	pin_and_go(fixture, &file, SIZE / 2, ends[1]);
	assert_scrubbed(fixture, &file);
	/* as on DAX, where holes are punched first */
	pool_fixture_on_dax = true;
	assert_scrubbed(fixture, &file);
	close(ends[0]);
	close(ends[1]);
}

TEST(test_pool_file_scrub_passes_errors_of_the_reservation_on)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = used_pool(fixture, 'S');

	faults_order("reserve", 0, FAULTS_ALWAYS, EIO);
	assert_int_equal(scrub(fixture, &file, TIMEOUT_MS), -EIO);
	faults_clear();
	assert_scrubbed(fixture, &file);
}
