/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_registry_store -- the registry's file: whatever happens while it is written, it is the old or the new one.
 *
 * Every system call of the module is written down, and can fail or kill the process.
 */
/* objects: vmmallocd/plan/ vmmallocd/state/ common/base/ common/util/ */
/* wrap: open openat pwrite fsync close renameat unlinkat read fstat malloc */
/* packages: jansson */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/util/whole_file.h"
#include "tests/unit/faults.h"
#include "tests/unit/registry_text.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"
#include "vmmallocd/state/registry_json.h"
#include "vmmallocd/state/registry_store.h"

#define BOOT_ID "0f8fad5b-d9cb-469f-a165-70867728950e"

/* What is made where a file is about to be created. */
static const char *squatter;

int __real_openat(int dir, const char *path, int flags, mode_t mode);
int __wrap_openat(int dir, const char *path, int flags, mode_t mode)
{
	if (squatter)
		assert_int_equal(symlinkat(squatter, dir, path), 0);
	return faults_strike_errno("openat") ? -1 : __real_openat(dir, path, flags, mode);
}

/* --- helpers --- */

static char directory[SCRATCH_PATH], path[SCRATCH_PATH + 64], temporary[SCRATCH_PATH + 64], other[SCRATCH_PATH + 64];

static int set_up(void **state)
{
	(void)state;
	faults_clear();
	scratch_make("/dev/shm", directory);
	snprintf(path, sizeof(path), "%s/%s", directory, REGISTRY_STORE_FILE);
	snprintf(temporary, sizeof(temporary), "%s/%s.tmp", directory, REGISTRY_STORE_FILE);
	snprintf(other, sizeof(other), "%s/other", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	faults_clear();
	(void)rmdir(temporary);
	(void)rmdir(path);
	scratch_remove(directory);
	return 0;
}

TEST_FIXTURE(set_up, tear_down);

/* The text of so many pools. */
static char *make_text(unsigned pools, size_t *ret_bytes)
{
	struct registry *registry = registry_new();
	struct registry_pool *added;
	char *text;

	for (unsigned i = 0; i < pools; i++) {
		struct registry_pool pool = { .class_name = "small", .size_bytes = 1 };

		pool.directory = (char[]){ "/mnt/pmem0" };
		memcpy(pool.id, &i, sizeof(i));
		assert_int_equal(registry_add(registry, &pool, REGISTRY_READY, &added), 0);
	}
	assert_int_equal(registry_text(registry, BOOT_ID, &text, ret_bytes), 0);
	registry_free(registry);
	return text;
}

static void save(unsigned pools)
{
	size_t bytes;
	char *text = make_text(pools, &bytes);

	assert_int_equal(whole_file_write(path, 0600, text, bytes), 0);
	free(text);
}

static int try_save(unsigned pools)
{
	size_t bytes;
	char *text = make_text(pools, &bytes);
	int r;

	faults_clear_log();
	r = whole_file_write(path, 0600, text, bytes);
	free(text);
	return r;
}

static char message[256];

/* The number of pools that are loaded, or -errno. */
static int load(const char *file)
{
	struct registry *registry = registry_new();
	struct text error = TEXT_INIT(message);
	char boot_id[BOOT_ID_TEXT_BYTES] = "";
	int r;

	message[0] = '\0';
	r = registry_store_load(file, registry, boot_id, &error);
	if (r == 0) {
		assert_string_equal(boot_id, BOOT_ID);
		r = (int)registry_count(registry);
	} else {
		assert_int_equal(registry_count(registry), 0);
		assert_int_equal(message[0] != '\0', r == -EBADMSG);
	}
	registry_free(registry);
	return r;
}

static void make_file(const char *file, const char *content, size_t bytes)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, bytes), bytes);
	close(fd);
}

/* --- saving --- */

TEST(test_registry_saved_is_loaded)
{
	save(1000);
	assert_int_equal(load(path), 1000);
	assert_int_equal(scratch_entries(directory), 1);
}

TEST(test_registry_save_replaces_the_file_whole)
{
	struct stat before, after;

	save(1000);
	assert_int_equal(stat(path, &before), 0);
	save(3);
	assert_int_equal(stat(path, &after), 0);
	assert_true(before.st_ino != after.st_ino);
	assert_int_equal(load(path), 3);
	assert_int_equal(scratch_entries(directory), 1);
}

