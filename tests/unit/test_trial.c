/* SPDX-License-Identifier: BSD-3-Clause */
/* test_trial -- what is said of a directory in which one call after the other fails, or whose files are on DAX. */
/* objects: vmmallocd/doctor/ common/base/ common/util/ */
/* wrap: openat fallocate mmap ftruncate fcntl inotify_init1 statx ioctl */
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/faults.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"
#include "vmmallocd/doctor/directory.h"

struct fixture {
	char path[SCRATCH_PATH];
	struct directory_order order;
	struct directory directory;
	struct findings findings;
};

static struct {
	bool dax;                 /* statx() says so of all files */
	uint64_t physical;        /* where FS_IOC_FIEMAP has the first extent, which is all of the file */
} kernel;

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ .findings = FINDINGS_INIT };
	scratch_make(DISK, fixture.path);
	fixture.order = (struct directory_order){ .path = fixture.path, .daemon_uid = (uid_t)-1,
						   .pool_bytes = 16 * MIB };
	fixture.directory.order = &fixture.order;
	fixture.directory.fd = open(fixture.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fixture.directory.fs.f_type = EXT4_SUPER_MAGIC;
	fixture.directory.has_mount = true;
	snprintf(fixture.directory.mount.options, sizeof(fixture.directory.mount.options), "rw,dax=always");
	snprintf(fixture.directory.mount.source, sizeof(fixture.directory.mount.source), "/dev/pmem0");
	signal(SIGIO, SIG_IGN);
	memset(&kernel, 0, sizeof(kernel));
	faults_clear();
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	faults_clear();
	findings_done(&fixture->findings);
	close(fixture->directory.fd);
	scratch_remove(fixture->path);
	return 0;
}

TEST_FIXTURE(set_up, tear_down);

/* --- the kernel --- */

int __real_statx(int fd, const char *path, int flags, unsigned mask, struct statx *sx);
int __wrap_statx(int fd, const char *path, int flags, unsigned mask, struct statx *sx)
{
	int r = __real_statx(fd, path, flags, mask, sx);

	if (r == 0 && kernel.dax)
		sx->stx_attributes |= STATX_ATTR_DAX;
	return r;
}

int __real_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
	struct fiemap *map = argument;

	if (request != FS_IOC_FIEMAP)
		return __real_ioctl(fd, request, argument);
	if (faults_strike_errno("ioctl"))
		return -1;
	map->fm_mapped_extents = 1;
	map->fm_extents[0] = (struct fiemap_extent){ .fe_physical = kernel.physical, .fe_length = map->fm_length,
						     .fe_flags = FIEMAP_EXTENT_LAST };
	return 0;
}

int __real_fcntl(int fd, int command, void *argument);
int __wrap_fcntl(int fd, int command, void *argument)
{
	if (command == F_SETLEASE && faults_strike_errno("lease"))
		return -1;
	return __real_fcntl(fd, command, argument);
}

int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size)
{
	return faults_strike_errno("ftruncate") ? -1 : __real_ftruncate(fd, size);
}

/* Of files alone: a sanitizer maps its own memory. */
void *__real_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	if (fd >= 0 && faults_strike_errno("mmap"))
		return MAP_FAILED;
	return __real_mmap(address, bytes, protection, flags, fd, offset);
}

int __real_inotify_init1(int flags);
int __wrap_inotify_init1(int flags)
{
	return faults_strike_errno("inotify_init1") ? -1 : __real_inotify_init1(flags);
}

/* --- */

static const struct finding *find(const struct fixture *fixture, enum check check, const char *words)
{
	for (size_t i = 0; i < fixture->findings.count; i++)
		if (fixture->findings.list[i].check == check && strstr(fixture->findings.list[i].found, words))
			return &fixture->findings.list[i];
	return NULL;
}

/* What is looked at says so, and no name is left. */
static void assert_said(struct fixture *fixture, enum finding_level level, enum check check, const char *words)
{
	const struct finding *finding;

	trial_look(&fixture->findings, &fixture->directory);
	finding = find(fixture, check, words);
	assert_non_null(finding);
	assert_int_equal(finding->level, level);
	assert_int_equal(scratch_entries(fixture->path), 0);
}

TEST(test_trial_finds_nothing_on_a_disk_but_that_it_is_one)
{
	struct fixture *fixture = *state;

	assert_said(fixture, FINDING_NOTE, CHECK_DAX, "page cache");
	assert_int_equal(findings_count(&fixture->findings, FINDING_NOTE), 1);
}

