/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trial -- trial_look: makes a file in a directory, without a name, and does with it all that a pool needs. What of
 * that does not work is said; later steps are tried all the same, as far as they can be.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/pool_header.h"
#include "common/base/round.h"
#include "common/util/cleanup.h"
#include "common/util/file_layout.h"
#include "common/util/lease_trial.h"
#include "common/util/shell_word.h"
#include "vmmallocd/doctor/directory.h"
#include "vmmallocd/doctor/tunable.h"

#define TRIAL_BYTES (2 * POOL_HUGE_PAGE)
#define OF_BLOCK 512 /* st_blocks counts these */

struct trial {
	struct findings *findings;
	const struct directory *directory;
	int fd;
	size_t bytes; /* of the file */
	size_t page;  /* of its mapping */
	bool is_reserved;
};

/* Of a descriptor, as a path that opens the file once more, though it has no name. */
static void name_descriptor(int fd, char path[64])
{
	snprintf(path, 64, "/proc/self/fd/%d", fd);
}

/* A file with a name for a moment only. A descriptor or -errno. */
static int make_and_unlink(int directory)
{
	char name[64];
	unsigned long long number = 0;

	(void)getrandom(&number, sizeof(number), GRND_NONBLOCK);
	snprintf(name, sizeof(name), ".vmmallocctl.%d.%llx", getpid(), number);
	CLEANUP(cleanup_fd) int fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || unlinkat(directory, name, 0) < 0)
		return -errno;
	return steal_fd(&fd);
}

static void say_no_file(const struct trial *trial, int error)
{
	const struct statfs *fs = &trial->directory->fs;

	if (error == ENOSPC && fs->f_files > 0 && fs->f_ffree == 0)
		findings_add(trial->findings, FINDING_PROBLEM, CHECK_FILES, "remove files, or have more inodes",
			     "no file can be made: no inode is free");
	else
		findings_add(trial->findings, FINDING_PROBLEM, CHECK_FILES,
			     error == EDQUOT ? "raise the user's quota: setquota(8)" : NULL, "no file can be made: %s",
			     strerrordesc_np(error));
}

static bool make_nameless(struct trial *trial)
{
	int directory = trial->directory->fd, error;

	trial->fd = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (trial->fd >= 0) {
		findings_add(trial->findings, FINDING_OK, CHECK_FILES, NULL, "O_TMPFILE: they never have a name");
		return true;
	}
	error = errno;
	/* a file system without them; an old kernel; FUSE servers */
	if (error == EOPNOTSUPP || error == EISDIR || error == EINVAL || error == ENOSYS) {
		trial->fd = make_and_unlink(directory);
		error = -trial->fd;
	}
	if (trial->fd < 0) {
		say_no_file(trial, error);
		return false;
	}
	findings_add(trial->findings, FINDING_NOTE, CHECK_FILES, "none is needed",
		     "no O_TMPFILE: a pool has a name for a moment, and is left behind if the process is killed then");
	return true;
}

static void try_size(struct trial *trial)
{
	uint64_t pool_bytes = round_up(trial->directory->order->pool_bytes, trial->page);

	if (ftruncate(trial->fd, (off_t)pool_bytes) < 0)
		findings_add(trial->findings, FINDING_PROBLEM, CHECK_FILES,
			     errno == EFBIG ? "make pools smaller, or see `ulimit -f`" : NULL,
			     "no file of %llu bytes: %s", (unsigned long long)pool_bytes, strerrordesc_np(errno));
	(void)ftruncate(trial->fd, 0);
}

static void try_reserving(struct trial *trial)
{
	struct findings *findings = trial->findings;

	trial->is_reserved =
		ftruncate(trial->fd, (off_t)trial->bytes) == 0 && fallocate(trial->fd, 0, 0, (off_t)trial->bytes) == 0;
	if (trial->is_reserved)
		findings_add(findings, FINDING_OK, CHECK_RESERVING, NULL, "fallocate");
	else if (errno == ENOSPC || errno == EDQUOT)
		findings_add(findings, FINDING_PROBLEM, CHECK_RESERVING, "free some, or take another directory",
			     "no space for %zu bytes: %s", trial->bytes, strerrordesc_np(errno));
	else if (errno == EOPNOTSUPP)
		findings_add(findings, directory_level(trial->directory), CHECK_RESERVING, "take another file system",
			     "no fallocate: a pool is reserved by writing it, which is slow and may be waited for");
	else
		findings_add(findings, FINDING_PROBLEM, CHECK_RESERVING, NULL, "fallocate: %s", strerrordesc_np(errno));
}

