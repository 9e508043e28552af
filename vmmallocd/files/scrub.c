/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scrub -- makes a used pool as good as new, whatever its last user did to it, or removes it.
 *
 * Pages are taken out of the file and new ones put in; none is ever overwritten in place. A page that the last user
 * pinned (in a pipe with vmsplice, in an io_uring buffer) stays as it is and belongs to no file any more.
 *
 * On DAX there is no page but the block itself, so there must be no pin when the block is freed. The kernel waits for
 * pins when a hole is punched, and as a rule only in files that are mapped: so data is mapped here, populated and
 * punched, piece by piece. The wait may last as long as the last user's friends like. A signal ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/lease_trial.h"
#include "common/util/steady_clock.h"
#include "vmmallocd/base/ticker.h"
#include "vmmallocd/files/internal.h"

#define TICK_MS 50                     /* between signals: how late `cancel` and the deadline may be noticed */
#define WINDOW ((off_t)1 << 30)        /* mapped at a time */
#define DESTROY_TIMEOUT_MS 1000
#define NODES_MOST 1024                /* of memory: as many as Linux can know */

/* How long a call that may wait for a pin is waited for. */
struct patience {
	int64_t deadline_ms;           /* of steady_clock_ms */
	const atomic_bool *cancel;
};

/* What a call that failed means: 0: it was interrupted, and shall be tried again. */
static int verdict(const struct patience *patience, int error)
{
	if (error != EINTR)
		return -error;
	if (pool_file_cancelled(patience->cancel))
		return -ECANCELED;
	return steady_clock_ms() >= patience->deadline_ms ? -ETIMEDOUT : 0;
}

static int punch(int fd, off_t from, off_t to, const struct patience *patience)
{
	while (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, to - from) < 0) {
		int r = verdict(patience, errno);

		if (r < 0)
			return r;
	}
	return 0;
}

static int populate(char *address, uint64_t bytes, const struct patience *patience)
{
	uint64_t done = 0;
	int r;

	while ((r = pool_file_bring_in(address, bytes, MADV_POPULATE_READ, &done)) < 0)
		if ((r = verdict(patience, -r)) < 0)
			return r;
	return 0;
}

static int punch_mapped(int fd, off_t from, off_t to, const struct patience *patience)
{
	CLEANUP(pool_file_unmap) struct pool_file_mapping mapping = { 0 };
	int r = pool_file_map(fd, (uint64_t)from, (uint64_t)(to - from), &mapping);

	if (r == 0)
		r = populate(mapping.base, (uint64_t)(to - from), patience);
	if (r == 0)
		r = punch(fd, from, to, patience);
	return r;
}

/*
 * Punches only where data is: the last user may have made the file as large as a file can be, with nothing in it. What
 * was never written is in nobody's hands.
 */
static int punch_data(int fd, const struct patience *patience)
{
	off_t from = 0;

	while ((from = lseek(fd, from, SEEK_DATA)) >= 0) {
		off_t to = lseek(fd, from, SEEK_HOLE);
		int r;

		if (to < 0)
			return -errno;
		/* the file may end within a page, of which half a page punched would only be zeroed */
		to = pool_file_round_up(to, pool_file_page());
		if (to - from > WINDOW)
			to = from + WINDOW;
		if (pool_file_cancelled(patience->cancel))
			return -ECANCELED;
		r = punch_mapped(fd, from, to, patience);
		if (r < 0)
			return r;
		from = to;
	}
	return errno == ENXIO ? 0 : -errno;
}

/*
 * Truncating to nothing takes pages out as punching does, reaches what was allocated behind the end, and unlike
 * punching does not first write the pages to the disk.
 */
