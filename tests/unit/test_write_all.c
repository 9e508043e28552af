/* SPDX-License-Identifier: BSD-3-Clause */
/* test_write_all -- every byte is written, in its place, however the kernel takes them; and a failure is told. */
/* objects: common/util/ */
/* wrap: pwrite */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/util/write_all.h"
#include "tests/unit/test.h"

static struct {
	size_t most;               /* bytes that the kernel takes at a time */
	int fail_at, error;        /* the call that fails, from 0, with this; 0 is no error but no byte either */
	int calls;
} order;

ssize_t __real_pwrite(int fd, const void *data, size_t bytes, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
	if (order.calls++ == order.fail_at) {
		errno = order.error;
		return order.error ? -1 : 0;
	}
	return __real_pwrite(fd, data, bytes < order.most ? bytes : order.most, offset);
}

static int write_with(size_t most, int fail_at, int error, char written[16])
{
	int fd = memfd_create("test", MFD_CLOEXEC), r;

	assert_true(fd >= 0);
	order.most = most;
	order.fail_at = fail_at;
	order.error = error;
	order.calls = 0;
	r = write_all(fd, "twelve bytes", 12, 3);
	memset(written, 0, 16);
	assert_true(pread(fd, written, 15, 0) >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
	return r;
}

TEST(test_write_all_writes_all_whatever_is_taken_at_a_time)
{
	char written[16];

	for (size_t most = 1; most <= 13; most++) {
		assert_int_equal(write_with(most, -1, 0, written), 0);
		assert_memory_equal(written, "\0\0\0twelve bytes", 16);
	}
}

TEST(test_write_all_goes_on_after_a_signal)
{
	char written[16];

	assert_int_equal(write_with(5, 1, EINTR, written), 0);
	assert_memory_equal(written, "\0\0\0twelve bytes", 16);
}

TEST(test_write_all_tells_of_failures)
{
	char written[16];

	assert_int_equal(write_with(5, 1, ENOSPC, written), -ENOSPC);
	assert_int_equal(write_with(5, 2, 0, written), -EIO);
}
