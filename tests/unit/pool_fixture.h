/* SPDX-License-Identifier: BSD-3-Clause */
/* pool_fixture -- a directory of pools for each test, opened as the daemon opens it, and clients that use its pools. */
#ifndef TESTS_UNIT_POOL_FIXTURE_H
#define TESTS_UNIT_POOL_FIXTURE_H

#include <sys/types.h>

#include "tests/unit/scratch.h"
#include "tests/unit/test.h"
#include "vmmallocd/files/pool_file.h"

struct pool_fixture {
	char path[SCRATCH_PATH];
	struct pool_dir dir;
	char error_text[512];
	struct text error;
	pid_t children[4];     /* killed at the end */
	int child_count;
	bool mounted;          /* pool_fixture_setup_small: the small tmpfs is there */
};

/* For TEST_FIXTURE() and TEST_WITH(): in the test's directory, or in /dev/shm. */
int pool_fixture_setup(void **state);
/* On a tmpfs of 8 MiB of its own. */
int pool_fixture_setup_small(void **state);
int pool_fixture_teardown(void **state);

/* In a test that wraps statx: every file says that it is on DAX. A fixture begins without. */
extern bool pool_fixture_on_dax;
/* In one that wraps sysconf: the kernel's page. A fixture begins with 0: it is what it is. */
extern size_t pool_fixture_page;

/* A pool with that mark, made by pool_file_create. */
struct pool_file pool_fixture_make(struct pool_fixture *fixture, size_t bytes, enum pool_file_mark mark);

/* Its path. Static storage. */
const char *pool_fixture_path(const struct pool_fixture *fixture, const struct pool_file *file);

/* A child that calls `act` with the argument, tells us so, and waits to be killed. */
pid_t pool_fixture_child(struct pool_fixture *fixture, void (*act)(int fd), int fd);
void pool_fixture_kill(struct pool_fixture *fixture, pid_t pid);

/* Maps a part of an open file; fails the test if it cannot. */
char *pool_fixture_map(int fd, size_t offset, size_t bytes);

/* Whether the whole file but for its header page reads as zero. */
bool pool_fixture_reads_zero(const struct pool_fixture *fixture, const struct pool_file *file);

#endif
