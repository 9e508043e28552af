/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pool_file -- names, and what is done by name: opening, probing, marking and removing, on real files. */
/* objects: vmmallocd/files/ vmmallocd/base/ vmmallocd/plan/ common/base/ common/util/ */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/pool_fixture.h"
#include "tests/unit/test.h"
#include "vmmallocd/files/internal.h"

#define ID "00112233445566778899aabbccddeeff"

/* --- names --- */

TEST_FIXTURE(pool_fixture_setup, pool_fixture_teardown);

TEST(test_pool_file_names_go_there_and_back)
{
	const char *names[] = { "vmmalloc-" ID ".new", "vmmalloc-" ID ".ready", "vmmalloc-" ID ".used",
				"vmmalloc-" ID ".bad" };

	for (int mark = POOL_FILE_NEW; mark <= POOL_FILE_BAD; mark++) {
		struct pool_file file = { 0 };
		char name[POOL_FILE_NAME_BYTES];

		assert_true(pool_file_name_parse(names[mark], file.id, &file.mark));
		assert_int_equal(file.mark, mark);
		assert_int_equal(file.id[0], 0x00);
		assert_int_equal(file.id[15], 0xff);
		pool_file_name_format(&file, name);
		assert_string_equal(name, names[mark]);
	}
}

TEST(test_pool_file_knows_names_that_are_none_of_its_own)
{
	const char *names[] = {
		"", "vmmalloc", "vmmalloc-", "vmmalloc-.new", "vmmalloc-" ID, "vmmalloc-" ID ".", "vmmalloc-" ID ".old",
		"vmmalloc-" ID ".new2", "vmmalloc-" ID ".newer", "vmmalloc-" ID ".ne", "vmmalloc-" ID "0.new",
		"vmmalloc-" ID "00.new", "Vmmalloc-" ID ".new", ".vmmalloc-" ID ".new", "vmmalloc-" ID ".NEW",
		"vmmalloc-00112233445566778899aabbccddeef.new", "vmmalloc-00112233445566778899AABBCCDDEEFF.new",
		"vmmalloc-00112233445566778899aabbccddeefg.new", "vmmalloc- 0112233445566778899aabbccddeeff.new",
		"vmmalloc-" ID ".new ", "vmmalloc-" ID ",new", "vmmalloc-00",
	};
	uint8_t id[POOL_FILE_ID_BYTES] = { 42 };
	enum pool_file_mark mark = POOL_FILE_BAD;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_false(pool_file_name_parse(names[i], id, &mark));
	assert_int_equal(id[0], 42);
	assert_int_equal(mark, POOL_FILE_BAD);
}

/* --- open --- */

TEST(test_pool_file_open_gives_the_file_for_reading_and_writing)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_READY);
	int fd = pool_file_open(&fixture->dir, &file);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_ino, file.ino);
	assert_int_equal(st.st_size, MIB);
	close(fd);
}

/* What every function by name says when the name is no longer the file that it was. */
static void assert_stale(const struct pool_fixture *fixture, struct pool_file *file)
{
	struct pool_header header;

	assert_int_equal(pool_file_open(&fixture->dir, file), -ESTALE);
	assert_int_equal(pool_file_probe(&fixture->dir, file), -ESTALE);
	assert_int_equal(pool_file_read_header(&fixture->dir, file, &header), -ESTALE);
	assert_int_equal(pool_file_set_mark(&fixture->dir, file, POOL_FILE_USED), -ESTALE);
	assert_int_equal(file->mark, POOL_FILE_READY);
	assert_int_equal(pool_file_destroy(&fixture->dir, file), -ESTALE);
	assert_int_equal(access(pool_fixture_path(fixture, file), F_OK), 0);
}

TEST(test_pool_file_refuses_another_file_under_its_name)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_READY);
	struct pool_file other = pool_fixture_make(fixture, MIB, POOL_FILE_READY);
	char from[SCRATCH_PATH + POOL_FILE_NAME_BYTES];

	strcpy(from, pool_fixture_path(fixture, &other));
	assert_int_equal(rename(from, pool_fixture_path(fixture, &file)), 0);
	assert_stale(fixture, &file);
}

