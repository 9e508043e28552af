/* SPDX-License-Identifier: BSD-3-Clause */
/* test_marker -- whether children are left, as real children show it. */
/* objects: libvmmalloc/fork/ libvmmalloc/heap/ libvmmalloc/base/ libvmmalloc/ common/base/ */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libvmmalloc/fork/marker.h"
#include "tests/unit/test.h"

struct child {
	pid_t pid;
	int gate;  /* closing it lets the child go on */
};

/* A child that waits at its gate; then ends, or calls exec and waits on. */
static struct child start_child(int (*before)(void))
{
	struct child child;
	int ends[2], ready[2];
	char byte;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pipe(ready), 0);
	child.pid = fork();
	if (child.pid == 0) {
		close(ends[1]);
		if (before && before() != 0)
			_exit(1);
		(void)!write(ready[1], "x", 1);
		while (read(ends[0], &byte, 1) > 0)
			;
		_exit(0);
	}
	close(ends[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	child.gate = ends[1];
	return child;
}

static void end_child(struct child child)
{
	int status;

	close(child.gate);
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	assert_int_equal(status, 0);
}

TEST(test_marker_sees_a_child_until_it_ends)
{
	struct vmm_marker marker = { 0 };

	assert_int_equal(vmm_marker_plant(&marker), 0);
	struct child child = start_child(NULL);
	vmm_marker_pull(&marker);
	assert_false(vmm_marker_alone(&marker));
	end_child(child);
	assert_true(vmm_marker_alone(&marker));
	vmm_marker_forget(&marker);
}

TEST(test_marker_is_not_alone_while_the_parent_has_it_planted)
{
	struct vmm_marker marker = { 0 };

	assert_int_equal(vmm_marker_plant(&marker), 0);
	assert_false(vmm_marker_alone(&marker));
	vmm_marker_pull(&marker);
	assert_true(vmm_marker_alone(&marker));
	vmm_marker_forget(&marker);
}

TEST(test_marker_sees_all_children_of_several_plantings)
{
	struct vmm_marker marker = { 0 };
	struct child children[3];

	for (int i = 0; i < 3; i++) {
		assert_int_equal(vmm_marker_plant(&marker), 0);
		children[i] = start_child(NULL);
		vmm_marker_pull(&marker);
	}
	/* the gates are inherited by later children: let the last one go first */
	for (int i = 2; i >= 0; i--) {
		assert_false(vmm_marker_alone(&marker));
		end_child(children[i]);
	}
	assert_true(vmm_marker_alone(&marker));
	vmm_marker_forget(&marker);
}

static int close_all(void)
{
	for (int fd = 900; fd < 1100; fd++)
		close(fd);
	return 0;
}

TEST(test_marker_sees_a_child_that_closed_all_descriptors)
{
	struct vmm_marker marker = { 0 };

	assert_int_equal(vmm_marker_plant(&marker), 0);
	struct child child = start_child(close_all);
	vmm_marker_pull(&marker);
	assert_false(vmm_marker_alone(&marker));
	end_child(child);
	assert_true(vmm_marker_alone(&marker));
	vmm_marker_forget(&marker);
}

TEST(test_marker_that_lost_its_descriptor_never_says_alone)
{
	struct vmm_marker marker = { 0 };

	assert_int_equal(vmm_marker_plant(&marker), 0);
	vmm_marker_pull(&marker);
	close(marker.fd);
	assert_false(vmm_marker_alone(&marker));
	assert_true(vmm_marker_plant(&marker) < 0);
	assert_int_equal(dup2(STDIN_FILENO, marker.fd), marker.fd);
	assert_false(vmm_marker_alone(&marker));
	assert_true(vmm_marker_plant(&marker) < 0);
	close(marker.fd);
}

TEST(test_marker_is_used_again_after_it_was_found_alone)
{
	struct vmm_marker marker = { 0 };

	for (int i = 0; i < 3; i++) {
		assert_int_equal(vmm_marker_plant(&marker), 0);
		struct child child = start_child(NULL);
		vmm_marker_pull(&marker);
		assert_false(vmm_marker_alone(&marker));
		end_child(child);
		assert_true(vmm_marker_alone(&marker));
		assert_true(vmm_marker_alone(&marker));
	}
}

/* What a monitor or a scanner does, through /proc/PID/fd. */
TEST(test_marker_does_not_count_who_reads_it)
{
	struct vmm_marker marker = { 0 };
	char path[64];

	assert_int_equal(vmm_marker_plant(&marker), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", marker.fd);
	int reader = open(path, O_RDONLY), writer = open(path, O_RDWR);
	void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, reader, 0);
	assert_true(reader >= 0 && writer >= 0 && page != MAP_FAILED);
	struct child child = start_child(NULL);
	vmm_marker_pull(&marker);
	assert_false(vmm_marker_alone(&marker));
	end_child(child);
	assert_true(vmm_marker_alone(&marker));
	munmap(page, 4096);
	close(reader);
	close(writer);
}

static int become_nobody(void)
{
	return getuid() == 0 && setresuid(65534, 65534, 65534) < 0;
}

/* No /proc is needed, no right to a lease, and no file of any size. */
TEST(test_marker_serves_who_may_do_little)
{
	int status;

	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit none = { 0 };
		struct vmm_marker marker = { 0 };

		if (setrlimit(RLIMIT_FSIZE, &none) < 0 || become_nobody() < 0 || vmm_marker_plant(&marker) < 0)
			_exit(1);
		vmm_marker_pull(&marker);
		_exit(!vmm_marker_alone(&marker));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

TEST(test_marker_pulled_by_the_child_counts_no_more)
{
	struct vmm_marker marker = { 0 };
	int ends[2], status;
	char byte;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(vmm_marker_plant(&marker), 0);
	pid_t pid = fork();
	if (pid == 0) {
		vmm_marker_pull(&marker);
		(void)!write(ends[1], "x", 1);
		pause();
	}
	vmm_marker_pull(&marker);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_true(vmm_marker_alone(&marker));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	vmm_marker_forget(&marker);
}