TEST(test_trial_makes_a_file_with_a_name_where_there_is_no_other_way)
{
	static const int errors[] = { EOPNOTSUPP, EISDIR, EINVAL, ENOSYS };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		faults_order("openat", 0, 1, errors[i]);
		assert_said(fixture, FINDING_NOTE, CHECK_FILES, "no O_TMPFILE");
		assert_null(find(fixture, CHECK_RECLAIM, "could not"));
		findings_done(&fixture->findings);
	}
	faults_order("openat", 0, 2, EOPNOTSUPP);
	assert_said(fixture, FINDING_PROBLEM, CHECK_FILES, "no file can be made: Operation not supported");
}

TEST(test_trial_says_why_no_file_can_be_made)
{
	struct fixture *fixture = *state;

	faults_order("openat", 0, 1, ENOSPC);
	assert_said(fixture, FINDING_PROBLEM, CHECK_FILES, "No space left");
	assert_int_equal(fixture->findings.count, 1);
	faults_order("openat", 0, 1, EDQUOT);
	assert_said(fixture, FINDING_PROBLEM, CHECK_FILES, "Disk quota exceeded");
	fixture->directory.fs.f_files = 100;
	faults_order("openat", 0, 1, ENOSPC);
	assert_said(fixture, FINDING_PROBLEM, CHECK_FILES, "no inode is free");
}

TEST(test_trial_says_what_the_file_system_cannot)
{
	static const struct {
		const char *call;
		int after, error;
		enum check check;
		enum finding_level own, of_class;
		const char *words;
	} cases[] = {
		{ "ftruncate", 0, EFBIG, CHECK_FILES, FINDING_PROBLEM, FINDING_PROBLEM, "no file of 16777216 bytes" },
		{ "fallocate", 0, EOPNOTSUPP, CHECK_RESERVING, FINDING_NOTE, FINDING_PROBLEM, "no fallocate" },
		{ "fallocate", 0, ENOSPC, CHECK_RESERVING, FINDING_PROBLEM, FINDING_PROBLEM, "no space" },
		{ "fallocate", 0, EIO, CHECK_RESERVING, FINDING_PROBLEM, FINDING_PROBLEM, "Input/output error" },
		{ "fallocate", 1, EOPNOTSUPP, CHECK_PUNCHING, FINDING_NOTE, FINDING_NOTE, "stays reserved" },
		{ "mmap", 0, ENODEV, CHECK_MAPPING, FINDING_PROBLEM, FINDING_PROBLEM, "No such device" },
		{ "mmap", 1, ENODEV, CHECK_FORKS, FINDING_NOTE, FINDING_NOTE, "a fork copies" },
		{ "mmap", 2, ENODEV, CHECK_RECLAIM, FINDING_NOTE, FINDING_PROBLEM, "mmap: No such device" },
		{ "lease", 0, EINVAL, CHECK_RECLAIM, FINDING_NOTE, FINDING_PROBLEM, "write lease: Invalid argument" },
		{ "inotify_init1", 0, EMFILE, CHECK_RECLAIM, FINDING_NOTE, FINDING_PROBLEM,
		  "inotify: Too many open files" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
		fixture->order.of_class = i % 2;
		faults_clear();
		faults_order(cases[i / 2].call, cases[i / 2].after, 1, cases[i / 2].error);
		assert_said(fixture, i % 2 ? cases[i / 2].of_class : cases[i / 2].own, cases[i / 2].check,
			    cases[i / 2].words);
		assert_int_equal(faults_left(cases[i / 2].call), 0);
		findings_done(&fixture->findings);
	}
}

TEST(test_trial_looks_at_extents_on_dax)
{
	struct fixture *fixture = *state;

	kernel.dax = true;
	kernel.physical = 64 * MIB;
	assert_said(fixture, FINDING_OK, CHECK_DAX, "files are, on /dev/pmem0, mounted with dax=always");
	if (sysconf(_SC_PAGESIZE) != 4096)
		skip();
	assert_non_null(find(fixture, CHECK_HUGE_PAGES, "files lie on 2 MiB boundaries"));
	findings_done(&fixture->findings);

	kernel.physical = 64 * MIB + 4096;
	assert_said(fixture, FINDING_NOTE, CHECK_HUGE_PAGES, "a file does not lie on 2 MiB boundaries");
	assert_non_null(strstr(find(fixture, CHECK_HUGE_PAGES, "")->mend, "mkfs.ext4 -b 4096 -E stride=512"));
	findings_done(&fixture->findings);

	faults_order("ioctl", 0, 1, EOPNOTSUPP);
	assert_said(fixture, FINDING_NOTE, CHECK_HUGE_PAGES, "extents are not to be seen: Operation not supported");
}
