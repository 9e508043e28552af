/* SPDX-License-Identifier: BSD-3-Clause */
/* warm -- the work of a pool's first touch, done before anybody waits for it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/statfs.h>

#include "common/util/cleanup.h"
#include "vmmallocd/files/internal.h"

static int warm_pages(const struct pool_file_mapping *mapping, uint64_t size, bool collapsible,
		      const atomic_bool *cancel, uint64_t *ret_huge_bytes)
{
	uint64_t huge_bytes = 0;

	for (uint64_t done = 0; done < size; done += POOL_HUGE_PAGE) {
		uint64_t bytes = size - done < POOL_HUGE_PAGE ? size - done : POOL_HUGE_PAGE;

		if (pool_file_cancelled(cancel))
			return -ECANCELED;
		if (collapsible && bytes == POOL_HUGE_PAGE && pool_file_collapse(mapping->base + done) == 0) {
			huge_bytes += bytes;
		} else {
			int r = pool_file_populate(mapping->base + done, bytes);

			if (r < 0)
				return r;
		}
	}
	*ret_huge_bytes = huge_bytes;
	return 0;
}

/* Brings in all pages of an open pool file. *ret_huge_bytes says how much of it became huge pages of a tmpfs. */
static int warm_file(const struct pool_dir *dir, int fd, const struct pool_file *file, const atomic_bool *cancel,
		     uint64_t *ret_huge_bytes, struct text *error)
{
	CLEANUP(pool_file_unmap) struct pool_file_mapping mapping = { 0 };
	int r = pool_file_map(fd, 0, file->size_bytes, &mapping);

	if (r < 0)
		return pool_file_fail(error, dir, file, "mmap", r);
	r = warm_pages(&mapping, file->size_bytes, dir->tmpfs, cancel, ret_huge_bytes);
	return r < 0 ? pool_file_fail(error, dir, file, "warming", r) : 0;
}

/* On DAX the file system's layout alone says whether there are huge pages. */
static uint64_t huge_bytes_on_dax(const struct pool_dir *dir, const struct pool_file *file)
{
	char ignored[256];
	struct text advice = TEXT_INIT(ignored);

	return pool_file_check_layout(dir, file, &advice) == 0 ?
		       file->size_bytes & ~(uint64_t)(POOL_HUGE_PAGE - 1) :
		       0;
}

int pool_file_warm(const struct pool_dir *dir, const struct pool_file *file, const atomic_bool *cancel,
		   uint64_t *ret_huge_bytes, struct text *error)
{
	uint64_t huge_bytes = 0;
	bool dax;
	int r;

	CLEANUP(cleanup_fd) int fd = pool_file_open(dir, file);
	if (fd < 0)
		return pool_file_fail(error, dir, file, "open", fd);
	dax = pool_file_is_dax(fd);
	if (dir->tmpfs || dax) {
		r = warm_file(dir, fd, file, cancel, &huge_bytes, error);
		if (r < 0)
			return r;
	}
	if (dax)
		huge_bytes = huge_bytes_on_dax(dir, file);
	else if (dir->hugetlbfs)
		huge_bytes = file->size_bytes;  /* a hugetlbfs: reserved in huge pages, which are zeroed by then */
	*ret_huge_bytes = huge_bytes;
	return 0;
}
