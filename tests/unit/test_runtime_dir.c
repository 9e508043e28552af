/* SPDX-License-Identifier: BSD-3-Clause */
/* test_runtime_dir -- daemon and client find each other without a word. */
/* objects: common/util/ */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/paths.h"
#include "common/util/runtime_dir.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"

static void assert_daemon(uid_t uid, const char *xdg, const char *expected)
{
	char path[64];

	assert_int_equal(runtime_dir_of_daemon(uid, xdg, path, sizeof(path)), 0);
	assert_string_equal(path, expected);
}

TEST(test_runtime_dir_of_roots_daemon_is_the_systems)
{
	assert_daemon(0, NULL, PATHS_RUNTIME_DIR);
	assert_daemon(0, "/run/user/0", PATHS_RUNTIME_DIR);
}

TEST(test_runtime_dir_of_a_users_daemon_is_in_xdg_runtime_dir)
{
	char path[64];

	assert_daemon(1000, "/run/user/1000", "/run/user/1000/vmmalloc");
	assert_int_equal(runtime_dir_of_daemon(1000, NULL, path, sizeof(path)), -ENXIO);
	assert_int_equal(runtime_dir_of_daemon(1000, "", path, sizeof(path)), -ENXIO);
	assert_int_equal(runtime_dir_of_daemon(1000, "run/user/1000", path, sizeof(path)), -ENXIO);
	assert_int_equal(runtime_dir_of_daemon(1000, "/run", path, strlen("/run/vmmalloc")), -ENAMETOOLONG);
	assert_int_equal(runtime_dir_of_daemon(1000, "/run", path, strlen("/run/vmmalloc") + 1), 0);
}

TEST(test_runtime_dir_of_a_client_is_its_own_only_with_a_socket_there)
{
	char scratch[SCRATCH_PATH], own[SCRATCH_PATH + 16], socket[SCRATCH_PATH + 32], path[4096];

	scratch_make("/tmp", scratch);
	snprintf(own, sizeof(own), "%s/vmmalloc", scratch);
	snprintf(socket, sizeof(socket), "%s/control.sock", own);
	assert_int_equal(mkdir(own, 0700), 0);
	runtime_dir_of_client(1000, scratch, path, sizeof(path));
	assert_string_equal(path, PATHS_RUNTIME_DIR);
	assert_int_equal(mknod(socket, S_IFREG | 0600, 0), 0);
	runtime_dir_of_client(1000, scratch, path, sizeof(path));
	assert_string_equal(path, own);
	runtime_dir_of_client(0, scratch, path, sizeof(path));
	assert_string_equal(path, PATHS_RUNTIME_DIR);
	runtime_dir_of_client(1000, NULL, path, sizeof(path));
	assert_string_equal(path, PATHS_RUNTIME_DIR);
	assert_int_equal(unlink(socket), 0);
	assert_int_equal(rmdir(own), 0);
	scratch_remove(scratch);
}
