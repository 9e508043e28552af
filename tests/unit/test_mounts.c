/* SPDX-License-Identifier: BSD-3-Clause */
/* test_mounts -- what is mounted and unmounted is told, once for what comes together. */
/* objects: vmmallocd/pools/ */
/* wrap: open */
/* packages: libuv */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include <uv.h>

#include "tests/unit/faults.h"
#include "tests/unit/test.h"
#include "vmmallocd/pools/mounts.h"

struct fixture {
	uv_loop_t loop;
	uv_timer_t deadline;
	struct mounts *mounts;
	unsigned changes;
	bool late;
	bool may_mount;   /* and nobody else sees it */
};

static void on_change(void *context)
{
	((struct fixture *)context)->changes++;
}

static void on_deadline(uv_timer_t *timer)
{
	((struct fixture *)timer->data)->late = true;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	faults_clear();
	*state = fixture;
	fixture->may_mount = unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	if (uv_loop_init(&fixture->loop) != 0)
		return -1;
	fixture->deadline.data = fixture;
	return uv_timer_init(&fixture->loop, &fixture->deadline) ||
	       mounts_open(&fixture->loop, on_change, fixture, &fixture->mounts);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	int r;

	mounts_close(fixture->mounts);
	uv_close((uv_handle_t *)&fixture->deadline, NULL);
	(void)uv_run(&fixture->loop, UV_RUN_DEFAULT);
	r = uv_loop_close(&fixture->loop);
	free(fixture);
	return r;
}

TEST_FIXTURE(setup, teardown);

/* Until there are so many, or for that long. */
static void run_for(struct fixture *fixture, unsigned changes, unsigned ms)
{
	fixture->late = false;
	(void)uv_timer_start(&fixture->deadline, on_deadline, ms, 0);
	while (!fixture->late && fixture->changes < changes)
		(void)uv_run(&fixture->loop, UV_RUN_ONCE);
	(void)uv_timer_stop(&fixture->deadline);
}

TEST(test_mounts_tells_of_each_change)
{
	struct fixture *fixture = *state;
	char directory[] = "/tmp/test_mounts.XXXXXX";

	if (!fixture->may_mount)
		skip();
	assert_non_null(mkdtemp(directory));
	run_for(fixture, 1, 4 * MOUNTS_PAUSE_MS);
	assert_int_equal(fixture->changes, 0);
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(mount("none", directory, "tmpfs", 0, "size=4k"), 0);
		run_for(fixture, 2 * round + 1, 10000);
		assert_int_equal(fixture->changes, 2 * round + 1);
		assert_int_equal(umount(directory), 0);
		run_for(fixture, 2 * round + 2, 10000);
		assert_int_equal(fixture->changes, 2 * round + 2);
	}
	assert_int_equal(rmdir(directory), 0);
}

TEST(test_mounts_that_come_together_are_one_change)
{
	struct fixture *fixture = *state;
	char directory[] = "/tmp/test_mounts.XXXXXX";

	if (!fixture->may_mount)
		skip();
	assert_non_null(mkdtemp(directory));
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(mount("none", directory, "tmpfs", 0, "size=4k"), 0);
		assert_int_equal(umount(directory), 0);
		(void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
	}
	run_for(fixture, 1, 10000);
	assert_uint_in_range(fixture->changes, 1, 99);
	assert_int_equal(rmdir(directory), 0);
}

TEST(test_mounts_may_not_be_had)
{
	struct fixture *fixture = *state;
	struct mounts *mounts = NULL;

	faults_order("open", 0, 1, ENOENT);
	assert_int_equal(mounts_open(&fixture->loop, on_change, fixture, &mounts), -ENOENT);
	assert_null(mounts);
	mounts_close(NULL);
}