TEST(test_pool_file_refuses_a_link_in_its_place)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_READY);
	char moved[SCRATCH_PATH + 8];

	/* a link to the very file: followed, it would pass for it */
	snprintf(moved, sizeof(moved), "%s/moved", fixture->path);
	assert_int_equal(rename(pool_fixture_path(fixture, &file), moved), 0);
	assert_int_equal(symlink(moved, pool_fixture_path(fixture, &file)), 0);
	assert_stale(fixture, &file);
}

TEST(test_pool_file_refuses_a_fifo_in_its_place)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_READY);

	assert_int_equal(unlink(pool_fixture_path(fixture, &file)), 0);
	assert_int_equal(mkfifo(pool_fixture_path(fixture, &file), 0600), 0);
	assert_stale(fixture, &file);
}

TEST(test_pool_file_open_refuses_what_is_not_ours_alone)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_READY);
	char extra[SCRATCH_PATH + 8];

	snprintf(extra, sizeof(extra), "%s/extra", fixture->path);
	assert_int_equal(chmod(pool_fixture_path(fixture, &file), 0640), 0);
	assert_int_equal(pool_file_open(&fixture->dir, &file), -EPERM);
	assert_int_equal(chmod(pool_fixture_path(fixture, &file), 0600), 0);
	assert_int_equal(link(pool_fixture_path(fixture, &file), extra), 0);
	assert_int_equal(pool_file_open(&fixture->dir, &file), -EPERM);
	assert_int_equal(unlink(extra), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(pool_fixture_path(fixture, &file), 1, -1), 0);
		assert_int_equal(pool_file_open(&fixture->dir, &file), -EPERM);
		assert_int_equal(chown(pool_fixture_path(fixture, &file), 0, -1), 0);
	}
	int fd = pool_file_open(&fixture->dir, &file);
	assert_true(fd >= 0);
	close(fd);
}

/* --- probe --- */

TEST_ALSO_IN(test_pool_file_probe_says_nobody, DISK)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_USED);

	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);
}

TEST_ALSO_IN(test_pool_file_probe_sees_an_open_descriptor, DISK)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_USED);
	int fd = pool_file_open(&fixture->dir, &file);

	assert_int_equal(pool_file_probe(&fixture->dir, &file), -EAGAIN);
	close(fd);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);
	fd = open(pool_fixture_path(fixture, &file), O_RDONLY);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), -EAGAIN);
	close(fd);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);
}

TEST_ALSO_IN(test_pool_file_probe_sees_a_mapping_without_a_descriptor, DISK)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_USED);
	int fd = pool_file_open(&fixture->dir, &file);
	char *base = pool_fixture_map(fd, 0, MIB);

	close(fd);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), -EAGAIN);
	/* a corner is enough */
	munmap(base + pool_file_page(), MIB - pool_file_page());
	assert_int_equal(pool_file_probe(&fixture->dir, &file), -EAGAIN);
	munmap(base, pool_file_page());
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);
}

static void close_it(int fd)
{
	close(fd);
}

TEST(test_pool_file_probe_sees_a_childs_mapping_after_the_parent_let_go)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_USED);
	int fd = pool_file_open(&fixture->dir, &file);
	char *base = pool_fixture_map(fd, 0, MIB);
	pid_t child = pool_fixture_child(fixture, close_it, fd);

	munmap(base, MIB);
	close(fd);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), -EAGAIN);
	pool_fixture_kill(fixture, child);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);
}

TEST(test_pool_file_probe_sees_a_descriptor_in_flight)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_USED);
	int fd = pool_file_open(&fixture->dir, &file), ends[2];
	union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int))]; } control = { 0 };
	struct iovec byte = { "x", 1 };
	struct msghdr message = { .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
					 .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(sendmsg(ends[0], &message, 0), 1);
	close(fd);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), -EAGAIN);
	close(ends[1]);
	close(ends[0]);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);
}