TEST(test_registry_file_is_for_its_owner_only)
{
	mode_t mask = umask(0);
	struct stat st;

	save(1);
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

TEST(test_registry_save_syncs_the_file_before_and_the_directory_after_the_rename)
{
	assert_int_equal(try_save(1), 0);
	assert_string_equal(faults_log(), " open unlinkat openat pwrite fsync close renameat fsync close");
}

TEST(test_registry_save_goes_on_after_short_and_interrupted_writes)
{
	faults_order("pwrite", 2, 1, EINTR);
	faults_limit(7);
	assert_int_equal(try_save(3), 0);
	faults_limit(0);
	assert_int_equal(load(path), 3);
}

TEST(test_registry_save_fails_whole_at_every_system_call)
{
	static const struct {
		const char *call;
		int after, error;
	} faults[] = {
		{ "open", 0, EMFILE }, { "unlinkat", 0, EACCES }, { "openat", 0, EMFILE }, { "openat", 0, ENOSPC },
		{ "pwrite", 0, ENOSPC }, { "pwrite", 2, EIO }, { "fsync", 0, EIO }, { "close", 0, EDQUOT },
		{ "renameat", 0, ENOSPC },
	};
	size_t descriptors = scratch_entries("/proc/self/fd");

	save(3);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		faults_order(faults[i].call, faults[i].after, 1, faults[i].error);
		faults_limit(100);
		assert_int_equal(try_save(100), -faults[i].error);
		faults_clear();
		assert_int_equal(load(path), 3);
		assert_int_equal(scratch_entries(directory), 1);
		assert_int_equal(scratch_entries("/proc/self/fd"), descriptors);
	}
}

TEST(test_registry_save_reports_a_directory_that_is_not_synced)
{
	save(3);
	faults_order("fsync", 1, 1, EIO);
	assert_int_equal(try_save(4), -EIO);
	faults_clear();
	assert_int_equal(load(path), 4);
	assert_int_equal(scratch_entries(directory), 1);
	/* but not one that cannot be */
	faults_order("fsync", 1, 1, EINVAL);
	assert_int_equal(try_save(5), 0);
}

TEST(test_registry_save_on_a_full_file_system_keeps_the_old_file)
{
	if (!scratch_mount(directory, 1 << 20)) {
		skip();
		return;
	}
	save(100);
	assert_int_equal(try_save(20000), -ENOSPC);
	assert_int_equal(load(path), 100);
	assert_int_equal(scratch_entries(directory), 1);
	save(101);
	assert_int_equal(load(path), 101);
}

TEST(test_registry_save_replaces_what_a_crash_left)
{
	make_file(temporary, "{\"version\": 1, \"bo", 18);
	save(3);
	assert_int_equal(load(path), 3);
	assert_int_equal(scratch_entries(directory), 1);
}

TEST(test_registry_save_writes_through_no_link)
{
	struct stat st;

	make_file(other, "precious", 8);
	assert_int_equal(symlink(other, temporary), 0);
	assert_int_equal(symlink(other, path), 0);
	save(3);
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, 8);
	assert_int_equal(load(path), 3);
	assert_int_equal(scratch_entries(directory), 2);
	assert_int_equal(unlink(other), 0);
}

TEST(test_registry_save_refuses_a_file_that_comes_between)
{
	struct stat st;

	save(3);
	make_file(other, "precious", 8);
	squatter = other;
	assert_int_equal(try_save(4), -EEXIST);
	squatter = NULL;
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, 8);
	assert_int_equal(load(path), 3);
}

TEST(test_registry_save_leaves_a_directory_in_its_way_alone)
{
	save(3);
	assert_int_equal(mkdir(temporary, 0700), 0);
	assert_int_equal(try_save(4), -EISDIR);
	assert_int_equal(load(path), 3);
	assert_int_equal(rmdir(temporary), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(try_save(4), -EISDIR);
	assert_int_equal(scratch_entries(directory), 1);
}

TEST(test_registry_save_takes_any_path)
{
	char name[300], here[4096];

	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(directory), 0);
	assert_int_equal(whole_file_write("plain", 0600, "x", 1), 0);
	assert_int_equal(whole_file_write("./dotted", 0600, "x", 1), 0);
	assert_int_equal(access("plain", F_OK), 0);
	assert_int_equal(access("dotted", F_OK), 0);
	assert_int_equal(whole_file_write("", 0600, "x", 1), -EISDIR);
	assert_int_equal(whole_file_write("/", 0600, "x", 1), -EISDIR);
	assert_int_equal(whole_file_write("./", 0600, "x", 1), -EISDIR);
	assert_int_equal(whole_file_write("none/file", 0600, "x", 1), -ENOENT);
	assert_int_equal(whole_file_write("plain/file", 0600, "x", 1), -ENOTDIR);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(whole_file_write(name, 0600, "x", 1), -ENAMETOOLONG);
	name[254] = '\0';
	assert_int_equal(whole_file_write(name, 0600, "x", 1), -ENAMETOOLONG);
	assert_int_equal(scratch_entries("."), 2);
	assert_int_equal(chdir(here), 0);
}

/* --- the end of the process, at any point --- */

