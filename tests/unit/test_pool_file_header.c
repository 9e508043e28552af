/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pool_file_header -- what the daemon makes of headers, among them those that a client has spoilt. */
/* objects: vmmallocd/files/ vmmallocd/base/ vmmallocd/plan/ common/base/ common/util/ */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/pool_fixture.h"
#include "tests/unit/test.h"
#include "vmmallocd/files/internal.h"

TEST_FIXTURE(pool_fixture_setup, pool_fixture_teardown);

TEST(test_pool_file_header_of_another_boot_is_told)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_READY);
	struct pool_header header;

	assert_int_equal(pool_file_read_header(&fixture->dir, &file, &header), 0);
	assert_true(pool_file_header_is_of_this_boot(&header));
	header.boot_id[15] ^= 1;
	assert_false(pool_file_header_is_of_this_boot(&header));
	memset(header.boot_id, 0, sizeof(header.boot_id));
	assert_false(pool_file_header_is_of_this_boot(&header));
}

TEST(test_pool_file_header_that_a_client_wiped_is_none)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_USED);
	struct pool_header header;
	int fd = pool_file_open(&fixture->dir, &file);

	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(pool_file_read_header(&fixture->dir, &file, &header), -EBADMSG);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pool_file_read_header(&fixture->dir, &file, &header), -EBADMSG);
	assert_int_equal(ftruncate(fd, MIB), 0);
	assert_int_equal(pool_file_read_header(&fixture->dir, &file, &header), -EBADMSG);
	close(fd);
}

TEST_ALSO_IN(test_pool_file_header_can_be_read_while_a_client_has_the_pool, DISK)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_USED);
	struct pool_header header, *mapped;
	int fd = pool_file_open(&fixture->dir, &file);

	mapped = (struct pool_header *)(void *)pool_fixture_map(fd, 0, 4096);
	mapped->used_bytes = 777;
	assert_int_equal(pool_file_read_header(&fixture->dir, &file, &header), 0);
	assert_int_equal(header.used_bytes, 777);
	close(fd);
}