static void take_lease(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		_exit(1);
}

TEST(test_pool_file_probe_does_not_wait_for_somebody_elses_lease)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_USED);
	int fd = open(pool_fixture_path(fixture, &file), O_RDONLY | O_CLOEXEC);
	pid_t child = pool_fixture_child(fixture, take_lease, fd);

	close(fd);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), -EAGAIN);
	assert_int_equal(pool_file_open(&fixture->dir, &file), -EAGAIN);
	pool_fixture_kill(fixture, child);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);
}

TEST(test_pool_file_probe_makes_no_event_of_its_own)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_USED);
	int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd ready = { .fd = inotify, .events = POLLIN };

	assert_true(inotify_add_watch(inotify, fixture->path, IN_CLOSE_WRITE) >= 0);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);
	assert_int_equal(poll(&ready, 1, 0), 0);
	close(pool_file_open(&fixture->dir, &file));
	assert_int_equal(poll(&ready, 1, 0), 1);
	close(inotify);
}

/* --- mark, destroy --- */

TEST(test_pool_file_set_mark_renames)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_NEW);

	for (int mark = POOL_FILE_READY; mark <= POOL_FILE_BAD; mark++) {
		assert_int_equal(pool_file_set_mark(&fixture->dir, &file, (enum pool_file_mark)mark), 0);
		assert_int_equal(file.mark, mark);
		assert_int_equal(access(pool_fixture_path(fixture, &file), F_OK), 0);
		assert_int_equal(scratch_entries(fixture->path), 1);
	}
}

TEST(test_pool_file_set_mark_never_replaces_a_file)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_READY);
	struct pool_file marked = file;

	marked.mark = POOL_FILE_USED;
	close(open(pool_fixture_path(fixture, &marked), O_CREAT | O_EXCL | O_WRONLY, 0600));
	assert_int_equal(pool_file_set_mark(&fixture->dir, &file, POOL_FILE_USED), -EEXIST);
	assert_int_equal(file.mark, POOL_FILE_READY);
	assert_int_equal(scratch_entries(fixture->path), 2);
}

TEST(test_pool_file_destroy_removes_it_once)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_USED);

	assert_int_equal(pool_file_destroy(&fixture->dir, &file), 0);
	assert_int_equal(scratch_entries(fixture->path), 0);
	assert_int_equal(pool_file_destroy(&fixture->dir, &file), 0);
	assert_int_equal(pool_file_probe(&fixture->dir, &file), -ENOENT);
	assert_int_equal(pool_file_open(&fixture->dir, &file), -ENOENT);
	assert_int_equal(pool_file_set_mark(&fixture->dir, &file, POOL_FILE_READY), -ENOENT);
}

TEST(test_pool_file_destroy_removes_an_odd_file_too)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_USED);

	assert_int_equal(chmod(pool_fixture_path(fixture, &file), 0), 0);
	assert_int_equal(pool_file_destroy(&fixture->dir, &file), 0);
	assert_int_equal(scratch_entries(fixture->path), 0);
}

TEST(test_pool_file_leaves_no_descriptor_behind)
{
	struct pool_fixture *fixture = *state;
	size_t before = scratch_entries("/proc/self/fd");
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_USED);
	struct pool_file other = file;
	struct pool_header header;

	other.ino++;
	assert_int_equal(pool_file_probe(&fixture->dir, &file), 0);
	assert_int_equal(pool_file_read_header(&fixture->dir, &file, &header), 0);
	assert_int_equal(pool_file_probe(&fixture->dir, &other), -ESTALE);
	assert_int_equal(pool_file_open(&fixture->dir, &other), -ESTALE);
	assert_int_equal(chmod(pool_fixture_path(fixture, &file), 0644), 0);
	assert_int_equal(pool_file_open(&fixture->dir, &file), -EPERM);
	assert_int_equal(pool_file_destroy(&fixture->dir, &file), 0);
	assert_int_equal(scratch_entries("/proc/self/fd"), before);
}
