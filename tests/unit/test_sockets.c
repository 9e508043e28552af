/* SPDX-License-Identifier: BSD-3-Clause */
/* test_sockets -- the daemon's sockets in its runtime directory. */
/* objects: vmmallocd/ vmmallocd/base/ common/base/ */
/* wrap: rename */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tests/unit/test.h"
#include "vmmallocd/sockets.h"

static char directory[SCRATCH_PATH], path[SCRATCH_PATH + 16];
static char reason[512];

/* 0 or -errno */
static int connect_to(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), r;

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", name);
	r = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : -errno;
	close(fd);
	return r;
}

/* --- what is under the name, the moment before the new socket gets it --- */

static struct {
	int error;
	mode_t mode;
	int connects, old_connects;
} renamed;

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
	struct stat st;

	assert_int_equal(stat(from, &st), 0);
	renamed.mode = st.st_mode;
	renamed.connects = connect_to(from);
	renamed.old_connects = connect_to(to);
	if (renamed.error) {
		errno = renamed.error;
		return -1;
	}
	return __real_rename(from, to);
}

static int set_up(void **state)
{
	(void)state;
	memset(&renamed, 0, sizeof(renamed));
	scratch_make("/tmp", directory);
	snprintf(path, sizeof(path), "%s/pool.sock", directory);
	umask(077);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	umask(022);
	scratch_remove(directory);
	return 0;
}

TEST_FIXTURE(set_up, tear_down);

static int open_socket(int *ret_fd)
{
	struct text error = TEXT_INIT(reason);

	return sockets_listen(directory, "pool.sock", SOCK_SEQPACKET, ret_fd, &error);
}

TEST(test_sockets_are_everybodys_from_their_first_moment)
{
	struct stat st;
	int fd;

	assert_int_equal(open_socket(&fd), 0);
	assert_int_equal(renamed.mode, S_IFSOCK | 0666);
	assert_int_equal(renamed.connects, 0);
	assert_int_equal(renamed.old_connects, -ENOENT);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0666);
	assert_int_equal(connect_to(path), 0);
	assert_int_equal(scratch_entries(directory), 1);
	close(fd);
}

TEST(test_sockets_take_the_place_of_a_dead_daemons)
{
	char unnamed[SCRATCH_PATH + 24];
	int old, fd;

	assert_int_equal(open_socket(&old), 0);
	close(old);
	assert_int_equal(open_socket(&fd), 0);
	/* until then it said that nobody listens, and not that there is nothing */
	assert_int_equal(renamed.old_connects, -ECONNREFUSED);
	assert_int_equal(connect_to(path), 0);
	close(fd);
	/* and that of one that was killed before it had the name */
	snprintf(unnamed, sizeof(unnamed), "%s.new", path);
	assert_int_equal(link(path, unnamed), 0);
	assert_int_equal(open_socket(&fd), 0);
	assert_int_equal(scratch_entries(directory), 1);
	close(fd);
}

TEST(test_sockets_leave_other_files_alone)
{
	int fd;

	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(open_socket(&fd), -EEXIST);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(scratch_entries(directory), 1);
}

TEST(test_sockets_leave_nothing_when_they_fail)
{
	int fd;

	renamed.error = EACCES;
	assert_int_equal(open_socket(&fd), -EACCES);
	assert_int_equal(scratch_entries(directory), 0);
}
