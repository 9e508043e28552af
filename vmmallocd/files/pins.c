/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pins -- whether somebody still holds pages of a pool that nobody has open or mapped any more.
 *
 * A page in a pipe (vmsplice), in a buffer of io_uring or of a socket outlives every mapping. Taken out of its file it
 * belongs to nobody's pool, and yet the memory is not free: of a huge page 2 MiB, for the 4 KiB that are held. A
 * user who takes one pool after another would have the memory of many.
 *
 * No call says who refers to a page, but two refuse to work on one that has more references than they know of:
 *
 *     MADV_COLLAPSE: EAGAIN if one of the small pages that shall become a huge page is held
 *     a hole of 4 KiB, punched into a huge page: that is split, or stays in the file, whole, if it is held
 *
 * So each 2 MiB are collapsed, which takes no time where they are a huge page already, and then a hole is punched. The
 * kernel fills it with zeros where the page stays: whoever holds those 4 KiB, the pool's last user, finds them there.
 * What nobody holds is taken out of the file at once: a pool may have 4 KiB in each 2 MiB, and all of them as huge
 * pages would be 512 times its memory, or all that the file system has.
 * Small pages of a cold pool are not looked at. Whoever holds one has 4 KiB, which are charged to his own control group
 * since he took them, as all that he puts into a pipe; and to collapse them takes milliseconds for each 2 MiB: where
 * programs came and went by the dozen, pools that nobody had filled their class.
 * This is for tmpfs. On DAX the punch of scrub.c waits for pins. Elsewhere nothing tells: a page of an
 * ordinary file system may stay because it is not written yet, and hugetlbfs splits nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/lease_trial.h"
#include "vmmallocd/files/internal.h"

#define WINDOW ((off_t)1 << 30)        /* mapped at a time */
#define LOOKS 4                        /* the kernel itself may hold a page for an instant: reclaim, compaction */
#define PAUSE_NS 5000000

/* Whether the first of the small pages could be taken out of the file. 0; -EAGAIN: it is held; -errno */
static int split_page(int fd, off_t at)
{
	off_t data;

	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, (off_t)pool_file_page()) < 0)
		return -errno;
	data = lseek(fd, at, SEEK_DATA);
	if (data < 0 && errno != ENXIO)
		return -errno;
	return data == at ? -EAGAIN : 0;
}

/* The same for all small pages. Other obstacles to a huge page, such as a lack of them, say nothing about pins. */
static int collapse_page(char *address)
{
	return pool_file_collapse(address) == -EAGAIN ? -EAGAIN : 0;
}

/* `address`: where it is mapped; NULL: small pages are not looked at. */
static int look_for_pin(int fd, off_t at, char *address, off_t bytes)
{
	int r = 0;

	for (int i = 0; i < LOOKS; i++) {
		if (i > 0)
			(void)nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
		r = address && bytes == (off_t)POOL_HUGE_PAGE ? collapse_page(address) : 0;
		if (r == 0)
			r = split_page(fd, at);
		if (r != -EAGAIN)
			break;
	}
	/* a huge page has filled what were holes: of a sparse pool no more than this one */
	if (r == 0 && bytes == (off_t)POOL_HUGE_PAGE &&
	    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, bytes) < 0)
		return -errno;
	return r == -EAGAIN ? -ETIMEDOUT : r;
}

static int look_at_window(int fd, off_t from, off_t to, bool cold, const atomic_bool *cancel)
{
	CLEANUP(pool_file_unmap) struct pool_file_mapping mapping = { 0 };
	/* of a kernel with larger pages it is no huge page that could be collapsed: each of its pages is tried */
	off_t step = (off_t)(pool_file_has_huge_pages() ? POOL_HUGE_PAGE : pool_file_page());
	int r = cold ? 0 : pool_file_map(fd, (uint64_t)from, (uint64_t)(to - from), &mapping);

	for (off_t at = from; r == 0 && at < to; at += step) {
		off_t bytes = to - at < step ? to - at : step;

		r = pool_file_cancelled(cancel) ?
			    -ECANCELED :
			    look_for_pin(fd, at, cold ? NULL : mapping.base + (at - from), bytes);
	}
	return r;
}

/* Looks only where data is: its last user may have made the file as large as a file can be. */
static int look_at_data(int fd, bool cold, const atomic_bool *cancel)
{
	off_t from = 0;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	while ((from = lseek(fd, from, SEEK_DATA)) >= 0) {
		off_t to = lseek(fd, from, SEEK_HOLE);
		int r;

		if (to < 0)
			return -errno;
		from -= from % (off_t)POOL_HUGE_PAGE;
		to = pool_file_round_up(to, POOL_HUGE_PAGE);
		if (to > from + WINDOW)
			to = from + WINDOW;
		if (to > pool_file_round_up(st.st_size, pool_file_page()))
			to = pool_file_round_up(st.st_size, pool_file_page());
		r = look_at_window(fd, from, to, cold, cancel);
		if (r < 0)
			return r;
		from = to;
	}
	return errno == ENXIO ? 0 : -errno;
}

int pool_file_check_pins(const struct pool_dir *dir, const struct pool_file *file, bool cold,
			 const atomic_bool *cancel, struct text *error)
{
	int r;

	if (!dir->tmpfs)
		return 0;
	CLEANUP(cleanup_fd) int fd = pool_file_open(dir, file);
	if (fd < 0)
		return pool_file_fail(error, dir, file, "open", fd);
	/* as in a scrub: a hole in the heap of a program would be worse than any pin */
	r = lease_trial_probe(fd);
	if (r < 0)
		return pool_file_fail(error, dir, file, "write lease", r);
	r = look_at_data(fd, cold, cancel);
	if (r < 0)
		return pool_file_fail(error, dir, file, r == -ETIMEDOUT ? "a page is pinned" : "looking for pins", r);
	return 0;
}