static void try_mapping(struct trial *trial)
{
	char *memory = mmap(NULL, trial->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, trial->fd, 0), byte = 0;

	if (memory == MAP_FAILED) {
		findings_add(trial->findings, FINDING_PROBLEM, CHECK_MAPPING, "take another file system",
			     "no shared mapping of files: %s", strerrordesc_np(errno));
		return;
	}
	for (size_t i = 0; trial->is_reserved && i < trial->bytes; i += trial->page)
		memory[i] = 'd';
	(void)munmap(memory, trial->bytes);
	if (trial->is_reserved && pread(trial->fd, &byte, 1, (off_t)(trial->bytes - trial->page)) == 1 && byte != 'd')
		findings_add(trial->findings, FINDING_PROBLEM, CHECK_MAPPING, "take another file system",
			     "what is written to a shared mapping does not come into the file");
	else
		findings_add(trial->findings, FINDING_OK, CHECK_MAPPING, NULL, "shared and written to");
}

static void try_fork(struct trial *trial)
{
	void *memory;

	if (trial->directory->fs.f_type == HUGETLBFS_MAGIC) {
		findings_add(
			trial->findings, FINDING_NOTE, CHECK_FORKS,
			"take a tmpfs with huge=always if the program forks",
			"hugetlbfs: a fork copies all that is in use, and fails with ENOMEM in a process with threads");
		return;
	}
	memory = mmap(NULL, trial->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, trial->fd, 0);
	if (memory == MAP_FAILED) {
		findings_add(trial->findings, FINDING_NOTE, CHECK_FORKS,
			     "take another file system if the program forks",
			     "no private mapping (%s): a fork copies all that is in use", strerrordesc_np(errno));
		return;
	}
	(void)munmap(memory, trial->bytes);
	findings_add(trial->findings, FINDING_OK, CHECK_FORKS, NULL, "mapped privately");
}

static void try_punching(struct trial *trial)
{
	struct stat before, after;
	char byte = 0;

	if (!trial->is_reserved || fstat(trial->fd, &before) < 0)
		return;
	if (fallocate(trial->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)trial->bytes) < 0) {
		findings_add(
			trial->findings, FINDING_NOTE, CHECK_PUNCHING, "take another file system",
			"%s: what is free in a pool stays reserved, and the daemon makes pools anew after each use",
			strerrordesc_np(errno));
		return;
	}
	if (fstat(trial->fd, &after) < 0 || pread(trial->fd, &byte, 1, 0) < 0 || byte != 0)
		findings_add(trial->findings, FINDING_PROBLEM, CHECK_PUNCHING, "take another file system",
			     "a hole that was punched still has what was there");
	else if (after.st_blocks >= before.st_blocks)
		findings_add(trial->findings, FINDING_NOTE, CHECK_PUNCHING, "take another file system",
			     "a hole is punched, and no space comes back");
	else
		findings_add(trial->findings, FINDING_OK, CHECK_PUNCHING, NULL, "%lld of %lld KiB came back",
			     (long long)(before.st_blocks - after.st_blocks) * OF_BLOCK / 1024,
			     (long long)before.st_blocks * OF_BLOCK / 1024);
}

/* --- DAX --- */

static bool device_has_dax(const struct mount_of *mount)
{
	char path[128];
	unsigned long long dax = 0;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/queue/dax", mount->major, mount->minor);
	if (tunable_number(path, &dax))
		return dax == 1;
	/* a partition has none of its own */
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../queue/dax", mount->major, mount->minor);
	return tunable_number(path, &dax) && dax == 1;
}

static void say_no_dax(struct trial *trial)
{
	const struct mount_of *mount = &trial->directory->mount;
	char command[FINDINGS_WORDS_BYTES] = "";
	struct text text = TEXT_INIT(command);

	if (!trial->directory->has_mount || !device_has_dax(mount)) {
		findings_add(trial->findings, FINDING_NOTE, CHECK_DAX, "a tmpfs, or a DAX file system: see dax.md",
			     "none: the heap is in the page cache, and is written to its disk now and then");
		return;
	}
	text_add(&text, "umount it, and mount -o dax=always ");
	shell_word_add(&text, mount->source);
	text_add(&text, " ");
	shell_word_add(&text, mount->point);
	findings_add(trial->findings, FINDING_NOTE, CHECK_DAX, command, "the device could, but it is not mounted so");
}

