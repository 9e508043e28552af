/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pool_dir -- which directories are trusted with pools, and what is found in them. */
/* objects: vmmallocd/files/ vmmallocd/base/ vmmallocd/plan/ common/base/ common/util/ */
/* wrap: fcntl inotify_add_watch */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "tests/unit/pool_fixture.h"
#include "tests/unit/test.h"
#include "vmmallocd/files/internal.h"

/* --- failures to order --- */

static struct {
	int lease_error;          /* F_SETLEASE with F_WRLCK fails with it, if not 0 */
	bool lease_always;        /* or is granted without asking the kernel */
	uint32_t events;          /* what is watched for instead, if not 0 */
} faults;

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
	va_list args;
	long argument;

	va_start(args, command);
	argument = va_arg(args, long);
	va_end(args);
	if (command == F_SETLEASE && (int)argument == F_WRLCK) {
		if (faults.lease_always)
			return 0;
		if (faults.lease_error) {
			errno = faults.lease_error;
			return -1;
		}
	}
	if (command == F_SETLEASE && (int)argument == F_UNLCK && faults.lease_always)
		return 0;
	return __real_fcntl(fd, command, argument);
}

int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	return __real_inotify_add_watch(fd, path, faults.events ? faults.events : mask);
}

static int setup(void **state)
{
	memset(&faults, 0, sizeof(faults));
	return pool_fixture_setup(state);
}

TEST_FIXTURE(setup, pool_fixture_teardown);

static int setup_small(void **state)
{
	memset(&faults, 0, sizeof(faults));
	return pool_fixture_setup_small(state);
}

/* --- open --- */

TEST(test_pool_dir_open_learns_what_the_directory_is)
{
	struct pool_fixture *fixture = *state;
	struct stat st;

	assert_int_equal(stat(fixture->path, &st), 0);
	assert_string_equal(fixture->dir.path, fixture->path);
	assert_int_equal(fixture->dir.dev, st.st_dev);
	assert_int_equal(fixture->dir.ino, st.st_ino);
	assert_int_equal(fixture->dir.grain, pool_file_page());
	assert_true(fixture->dir.tmpfs);
	assert_false(fixture->dir.dax);
}

static int open_again(struct pool_fixture *fixture, const char *path)
{
	struct pool_dir dir;
	int r = pool_dir_open(path, &dir, &fixture->error);

	if (r == 0)
		pool_dir_close(&dir);
	return r;
}

/* `format` has the path as often as it has %s. */
static void assert_refused(struct pool_fixture *fixture, const char *path, int r, const char *format)
{
	char words[4 * SCRATCH_PATH];

	fixture->error.length = 0;
	assert_int_equal(open_again(fixture, path), r);
	snprintf(words, sizeof(words), format, path, path, path);
	assert_string_equal(fixture->error_text, words);
}

static const char *self(void)
{
	return getpwuid(geteuid())->pw_name;
}

TEST(test_pool_dir_open_refuses_what_is_no_directory)
{
	struct pool_fixture *fixture = *state;
	char path[SCRATCH_PATH + 16], format[2 * SCRATCH_PATH];

	snprintf(path, sizeof(path), "%s/none", fixture->path);
	snprintf(format, sizeof(format), "%%s: No such file or directory: expected an existing directory "
		 "(install -d -o %s %%s)", self());
	assert_refused(fixture, path, -ENOENT, format);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_refused(fixture, path, -ENOTDIR, "%s: Not a directory: expected an existing directory");
	/* the command can be typed as it is */
	snprintf(path, sizeof(path), "%s/it's $x", fixture->path);
	assert_int_equal(open_again(fixture, path), -ENOENT);
	snprintf(format, sizeof(format), " '%s/it'\\''s $x')", fixture->path);
	assert_non_null(strstr(fixture->error_text, format));
}

TEST(test_pool_dir_open_refuses_one_that_others_may_write_to)
{
	struct pool_fixture *fixture = *state;
	const mode_t good[] = { 0700, 0755, 01777, 01770 }, bad[] = { 0777, 0770, 0707, 0720 };
	char format[256];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(chmod(fixture->path, good[i]), 0);
		assert_int_equal(open_again(fixture, fixture->path), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(chmod(fixture->path, bad[i]), 0);
		snprintf(format, sizeof(format), "%%s: it belongs to %s, mode %04o: expected one that only its owner "
			 "may write to, or a sticky one (chmod go-w %%s)", self(), (unsigned)bad[i]);
		assert_refused(fixture, fixture->path, -EACCES, format);
	}
}