static int truncate_all(int fd, const struct patience *patience)
{
	while (ftruncate(fd, 0) < 0) {
		int r = verdict(patience, errno);

		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * Takes every page from a file that nobody else has, and leaves it empty. -ETIMEDOUT: a page is pinned; -ECANCELED.
 * The thread gets signals meanwhile.
 */
static int empty_file(int fd, unsigned timeout_ms, const atomic_bool *cancel)
{
	const struct patience patience = { .deadline_ms = steady_clock_ms() + timeout_ms, .cancel = cancel };
	bool dax = pool_file_is_dax(fd);
	struct ticker ticker;
	int ticking = ticker_start(&ticker, TICK_MS);
	int r = 0;

	/* the limit on signals is this user's, and no word about the file; pins are waited for on DAX only */
	if (ticking < 0 && dax)
		return ticking == -EAGAIN ? -ENOBUFS : ticking;
	if (dax)
		r = punch_data(fd, &patience);
	if (r == 0)
		r = truncate_all(fd, &patience);
	if (ticking == 0)
		ticker_stop(&ticker);
	return r;
}

/* --- where its memory comes from --- */

struct policy {
	int mode;
	unsigned long nodes[NODES_MOST / (8 * sizeof(unsigned long))];
};

/* Reads the policy of a new file: the mount may set one (mpol=). */
static int read_policy(const struct pool_dir *dir, struct policy *ret_policy)
{
	void *page;
	int r;

	CLEANUP(cleanup_fd) int fd = openat(dir->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, POOL_FILE_MODE);
	if (fd < 0)
		return -errno;
	page = mmap(NULL, dir->grain, PROT_NONE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	/* one more than there are bits: the kernel takes one off */
	r = syscall(SYS_get_mempolicy, &ret_policy->mode, ret_policy->nodes, NODES_MOST + 1, page, MPOL_F_ADDR) < 0 ?
	    -errno : 0;
	(void)munmap(page, dir->grain);
	return r;
}

/*
 * What mbind(2) sets on a shared mapping belongs to the file on tmpfs and hugetlbfs: it outlives all mappings and every
 * page. It would tell the next user of the last, and take the memory of the next from where the last one chose.
 */
static int reset_policy(const struct pool_dir *dir, int fd, uint64_t size_bytes)
{
	struct policy policy = { 0 };
	void *pages;
	int r;

	if (!dir->tmpfs && !dir->hugetlbfs)
		return 0;
	r = read_policy(dir, &policy);
	if (r < 0)
		return r == -ENOSYS ? 0 : r;  /* a kernel without NUMA */
	pages = mmap(NULL, size_bytes, PROT_NONE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (pages == MAP_FAILED)
		return -errno;
	/* another one first: the kernel compares with the mapping's, which is new, and not with the file's */
	if (syscall(SYS_mbind, pages, size_bytes, MPOL_LOCAL, NULL, 0, 0) < 0 ||
	    syscall(SYS_mbind, pages, size_bytes, policy.mode, policy.nodes, NODES_MOST + 1, 0) < 0)
		r = -errno;
	(void)munmap(pages, size_bytes);
	return r;
}

int pool_file_scrub(const struct pool_dir *dir, struct pool_file *file, const char *class_name, uint64_t size_bytes,
		    unsigned timeout_ms, const atomic_bool *cancel, struct text *error)
{
	struct pool_file fresh = *file;
	const char *what;
	int r;

	r = pool_file_round(dir, size_bytes, &fresh.size_bytes);
	if (r < 0)
		return pool_file_fail(error, dir, file, "size of a pool", r);
	CLEANUP(cleanup_fd) int fd = pool_file_open(dir, file);
	if (fd < 0) {
		what = fd == -EPERM ? "its owner, mode or number of links is not what it was" : "open";
		return pool_file_fail(error, dir, file, what, fd);
	}
	/* the caller has asked; here a mistake would take the heap from under a program */
	r = lease_trial_probe(fd);
	if (r < 0)
		return pool_file_fail(error, dir, file, "write lease", r);
	/* not between emptying and filling: others wait for the space */
	r = reset_policy(dir, fd, fresh.size_bytes);
	if (r < 0)
		return pool_file_fail(error, dir, file, "memory policy", r);
	r = empty_file(fd, timeout_ms, cancel);
	if (r < 0)
		return pool_file_fail(error, dir, file, r == -ETIMEDOUT ? "a page is pinned" : "punching", r);
	r = pool_file_fill(dir, fd, &fresh, class_name, cancel, &what);
	if (r < 0)
		return pool_file_fail(error, dir, file, what, r);
	*file = fresh;
	return 0;
}

/* --- the end of a pool --- */

/*
 * On DAX a page may still be pinned by whoever had the pool. If unlink freed its block, that would go to another file
 * while the pin still reaches it.
 */
static int empty_dax(const struct pool_dir *dir, const struct pool_file *file)
{
	struct stat st;
	int r;

	CLEANUP(cleanup_fd) int fd = pool_file_open_as(dir, file, O_RDWR, &st);
	if (fd < 0)
		return fd;
	if (!pool_file_is_dax(fd))
		return 0;
	r = lease_trial_probe(fd);
	return r < 0 ? r : empty_file(fd, DESTROY_TIMEOUT_MS, NULL);
}

int pool_file_destroy(const struct pool_dir *dir, const struct pool_file *file)
{
	char name[POOL_FILE_NAME_BYTES];
	struct stat st;
	int r;

	pool_file_name_format(file, name);
	r = pool_file_stat(dir, file, &st);
	if (r == 0 && dir->dax && (file->mark == POOL_FILE_USED || file->mark == POOL_FILE_BAD))
		r = empty_dax(dir, file);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return unlinkat(dir->fd, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
}
