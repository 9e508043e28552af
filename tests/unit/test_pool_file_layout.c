/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pool_file_layout -- which extents let a pool have 2 MiB pages, and what is said about those that do not. */
/* objects: vmmallocd/files/ vmmallocd/base/ vmmallocd/plan/ common/base/ common/util/ */
/* wrap: ioctl fstatfs open read sysconf */
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tests/unit/pool_fixture.h"
#include "tests/unit/test.h"

#define SIZE (8 * MIB)
#define SYSFS_FD 942  /* below 1,024, which is the most for many users */

/* --- a file system to order --- */

static struct {
	const struct fiemap_extent *extents;  /* what ioctl() says, if not NULL */
	size_t count;
	size_t at_a_time;                     /* at most, if not 0 */
	int ioctl_error;
	long type;                            /* what fstatfs() says, if not 0 */
	const char *start;                    /* of the partition, as sysfs says it */
} order;

static int answer_fiemap(struct fiemap *map)
{
	map->fm_mapped_extents = 0;
	for (size_t i = 0; i < order.count; i++) {
		const struct fiemap_extent *extent = &order.extents[i];

		if (extent->fe_logical + extent->fe_length <= map->fm_start)
			continue;
		if (map->fm_mapped_extents == map->fm_extent_count ||
		    (order.at_a_time && map->fm_mapped_extents == order.at_a_time))
			break;
		map->fm_extents[map->fm_mapped_extents++] = *extent;
	}
	return 0;
}

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (request == FS_IOC_FIEMAP && order.ioctl_error) {
		errno = order.ioctl_error;
		return -1;
	}
	if (request == FS_IOC_FIEMAP && order.extents)
		return answer_fiemap(argument);
	return __real_ioctl(fd, request, argument);
}

int __real_fstatfs(int fd, struct statfs *fs);
int __wrap_fstatfs(int fd, struct statfs *fs)
{
	int r = __real_fstatfs(fd, fs);

	if (order.type)
		fs->f_type = order.type;
	return r;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list args;

	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	if (order.start && strncmp(path, "/sys/dev/block/", 15) == 0)
		return dup2(STDIN_FILENO, SYSFS_FD);
	return __real_open(path, flags, mode);
}

ssize_t __real_read(int fd, void *data, size_t bytes);
ssize_t __wrap_read(int fd, void *data, size_t bytes)
{
	if (fd != SYSFS_FD)
		return __real_read(fd, data, bytes);
	memcpy(data, order.start, strlen(order.start));
	return (ssize_t)strlen(order.start);
}

static int setup(void **state)
{
	int r = pool_fixture_setup(state);

	memset(&order, 0, sizeof(order));
	order.start = "0\n";
	/* huge pages of 2 MiB, whatever the kernel has */
	pool_fixture_page = POOL_PAGE_LEAST;
	return r;
}

TEST_FIXTURE(setup, pool_fixture_teardown);

static int check(struct pool_fixture *fixture, const struct fiemap_extent *extents, size_t count)
{
	struct pool_file file = pool_fixture_make(fixture, SIZE, POOL_FILE_READY);
	int r;

	order.extents = extents;
	order.count = count;
	r = pool_file_check_layout(&fixture->dir, &file, &fixture->error);
	assert_int_equal(pool_file_destroy(&fixture->dir, &file), 0);
	return r;
}

#define EXTENT(logical_kib, physical_kib, kib, flags) \
	{ .fe_logical = (uint64_t)(logical_kib) << 10, .fe_physical = (uint64_t)(physical_kib) << 10, \
	  .fe_length = (uint64_t)(kib) << 10, .fe_flags = (flags) }
#define LAST FIEMAP_EXTENT_LAST
#define CHECK(fixture, ...) \
	check(fixture, (const struct fiemap_extent[]){ __VA_ARGS__ }, \
	      sizeof((const struct fiemap_extent[]){ __VA_ARGS__ }) / sizeof(struct fiemap_extent))

TEST(test_pool_file_layout_is_not_known_where_huge_pages_are_larger)
{
	struct pool_fixture *fixture = *state;

	pool_fixture_page = 65536;
	assert_int_equal(CHECK(fixture, EXTENT(0, 20480, 8192, LAST)), -EOPNOTSUPP);
	assert_int_equal(fixture->error.length, 0);
}

TEST(test_pool_file_layout_is_good_on_huge_boundaries)
{
	struct pool_fixture *fixture = *state;

	assert_int_equal(CHECK(fixture, EXTENT(0, 20480, 8192, LAST)), 0);
	assert_int_equal(CHECK(fixture, EXTENT(0, 20480, 2048, 0), EXTENT(2048, 4096, 6144, LAST)), 0);
	/* an extent ends within a huge page, but the next goes on where it ended */
	assert_int_equal(CHECK(fixture, EXTENT(0, 20480, 1000, FIEMAP_EXTENT_UNWRITTEN),
			       EXTENT(1000, 21480, 7192, LAST)), 0);
	/* reserved ahead */
	assert_int_equal(CHECK(fixture, EXTENT(0, 20480, 16384, LAST)), 0);
}

