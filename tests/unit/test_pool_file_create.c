/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pool_file_create -- what a new pool is, and that nothing is left of one that could not be made. */
/* objects: vmmallocd/files/ vmmallocd/base/ vmmallocd/plan/ common/base/ common/util/ */
/* wrap: fallocate fsync linkat open openat fstat getrlimit */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/faults.h"
#include "tests/unit/pool_fixture.h"
#include "tests/unit/test.h"
#include "vmmallocd/files/internal.h"

/* --- failures to order --- */

static struct {
	rlim_t file_limit;
	atomic_bool *cancel;     /* set when the second fallocate comes */
	size_t names_at_fallocate;
	const char *directory;   /* whose names are counted there */
} order;

int __real_fallocate(int fd, int mode, off_t offset, off_t length);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t length)
{
	if (order.directory)
		order.names_at_fallocate = scratch_entries(order.directory);
	if (order.cancel && faults_calls("fallocate") == 1)
		atomic_store(order.cancel, true);
	return faults_strike_errno("fallocate") ? -1 : __real_fallocate(fd, mode, offset, length);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list args;

	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	if (strstr(path, "boot_id") && faults_strike_errno("open boot_id"))
		return -1;
	return __real_open(path, flags, mode);
}

int __real_getrlimit(__rlimit_resource_t resource, struct rlimit *limit);
int __wrap_getrlimit(__rlimit_resource_t resource, struct rlimit *limit)
{
	int r = __real_getrlimit(resource, limit);

	if (resource == RLIMIT_FSIZE && order.file_limit)
		limit->rlim_cur = order.file_limit;
	return r;
}

static int setup(void **state)
{
	memset(&order, 0, sizeof(order));
	return pool_fixture_setup(state);
}

TEST_FIXTURE(setup, pool_fixture_teardown);

static int setup_small(void **state)
{
	memset(&order, 0, sizeof(order));
	return pool_fixture_setup_small(state);
}

/* --- what a new pool is --- */

TEST_ALSO_IN(test_pool_file_create_makes_a_whole_pool, DISK)
{
	struct pool_fixture *fixture = *state;
	struct pool_header header;
	struct pool_file file;
	struct stat st;

	if (pool_file_create(&fixture->dir, "warm-1", 20 * MIB, NULL, &file, &fixture->error) < 0)
		fail_msg("%s", fixture->error_text);
	assert_int_equal(file.mark, POOL_FILE_NEW);
	assert_int_equal(file.size_bytes, 20 * MIB);
	assert_int_equal(stat(pool_fixture_path(fixture, &file), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(st.st_size, 20 * MIB);
	assert_int_equal(st.st_dev, file.dev);
	assert_int_equal(st.st_ino, file.ino);
	assert_true((size_t)st.st_blocks * 512 >= 20 * MIB);
	assert_true(pool_fixture_reads_zero(fixture, &file));
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);

	assert_int_equal(pool_file_read_header(&fixture->dir, &file, &header), 0);
	assert_int_equal(header.version, POOL_HEADER_VERSION);
	assert_int_equal(header.pool_bytes, 20 * MIB);
	assert_int_equal(header.heap_offset, pool_file_page());
	assert_int_equal(header.reserved_bytes, 20 * MIB);
	assert_int_equal(header.owner_pid, 0);
	assert_int_equal(header.used_bytes, 0);
	assert_memory_equal(header.pool_id, file.id, sizeof(file.id));
	assert_string_equal(header.class_name, "warm-1");
	assert_true(pool_file_header_is_of_this_boot(&header));
}

TEST_ALSO_IN(test_pool_file_create_cold_makes_a_sparse_pool, DISK)
{
	struct pool_fixture *fixture = *state;
	struct pool_header header;
	struct pool_file file;
	struct stat st;

	if (pool_file_create_cold(&fixture->dir, "cold-1", 1024 * MIB, &file, &fixture->error) < 0)
		fail_msg("%s", fixture->error_text);
	/* whoever finds it after a crash, an older daemon too, must not take it for a ready one */
	assert_int_equal(file.mark, POOL_FILE_NEW);
	assert_int_equal(pool_file_check(&fixture->dir, &file), 0);
	assert_int_equal(stat(pool_fixture_path(fixture, &file), &st), 0);
	assert_int_equal(st.st_size, 1024 * MIB);
	assert_true((size_t)st.st_blocks * 512 <= 2 * MIB + 64 * 1024);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);
	assert_int_equal(pool_file_read_header(&fixture->dir, &file, &header), 0);
	assert_int_equal(header.pool_bytes, 1024 * MIB);
	assert_true(header.reserved_bytes >= 4096 && header.reserved_bytes <= 2 * MIB);
	assert_memory_equal(header.pool_id, file.id, sizeof(file.id));
	assert_string_equal(header.class_name, "cold-1");
	assert_true(pool_file_header_is_of_this_boot(&header));
}