static void wait_killed(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

TEST(test_registry_killed_at_any_system_call_of_a_save_leaves_old_or_new)
{
	int calls = 0, loaded = 3;

	save(3);
	assert_int_equal(try_save(3), 0);
	for (const char *call = faults_log(); *call; call++)
		calls += *call == ' ';
	for (int n = 0; n < calls; n++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			faults_kill_after(n);
			(void)try_save(100);
			_exit(0);
		}
		wait_killed(pid);
		/* old until it was renamed, and never old again */
		assert_true(load(path) == loaded || load(path) == 100);
		loaded = load(path);
		assert_uint_in_range(scratch_entries(directory), 1, 2);
	}
	assert_int_equal(loaded, 100);
	save(5);
	assert_int_equal(load(path), 5);
	assert_int_equal(scratch_entries(directory), 1);
}

/* Saves one of two texts after the other, until it is killed; says on `ready` when the first is there. */
static void save_for_ever(int ready)
{
	size_t bytes[2];
	char *texts[] = { make_text(300, &bytes[0]), make_text(700, &bytes[1]) };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned i = 0;; i++) {
		if (whole_file_write(path, 0600, texts[i % 2], bytes[i % 2]) < 0)
			_exit(1);
		faults_clear_log();
		if (i == 0 && write(ready, "", 1) != 1)
			_exit(1);
	}
}

TEST(test_registry_killed_at_random_while_saving_is_old_or_new)
{
	unsigned seed = 1, leftovers = 0;

	for (int round = 0; round < 100; round++) {
		struct timespec moment = { 0 };
		int ends[2], loaded;
		char byte;
		pid_t pid;

		assert_int_equal(pipe(ends), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			save_for_ever(ends[1]);
		close(ends[1]);
		faults_clear_log();
		assert_int_equal(read(ends[0], &byte, 1), 1);
		close(ends[0]);
		seed = seed * 1103515245 + 12345;
		moment.tv_nsec = (seed >> 8) % 2000000;
		nanosleep(&moment, NULL);
		kill(pid, SIGKILL);
		wait_killed(pid);
		leftovers += scratch_entries(directory) == 2;
		loaded = load(path);
		assert_true(loaded == 300 || loaded == 700);
		assert_uint_in_range(scratch_entries(directory), 1, 2);
	}
	print_message("%u of 100 were killed with a temporary file\n", leftovers);
	save(5);
	assert_int_equal(load(path), 5);
	assert_int_equal(scratch_entries(directory), 1);
}

/* --- loading --- */

TEST(test_registry_survives_truncated_file)
{
	struct stat st;

	save(5);
	assert_int_equal(stat(path, &st), 0);
	for (off_t bytes = st.st_size - 2; bytes >= 0; bytes--) {
		assert_int_equal(truncate(path, bytes), 0);
		assert_int_equal(load(path), -EBADMSG);
	}
}

TEST(test_registry_load_says_when_there_is_none)
{
	assert_int_equal(load(path), -ENOENT);
	assert_int_equal(symlink("nowhere", path), 0);
	assert_int_equal(load(path), -EBADMSG);
}

TEST(test_registry_load_takes_regular_files_only)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	save(3);
	assert_int_equal(symlink(path, other), 0);
	assert_int_equal(load(other), -EBADMSG);
	assert_string_equal(message, "not a regular file");
	assert_int_equal(unlink(other), 0);

	assert_int_equal(mkfifo(other, 0600), 0);
	assert_int_equal(load(other), -EBADMSG);
	assert_string_equal(message, "not a regular file");
	assert_int_equal(unlink(other), 0);

	strcpy(address.sun_path, other);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(load(other), -EBADMSG);
	assert_string_equal(message, "not a regular file");
	close(fd);

	assert_int_equal(load(directory), -EBADMSG);
	assert_string_equal(message, "not a regular file");
	assert_int_equal(load("/dev/zero"), -EBADMSG);
	assert_string_equal(message, "not a regular file");
}

TEST(test_registry_load_refuses_a_file_that_is_too_large)
{
	make_file(path, "", 0);
	assert_int_equal(truncate(path, REGISTRY_STORE_BYTES_MOST + 1), 0);
	faults_clear_log();
	assert_int_equal(load(path), -EBADMSG);
	assert_string_equal(message, "268435457 bytes: more than 268435456");
	assert_null(strstr(faults_log(), "read"));
}

TEST(test_registry_load_goes_on_after_short_and_interrupted_reads)
{
	save(5);
	faults_order("read", 3, 1, EINTR);
	faults_limit(10);
	assert_int_equal(load(path), 5);
}

TEST(test_registry_load_fails_whole)
{
	size_t descriptors = scratch_entries("/proc/self/fd");

	save(5);
	faults_order("open", 0, 1, EACCES);
	assert_int_equal(load(path), -EACCES);
	faults_order("fstat", 0, 1, EIO);
	assert_int_equal(load(path), -EIO);
	faults_order("read", 0, 1, EIO);
	assert_int_equal(load(path), -EIO);
	faults_order("memory", 0, 1, ENOMEM);
	assert_int_equal(load(path), -ENOMEM);
	assert_int_equal(load(path), 5);
	assert_int_equal(scratch_entries("/proc/self/fd"), descriptors);
}