/* Of the file, which is reserved: whether 2 MiB of it lie together. */
static void look_at_layout(struct trial *trial)
{
	uint64_t start = file_layout_partition(trial->directory->st.st_dev);
	const char *mkfs = file_layout_mkfs(trial->directory->fs.f_type);
	bool good = false;
	int r;

	if (!trial->is_reserved || sysconf(_SC_PAGESIZE) != (long)POOL_PAGE_LEAST)
		return;
	r = file_layout_check(trial->fd, trial->bytes, &good);
	if (r < 0)
		findings_add(trial->findings, FINDING_NOTE, CHECK_HUGE_PAGES, NULL, "extents are not to be seen: %s",
			     strerrordesc_np(-r));
	else if (start % POOL_HUGE_PAGE)
		findings_add(trial->findings, FINDING_NOTE, CHECK_HUGE_PAGES,
			     "make the partition anew at a multiple of 2 MiB, and its file system",
			     "none: the partition begins at byte %llu of its device", (unsigned long long)start);
	else if (!good)
		findings_add(trial->findings, FINDING_NOTE, CHECK_HUGE_PAGES, mkfs,
			     "a file does not lie on 2 MiB boundaries: parts of pools have small pages");
	else
		findings_add(trial->findings, FINDING_OK, CHECK_HUGE_PAGES, NULL, "files lie on 2 MiB boundaries");
}

static void look_at_dax(struct trial *trial)
{
	struct statx sx;
	char value[64];
	const char *option = mount_of_option(&trial->directory->mount, "dax", value, sizeof(value));

	if (trial->directory->fs.f_type == TMPFS_MAGIC || trial->directory->fs.f_type == HUGETLBFS_MAGIC) {
		findings_add(trial->findings, FINDING_OK, CHECK_DAX, NULL,
			     "not needed: the file system is memory itself");
	} else if (statx(trial->fd, "", AT_EMPTY_PATH, 0, &sx) == 0 && (sx.stx_attributes & STATX_ATTR_DAX)) {
		findings_add(trial->findings, FINDING_OK, CHECK_DAX, NULL, "files are, on %s, mounted with dax%s%s",
			     trial->directory->mount.source, option && *option ? "=" : "", option ? option : "");
		look_at_layout(trial);
	} else {
		say_no_dax(trial);
	}
}

/* --- what the daemon needs --- */

static int open_again(void *context)
{
	const struct trial *trial = context;
	char path[64];
	int fd;

	name_descriptor(trial->fd, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int probe_again(void *context)
{
	const struct trial *trial = context;

	return lease_trial_probe(trial->fd);
}

static void say_no_inotify(const struct trial *trial, int r)
{
	findings_add(trial->findings, directory_level(trial->directory), CHECK_RECLAIM,
		     r == -EMFILE ? "sysctl fs.inotify.max_user_instances=1024" : NULL, "not tried: inotify: %s",
		     strerrordesc_np(-r));
}

/* The descriptor that is left is for reading only, so that it does not stand in the way of a write lease. */
static void try_reclaim(struct trial *trial)
{
	struct lease_trial lease = { .context = trial, .open = open_again, .probe = probe_again, .bytes = trial->page };
	char path[64];
	const char *what = "";
	int r;

	name_descriptor(trial->fd, path);
	CLEANUP(cleanup_fd) int reading = open(path, O_RDONLY | O_CLOEXEC);
	if (reading < 0) {
		findings_add(trial->findings, FINDING_NOTE, CHECK_RECLAIM, "mount /proc", "not tried: %s: %s", path,
			     strerrordesc_np(errno));
		return;
	}
	close(trial->fd);
	trial->fd = reading;
	CLEANUP(cleanup_fd) int inotify = lease_trial_watch(reading);
	if (inotify < 0) {
		say_no_inotify(trial, inotify);
		return;
	}
	lease.inotify = inotify;
	r = lease_trial_run(&lease, &what);
	if (r < 0)
		findings_add(trial->findings, directory_level(trial->directory), CHECK_RECLAIM,
			     "the daemon needs another file system", "%s: %s", what, strerrordesc_np(-r));
	else
		findings_add(trial->findings, FINDING_OK, CHECK_RECLAIM, NULL,
			     "leases and inotify tell a pool in use from a free one");
}

void trial_look(struct findings *findings, const struct directory *directory)
{
	bool is_huge = directory->fs.f_type == HUGETLBFS_MAGIC;
	struct trial trial = {
		.findings = findings,
		.directory = directory,
		.page = is_huge ? (size_t)directory->fs.f_bsize : (size_t)sysconf(_SC_PAGESIZE),
	};

	trial.bytes = trial.page > TRIAL_BYTES ? trial.page : TRIAL_BYTES;
	/* a larger file than `ulimit -f` allows is an error, and no signal */
	(void)signal(SIGXFSZ, SIG_IGN);
	if (!make_nameless(&trial))
		return;
	try_size(&trial);
	try_reserving(&trial);
	look_at_dax(&trial);
	try_mapping(&trial);
	try_fork(&trial);
	try_punching(&trial);
	try_reclaim(&trial);
}