/* Whatever call fails, nothing is left, and the error is said. */
TEST(test_pool_file_create_cold_that_fails_leaves_nothing)
{
	static const char *const calls[] = { "openat", "fstat", "fallocate", "linkat" };
	struct pool_fixture *fixture = *state;
	struct pool_file file;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		fixture->error.length = 0;
		faults_order(calls[i], 0, 1, EDQUOT);
		assert_int_equal(pool_file_create_cold(&fixture->dir, "a", MIB, &file, &fixture->error), -EDQUOT);
		assert_non_null(strstr(fixture->error_text, "Disk quota exceeded"));
		assert_int_equal(scratch_entries(fixture->path), 0);
	}
	assert_int_equal(pool_file_create_cold(&fixture->dir, "a", MIB, &file, &fixture->error), 0);
}

TEST(test_pool_file_create_does_as_it_likes_with_the_umask)
{
	struct pool_fixture *fixture = *state;
	struct stat st;

	umask(0777);
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_NEW);
	umask(0);
	assert_int_equal(stat(pool_fixture_path(fixture, &file), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

TEST(test_pool_file_create_gives_each_its_own_id)
{
	struct pool_fixture *fixture = *state;
	struct pool_file a = pool_fixture_make(fixture, MIB, POOL_FILE_NEW);
	struct pool_file b = pool_fixture_make(fixture, MIB, POOL_FILE_NEW);

	assert_memory_not_equal(a.id, b.id, sizeof(a.id));
	/* that names its file, and no other */
	assert_true(pool_file_id_is_of(a.id, a.ino) && pool_file_id_is_of(b.id, b.ino));
	assert_false(pool_file_id_is_of(a.id, b.ino) || pool_file_id_is_of(b.id, a.ino));
	assert_int_equal(scratch_entries(fixture->path), 2);
}

TEST(test_pool_file_create_rounds_up_to_the_grain)
{
	struct pool_fixture *fixture = *state;

	assert_int_equal(pool_fixture_make(fixture, MIB + 1, POOL_FILE_NEW).size_bytes, MIB + pool_file_page());
}

TEST(test_pool_file_create_names_the_file_only_when_it_is_whole)
{
	struct pool_fixture *fixture = *state;

	order.directory = fixture->path;
	order.names_at_fallocate = 99;
	pool_fixture_make(fixture, MIB, POOL_FILE_NEW);
	assert_int_equal(order.names_at_fallocate, 0);
	assert_int_equal(scratch_entries(fixture->path), 1);
}

TEST(test_pool_file_create_goes_on_after_a_signal)
{
	struct pool_fixture *fixture = *state;

	faults_order("fallocate", 0, 3, EINTR);
	assert_int_equal(pool_fixture_make(fixture, MIB, POOL_FILE_NEW).size_bytes, MIB);
}

/* --- nothing is left --- */

static void assert_create_fails(struct pool_fixture *fixture, uint64_t bytes, int error, const char *words)
{
	size_t descriptors = scratch_entries("/proc/self/fd"), names = scratch_entries(fixture->path);
	struct pool_file file = { .size_bytes = 42 };

	assert_int_equal(pool_file_create(&fixture->dir, "small", bytes, NULL, &file, &fixture->error), error);
	assert_non_null(strstr(fixture->error_text, words));
	assert_non_null(strstr(fixture->error_text, fixture->path));
	assert_int_equal(file.size_bytes, 42);
	assert_int_equal(scratch_entries(fixture->path), names);
	assert_int_equal(scratch_entries("/proc/self/fd"), descriptors);
}

TEST(test_pool_file_create_refuses_sizes_that_no_file_has)
{
	struct pool_fixture *fixture = *state;

	assert_create_fails(fixture, 0, -EINVAL, "size of a pool");
	assert_create_fails(fixture, UINT64_MAX, -EFBIG, "File too large");
	assert_create_fails(fixture, (uint64_t)INT64_MAX + 1, -EFBIG, "File too large");
	order.file_limit = MIB;
	assert_create_fails(fixture, MIB + 1, -EFBIG, "ulimit -f");
}

TEST_WITH(test_pool_file_create_fails_where_there_is_no_space, setup_small, pool_fixture_teardown)
{
	struct pool_fixture *fixture = *state;

	if (!fixture->mounted)
		skip();
	assert_create_fails(fixture, 64 * MIB, -ENOSPC, "reservation of space: No space left on device");
	/* nor was it taken from others meanwhile */
	assert_int_equal(faults_calls("fallocate"), 0);
	pool_fixture_make(fixture, 7 * MIB, POOL_FILE_READY);
	assert_create_fails(fixture, 2 * MIB, -ENOSPC, "No space left on device");
}

TEST(test_pool_file_create_fails_at_every_step)
{
	struct pool_fixture *fixture = *state;

	for (int step = 0; step < 2; step++) {
		faults_order("fallocate", step, FAULTS_ALWAYS, EIO);
		assert_create_fails(fixture, 20 * MIB, -EIO, "reservation of space");
	}
	faults_clear();
	faults_order("fsync", 0, 1, EIO);
	assert_create_fails(fixture, MIB, -EIO, "sync: Input/output error");
	faults_order("fsync", 1, 1, EIO);
	assert_create_fails(fixture, MIB, -EIO, "name: Input/output error");
	faults_order("linkat", 0, 1, EDQUOT);
	assert_create_fails(fixture, MIB, -EDQUOT, "name: Disk quota exceeded");
	faults_order("open boot_id", 0, 1, EACCES);
	assert_create_fails(fixture, MIB, -EACCES, "header: Permission denied");
}

TEST(test_pool_file_create_refuses_a_class_name_that_does_not_fit)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file;
	char name[65];

	memset(name, 'a', sizeof(name));
	name[64] = '\0';
	assert_int_equal(pool_file_create(&fixture->dir, name, MIB, NULL, &file, &fixture->error), -EINVAL);
	name[63] = '\0';
	assert_int_equal(pool_file_create(&fixture->dir, name, MIB, NULL, &file, &fixture->error), 0);
	assert_int_equal(scratch_entries(fixture->path), 1);
}

TEST(test_pool_file_create_can_be_cancelled)
{
	struct pool_fixture *fixture = *state;
	atomic_bool cancel = true;
	struct pool_file file;

	assert_int_equal(pool_file_create(&fixture->dir, "small", MIB, &cancel, &file, &fixture->error), -ECANCELED);
	assert_int_equal(faults_calls("fallocate"), 0);
	atomic_store(&cancel, false);
	order.cancel = &cancel;
	assert_int_equal(pool_file_create(&fixture->dir, "small", 64 * MIB, &cancel, &file, &fixture->error),
			 -ECANCELED);
	assert_int_equal(faults_calls("fallocate"), 2);
	assert_int_equal(scratch_entries(fixture->path), 0);
}

/* --- other file systems --- */

TEST_WITH(test_pool_file_create_on_hugetlbfs_fills_whole_huge_pages_or_says_no_space,
	  setup_small, pool_fixture_teardown)
{
	struct pool_fixture *fixture = *state;
	struct pool_header header;
	struct pool_dir dir;
	struct pool_file file;
	int r;

	if (!fixture->mounted || mount("none", fixture->path, "hugetlbfs", 0, "mode=0700") < 0) {
		print_message("skipped: a hugetlbfs cannot be mounted\n");
		skip();
	}
	assert_int_equal(pool_dir_open(fixture->path, &dir, &fixture->error), 0);
	assert_true(dir.grain >= 2 * MIB);
	assert_false(dir.tmpfs);
	r = pool_file_create(&dir, "huge", dir.grain + 1, NULL, &file, &fixture->error);
	if (r == 0) {
		assert_int_equal(file.size_bytes, 2 * dir.grain);
		assert_int_equal(pool_file_read_header(&dir, &file, &header), 0);
		assert_int_equal(header.heap_offset, dir.grain);
		assert_int_equal(pool_dir_self_test(&dir, &fixture->error), 0);
		assert_int_equal(pool_file_destroy(&dir, &file), 0);
	} else {
		/* no huge pages were set aside on this machine */
		assert_int_equal(r, -ENOSPC);
	}
	assert_int_equal(scratch_entries(fixture->path), 0);
	pool_dir_close(&dir);
	assert_int_equal(umount2(fixture->path, MNT_DETACH), 0);
}