TEST(test_pool_file_layout_of_many_extents_is_looked_at_in_pieces)
{
	struct pool_fixture *fixture = *state;

	order.at_a_time = 1;
	assert_int_equal(CHECK(fixture, EXTENT(0, 20480, 2048, 0), EXTENT(2048, 4096, 2048, 0),
			       EXTENT(4096, 40960, 4096, LAST)), 0);
	assert_int_equal(CHECK(fixture, EXTENT(0, 20480, 2048, 0), EXTENT(2048, 4096, 2048, 0),
			       EXTENT(4096, 40964, 4096, LAST)), -EMEDIUMTYPE);
}

TEST(test_pool_file_layout_is_bad_elsewhere)
{
	struct pool_fixture *fixture = *state;

	/* shifted by a page */
	assert_int_equal(CHECK(fixture, EXTENT(0, 20484, 8192, LAST)), -EMEDIUMTYPE);
	/* each in its place, but a huge page in two pieces */
	assert_int_equal(CHECK(fixture, EXTENT(0, 20480, 1024, 0), EXTENT(1024, 41984, 7168, LAST)), -EMEDIUMTYPE);
	/* a hole, at the beginning, within, at the end */
	assert_int_equal(CHECK(fixture, EXTENT(2048, 20480, 6144, LAST)), -EMEDIUMTYPE);
	assert_int_equal(CHECK(fixture, EXTENT(0, 20480, 2048, 0), EXTENT(4096, 24576, 4096, LAST)), -EMEDIUMTYPE);
	assert_int_equal(CHECK(fixture, EXTENT(0, 20480, 4096, LAST)), -EMEDIUMTYPE);
	/* nowhere yet */
	assert_int_equal(CHECK(fixture, EXTENT(0, 0, 8192, LAST | FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC)),
			 -EMEDIUMTYPE);
	assert_non_null(strstr(fixture->error_text, "a pool does not lie on 2 MiB boundaries"));
	assert_null(strstr(fixture->error_text, "mkfs"));
}

TEST(test_pool_file_layout_names_the_mkfs_that_would_mend_it)
{
	struct pool_fixture *fixture = *state;

	order.type = EXT4_SUPER_MAGIC;
	assert_int_equal(CHECK(fixture, EXTENT(0, 20484, 8192, LAST)), -EMEDIUMTYPE);
	assert_non_null(strstr(fixture->error_text, "mkfs.ext4 -b 4096 -E stride=512,stripe_width=512"));
	fixture->error.length = 0;
	order.type = XFS_SUPER_MAGIC;
	assert_int_equal(CHECK(fixture, EXTENT(0, 20484, 8192, LAST)), -EMEDIUMTYPE);
	assert_non_null(strstr(fixture->error_text, "mkfs.xfs -d su=2m,sw=1"));
}

TEST(test_pool_file_layout_looks_at_the_partition_too)
{
	struct pool_fixture *fixture = *state;

	order.start = "2048\n";
	assert_int_equal(CHECK(fixture, EXTENT(0, 20480, 8192, LAST)), -EMEDIUMTYPE);
	assert_non_null(strstr(fixture->error_text, "the partition begins at byte 1048576"));
	order.start = "4096\n";
	assert_int_equal(CHECK(fixture, EXTENT(0, 20480, 8192, LAST)), 0);
}

TEST(test_pool_file_layout_cannot_be_known_everywhere)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, SIZE, POOL_FILE_READY);

	/* tmpfs has no extents */
	assert_int_equal(pool_file_check_layout(&fixture->dir, &file, &fixture->error), -EOPNOTSUPP);
	order.ioctl_error = EIO;
	assert_int_equal(pool_file_check_layout(&fixture->dir, &file, &fixture->error), -EIO);
	assert_int_equal(fixture->error.length, 0);
	file.ino++;
	assert_int_equal(pool_file_check_layout(&fixture->dir, &file, &fixture->error), -ESTALE);
}

TEST_IN(test_pool_file_layout_of_a_real_file_is_good_or_comes_with_advice, DISK)
{
	struct pool_fixture *fixture = *state;
	int r = check(fixture, NULL, 0);

	if (r == -EOPNOTSUPP)
		skip();
	assert_true(r == 0 || r == -EMEDIUMTYPE);
	assert_int_equal(fixture->error.length > 0, r == -EMEDIUMTYPE);
}