TEST(test_pool_dir_open_refuses_one_of_another_user)
{
	struct pool_fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(fixture->path, 1, -1), 0);
	assert_int_equal(chmod(fixture->path, 0750), 0);
	assert_refused(fixture, fixture->path, -EACCES,
		       "%s: it belongs to daemon, mode 0750: expected one of the user root (chown root: %s)");
	assert_int_equal(chmod(fixture->path, 01777), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_refused(fixture, fixture->path, -EACCES,
		       "%s: it belongs to daemon, mode 1777: expected one of the user nobody or of root "
		       "(chown nobody: %s)");
	assert_int_equal(seteuid(0), 0);
}

/* mkdir as root, and nothing else: what people do first. */
TEST(test_pool_dir_open_refuses_one_that_it_may_not_write_to)
{
	struct pool_fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(fixture->path, 0755), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_refused(fixture, fixture->path, -EACCES,
		       "%s: it belongs to root, mode 0755: expected one that the user nobody may write to "
		       "(chown nobody: %s)");
	assert_int_equal(seteuid(0), 0);
	/* not even read */
	assert_int_equal(chmod(fixture->path, 0700), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_refused(fixture, fixture->path, -EACCES,
		       "%s: it belongs to root, mode 0700: expected one that the user nobody may write to "
		       "(chown nobody: %s)");
	assert_int_equal(seteuid(0), 0);
	/* its own, but for reading */
	assert_int_equal(chown(fixture->path, 65534, -1), 0);
	assert_int_equal(chmod(fixture->path, 0500), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_refused(fixture, fixture->path, -EACCES,
		       "%s: it belongs to nobody, mode 0500: expected one that the user nobody may write to "
		       "(chmod u+rwx %s)");
	assert_int_equal(seteuid(0), 0);
}

TEST(test_pool_dir_open_names_what_is_closed_above)
{
	struct pool_fixture *fixture = *state;
	char above[SCRATCH_PATH + 16], path[SCRATCH_PATH + 16], words[4 * SCRATCH_PATH];

	if (geteuid() != 0)
		skip();
	snprintf(above, sizeof(above), "%s/a", fixture->path);
	assert_int_equal(mkdir(above, 0755), 0);
	snprintf(path, sizeof(path), "%s/a/b", fixture->path);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(chmod(fixture->path, 0700), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_int_equal(open_again(fixture, path), -EACCES);
	assert_int_equal(seteuid(0), 0);
	snprintf(words, sizeof(words), "%s: %s belongs to root, mode 0700: expected one that the user nobody may pass "
		 "through (chmod o+x %s)", path, fixture->path, fixture->path);
	assert_string_equal(fixture->error_text, words);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(above), 0);
}

TEST_WITH(test_pool_dir_open_refuses_one_that_is_read_only, setup_small, pool_fixture_teardown)
{
	struct pool_fixture *fixture = *state;

	if (!fixture->mounted)
		skip();
	pool_dir_close(&fixture->dir);
	assert_int_equal(mount(NULL, fixture->path, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_refused(fixture, fixture->path, -EROFS,
		       "%s: Read-only file system: expected one that can be written to");
	assert_int_equal(mount(NULL, fixture->path, NULL, MS_REMOUNT, NULL), 0);
	assert_int_equal(pool_dir_open(fixture->path, &fixture->dir, &fixture->error), 0);
}

/* --- self-test --- */

TEST_ALSO_IN(test_pool_dir_self_test_is_content_and_leaves_nothing, DISK)
{
	struct pool_fixture *fixture = *state;
	size_t before = scratch_entries("/proc/self/fd");

	if (pool_dir_self_test(&fixture->dir, &fixture->error) < 0)
		fail_msg("%s", fixture->error_text);
	assert_int_equal(scratch_entries(fixture->path), 0);
	assert_int_equal(scratch_entries("/proc/self/fd"), before);
	assert_false(fixture->dir.dax);
}

/* Says why when it may not mount here. */
static bool mount_overlay(struct pool_fixture *fixture, char merged[SCRATCH_PATH + 8])
{
	const char *names[] = { "lower", "upper", "work", "merged" };
	char paths[4][SCRATCH_PATH + 8], options[4 * SCRATCH_PATH];

	if (!fixture->mounted)
		return false;
	for (int i = 0; i < 4; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", fixture->path, names[i]);
		assert_int_equal(mkdir(paths[i], 0700), 0);
	}
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s", paths[0], paths[1], paths[2]);
	strcpy(merged, paths[3]);
	if (mount("overlay", merged, "overlay", 0, options) == 0)
		return true;
	print_message("skipped: an overlayfs cannot be mounted: %s\n", strerror(errno));
	return false;
}

TEST_WITH(test_pool_dir_self_test_refuses_overlayfs, setup_small, pool_fixture_teardown)
{
	struct pool_fixture *fixture = *state;
	char merged[SCRATCH_PATH + 8];
	struct pool_dir dir;

	if (!mount_overlay(fixture, merged))
		skip();
	assert_int_equal(pool_dir_open(merged, &dir, &fixture->error), 0);
	assert_int_equal(pool_dir_self_test(&dir, &fixture->error), -EOPNOTSUPP);
	assert_non_null(strstr(fixture->error_text, merged));
	assert_non_null(strstr(fixture->error_text, "could not be told from free ones"));
	assert_int_equal(scratch_entries(merged), 0);
	pool_dir_close(&dir);
	assert_int_equal(umount2(merged, MNT_DETACH), 0);
}

static void assert_self_test_fails(struct pool_fixture *fixture, int error, const char *words)
{
	assert_int_equal(pool_dir_self_test(&fixture->dir, &fixture->error), error);
	assert_non_null(strstr(fixture->error_text, words));
	assert_int_equal(scratch_entries(fixture->path), 0);
}

TEST(test_pool_dir_self_test_refuses_leases_that_prove_nothing)
{
	struct pool_fixture *fixture = *state;

	faults.lease_always = true;
	assert_self_test_fails(fixture, -EOPNOTSUPP, "is granted a write lease");
}

TEST(test_pool_dir_self_test_refuses_a_place_without_leases)
{
	struct pool_fixture *fixture = *state;

	faults.lease_error = EINVAL;
	assert_self_test_fails(fixture, -EINVAL, "write lease: Invalid argument");
}

TEST(test_pool_dir_self_test_refuses_leases_that_never_come)
{
	struct pool_fixture *fixture = *state;

	faults.lease_error = EAGAIN;
	assert_self_test_fails(fixture, -EAGAIN, "no write lease is granted once the file is unmapped");
}

TEST(test_pool_dir_self_test_refuses_events_that_come_too_early)
{
	struct pool_fixture *fixture = *state;

	faults.events = IN_OPEN;
	assert_self_test_fails(fixture, -EOPNOTSUPP, "while the file is still mapped");
}

TEST(test_pool_dir_self_test_refuses_events_that_never_come)
{
	struct pool_fixture *fixture = *state;

	faults.events = IN_MOVE_SELF;
	assert_self_test_fails(fixture, -EOPNOTSUPP, "IN_CLOSE_WRITE does not come");
}

TEST_WITH(test_pool_dir_self_test_says_that_there_is_no_space, setup_small, pool_fixture_teardown)
{
	struct pool_fixture *fixture = *state;
	int fd;

	if (!fixture->mounted)
		skip();
	fd = openat(fixture->dir.fd, "filler", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	for (off_t offset = 0; fallocate(fd, 0, offset, 4096) == 0; offset += 4096)
		;
	close(fd);
	assert_int_equal(pool_dir_self_test(&fixture->dir, &fixture->error), -ENOSPC);
	assert_non_null(strstr(fixture->error_text, "No space left on device"));
	assert_int_equal(scratch_entries(fixture->path), 1);
}

/* --- scan --- */

struct scan {
	size_t files, headers;
	struct pool_file last;
	struct pool_header last_header;
	const struct pool_dir *rename_in;  /* set: every file is renamed as it is visited */
	int answer;
};

static int visit(void *context, const struct pool_file *file, const struct pool_header *header)
{
	struct scan *scan = context;

	scan->files++;
	scan->headers += header != NULL;
	scan->last = *file;
	if (header)
		scan->last_header = *header;
	if (scan->rename_in) {
		struct pool_file copy = *file;

		assert_int_equal(pool_file_set_mark(scan->rename_in, &copy, POOL_FILE_BAD), 0);
	}
	return scan->answer;
}

TEST(test_pool_dir_scan_finds_pools_of_every_mark)
{
	struct pool_fixture *fixture = *state;
	struct scan scan = { 0 };

	assert_int_equal(pool_dir_scan(&fixture->dir, visit, &scan), 0);
	assert_int_equal(scan.files, 0);
	for (int mark = POOL_FILE_NEW; mark <= POOL_FILE_BAD; mark++) {
		struct pool_file file = pool_fixture_make(fixture, MIB, (enum pool_file_mark)mark);

		scan = (struct scan){ 0 };
		assert_int_equal(pool_dir_scan(&fixture->dir, visit, &scan), 0);
		assert_int_equal(scan.files, 1);
		assert_int_equal(scan.headers, 1);
		assert_memory_equal(scan.last.id, file.id, sizeof(file.id));
		assert_int_equal(scan.last.mark, mark);
		assert_int_equal(scan.last.size_bytes, MIB);
		assert_int_equal(scan.last.dev, file.dev);
		assert_int_equal(scan.last.ino, file.ino);
		assert_string_equal(scan.last_header.class_name, "small");
		assert_int_equal(pool_file_destroy(&fixture->dir, &file), 0);
	}
}

TEST(test_pool_dir_scan_says_that_a_header_was_wiped)
{
	struct pool_fixture *fixture = *state;
	struct pool_file file = pool_fixture_make(fixture, MIB, POOL_FILE_USED);
	struct scan scan = { 0 };

	assert_int_equal(truncate(pool_fixture_path(fixture, &file), 0), 0);
	assert_int_equal(pool_dir_scan(&fixture->dir, visit, &scan), 0);
	assert_int_equal(scan.files, 1);
	assert_int_equal(scan.headers, 0);
	assert_int_equal(scan.last.size_bytes, 0);
	assert_int_equal(truncate(pool_fixture_path(fixture, &file), MIB), 0);
	assert_int_equal(pool_dir_scan(&fixture->dir, visit, &scan), 0);
	assert_int_equal(scan.headers, 0);
}

static void make_file(const struct pool_fixture *fixture, const char *name, mode_t mode)
{
	int fd = openat(fixture->dir.fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	close(fd);
}

TEST(test_pool_dir_scan_passes_over_what_is_not_ours)
{
	struct pool_fixture *fixture = *state;
	struct pool_file linked = pool_fixture_make(fixture, MIB, POOL_FILE_USED);
	struct pool_file open_to_all = pool_fixture_make(fixture, MIB, POOL_FILE_USED);
	struct pool_file foreign = pool_fixture_make(fixture, MIB, POOL_FILE_USED);
	int dir = fixture->dir.fd;
	struct scan scan = { 0 };

	assert_int_equal(linkat(AT_FDCWD, pool_fixture_path(fixture, &linked), dir, "second", 0), 0);
	assert_int_equal(chmod(pool_fixture_path(fixture, &open_to_all), 0666), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(pool_fixture_path(fixture, &foreign), 1, -1), 0);
	else
		assert_int_equal(pool_file_destroy(&fixture->dir, &foreign), 0);
	make_file(fixture, "vmmalloc-0000000000000000000000000000000.used", 0600);
	make_file(fixture, "vmmalloc-00000000000000000000000000000000.use", 0600);
	make_file(fixture, "registry.json", 0600);
	assert_int_equal(mkdirat(dir, "vmmalloc-00000000000000000000000000000001.used", 0600), 0);
	assert_int_equal(symlinkat("registry.json", dir, "vmmalloc-00000000000000000000000000000002.used"), 0);
	assert_int_equal(mkfifoat(dir, "vmmalloc-00000000000000000000000000000003.used", 0600), 0);
	assert_int_equal(pool_dir_scan(&fixture->dir, visit, &scan), 0);
	assert_int_equal(scan.files, 0);
	assert_int_equal(unlinkat(dir, "vmmalloc-00000000000000000000000000000001.used", AT_REMOVEDIR), 0);
}

TEST(test_pool_dir_scan_shows_each_file_once_though_it_is_renamed)
{
	struct pool_fixture *fixture = *state;
	struct scan scan = { .rename_in = &fixture->dir };

	for (int i = 0; i < 100; i++)
		pool_fixture_make(fixture, 4096, POOL_FILE_USED);
	assert_int_equal(pool_dir_scan(&fixture->dir, visit, &scan), 0);
	assert_int_equal(scan.files, 100);
	assert_int_equal(scan.headers, 100);
	assert_int_equal(scratch_entries(fixture->path), 100);
}

TEST(test_pool_dir_scan_ends_when_the_visitor_says_so)
{
	struct pool_fixture *fixture = *state;
	struct scan scan = { .answer = 42 };

	pool_fixture_make(fixture, 4096, POOL_FILE_USED);
	pool_fixture_make(fixture, 4096, POOL_FILE_USED);
	assert_int_equal(pool_dir_scan(&fixture->dir, visit, &scan), 42);
	assert_int_equal(scan.files, 1);
}

static const char *only_lock(struct pool_fixture *fixture)
{
	assert_true(pool_dir_is_locked(&fixture->dir));
	return fixture->dir.lock_name;
}

static void assert_taken(struct pool_fixture *fixture)
{
	struct pool_dir other;

	fixture->error.length = 0;
	assert_int_equal(pool_dir_open(fixture->dir.path, &other, &fixture->error), 0);
	assert_int_equal(pool_dir_lock(&other, &fixture->error), -EBUSY);
	assert_non_null(strstr(fixture->error.data, "another daemon has it"));
	pool_dir_close(&other);
}

static void make_lock(struct pool_fixture *fixture, const char *name, const char *bytes, uid_t uid)
{
	int fd = openat(fixture->dir.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
	assert_int_equal(fchown(fd, uid, -1), 0);
	(void)close(fd);
}

TEST(test_pool_dir_lock_is_one_at_a_time)
{
	struct pool_fixture *fixture = *state;

	assert_int_equal(pool_dir_lock(&fixture->dir, &fixture->error), 0);
	assert_string_equal(only_lock(fixture), POOL_DIR_LOCK_FILE);
	assert_taken(fixture);
}

TEST(test_pool_dir_lock_is_not_kept_by_who_locks_the_directory)
{
	struct pool_fixture *fixture = *state;
	int fd = open(fixture->dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(flock(fd, LOCK_SH), 0);
	assert_int_equal(pool_dir_lock(&fixture->dir, &fixture->error), 0);
	(void)close(fd);
}

TEST(test_pool_dir_lock_closes_its_file_to_others)
{
	struct pool_fixture *fixture = *state;
	struct stat st;

	make_lock(fixture, POOL_DIR_LOCK_FILE, "", geteuid());
	assert_int_equal(fchmodat(fixture->dir.fd, POOL_DIR_LOCK_FILE, 0644, 0), 0);
	assert_int_equal(pool_dir_lock(&fixture->dir, &fixture->error), 0);
	assert_int_equal(fstatat(fixture->dir.fd, POOL_DIR_LOCK_FILE, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* In a sticky directory everybody may have made it first, and nobody else can remove it. */
TEST(test_pool_dir_lock_passes_by_what_is_not_ours)
{
	struct pool_fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	for (int kind = 0; kind < 5; kind++) {
		switch (kind) {
		case 0: make_lock(fixture, POOL_DIR_LOCK_FILE, "", 1); break;
		case 1: make_lock(fixture, POOL_DIR_LOCK_FILE, "something", 0); break;
		case 2: assert_int_equal(symlinkat("elsewhere", fixture->dir.fd, POOL_DIR_LOCK_FILE), 0); break;
		case 3: assert_int_equal(mkdirat(fixture->dir.fd, POOL_DIR_LOCK_FILE, 0700), 0); break;
		case 4: assert_int_equal(mkfifoat(fixture->dir.fd, POOL_DIR_LOCK_FILE, 0600), 0); break;
		}
		assert_int_equal(pool_dir_lock(&fixture->dir, &fixture->error), 0);
		assert_string_not_equal(only_lock(fixture), POOL_DIR_LOCK_FILE);
		assert_memory_equal(only_lock(fixture), POOL_DIR_LOCK_FILE ".", sizeof(POOL_DIR_LOCK_FILE));
		assert_taken(fixture);
		assert_int_equal(scratch_entries(fixture->path), 2);
		assert_int_equal(faccessat(fixture->dir.fd, "elsewhere", F_OK, 0), -1);
		assert_int_equal(unlinkat(fixture->dir.fd, POOL_DIR_LOCK_FILE, kind == 3 ? AT_REMOVEDIR : 0), 0);
		/* it is still the one, when the stranger's is gone */
		assert_taken(fixture);
		assert_int_equal(unlinkat(fixture->dir.fd, fixture->dir.lock_name, 0), 0);
		cleanup_fd(&fixture->dir.lock_fd);
		fixture->dir.lock_fd = -1;
	}
}

TEST(test_pool_dir_lock_takes_all_that_are_ours)
{
	struct pool_fixture *fixture = *state;
	int fd;

	make_lock(fixture, POOL_DIR_LOCK_FILE ".0000000000000001", "", geteuid());
	make_lock(fixture, POOL_DIR_LOCK_FILE ".0000000000000002", "", geteuid());
	/* who began at the same time, and has made and locked the second */
	fd = openat(fixture->dir.fd, POOL_DIR_LOCK_FILE ".0000000000000002", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(pool_dir_lock(&fixture->dir, &fixture->error), -EBUSY);
	assert_int_equal(fixture->dir.lock_fd, -1);
	(void)close(fd);
	assert_int_equal(pool_dir_lock(&fixture->dir, &fixture->error), 0);
	assert_string_equal(only_lock(fixture), POOL_DIR_LOCK_FILE ".0000000000000001");
	assert_int_equal(scratch_entries(fixture->path), 1);
	assert_taken(fixture);
}

TEST(test_pool_dir_lock_that_was_removed_can_be_had_again)
{
	struct pool_fixture *fixture = *state;
	size_t before;

	assert_int_equal(pool_dir_lock(&fixture->dir, &fixture->error), 0);
	before = scratch_entries("/proc/self/fd");
	/* removed, replaced, and with another name */
	for (int kind = 0; kind < 3; kind++) {
		if (kind == 2)
			assert_int_equal(renameat(fixture->dir.fd, POOL_DIR_LOCK_FILE, fixture->dir.fd,
						  POOL_DIR_LOCK_FILE ".old"), 0);
		else
			assert_int_equal(unlinkat(fixture->dir.fd, POOL_DIR_LOCK_FILE, 0), 0);
		if (kind == 1)
			make_lock(fixture, POOL_DIR_LOCK_FILE, "", geteuid());
		assert_false(pool_dir_is_locked(&fixture->dir));
		if (pool_dir_lock(&fixture->dir, &fixture->error) != 0)
			fail_msg("%s", fixture->error_text);
		assert_true(pool_dir_is_locked(&fixture->dir));
		assert_taken(fixture);
		assert_int_equal(scratch_entries("/proc/self/fd"), before);
	}
}

/* Many at the same time, in a directory where the usual name is a stranger's: one has it, and no more. */
TEST(test_pool_dir_lock_is_one_s_of_many)
{
	struct pool_fixture *fixture = *state;
	int go[2], won[2];

	if (geteuid() != 0)
		skip();
	make_lock(fixture, POOL_DIR_LOCK_FILE, "", 1);
	for (int round = 0; round < 30; round++) {
		char byte;
		int winners = 0;

		assert_int_equal(pipe2(go, O_CLOEXEC), 0);
		assert_int_equal(pipe2(won, O_CLOEXEC), 0);
		for (int i = 0; i < 8; i++) {
			struct pollfd end = { .fd = won[0] };

			if (fork() != 0)
				continue;
			alarm(20);
			close(go[1]);
			(void)read(go[0], &byte, 1);
			if (pool_dir_lock(&fixture->dir, &fixture->error) == 0)
				(void)write(won[1], "x", 1);
			close(won[1]);
			/* until all have tried */
			while (poll(&end, 1, 10000) > 0 && !(end.revents & POLLHUP))
				;
			_exit(0);
		}
		close(go[0]);
		close(won[1]);
		close(go[1]);
		while (read(won[0], &byte, 1) == 1)
			winners++;
		close(won[0]);
		while (wait(NULL) > 0)
			;
		assert_uint_in_range(winners, 0, 1);
		winners += pool_dir_lock(&fixture->dir, &fixture->error) == 0;
		assert_uint_in_range(winners, 1, 2);
		assert_int_equal(unlinkat(fixture->dir.fd, fixture->dir.lock_name, 0), 0);
		cleanup_fd(&fixture->dir.lock_fd);
		fixture->dir.lock_fd = -1;
	}
}
