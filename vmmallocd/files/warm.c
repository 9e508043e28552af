/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * warm -- the work of a pool's first touch, done before anybody waits for it.
 *
 * Pages are brought in from inside the kernel (madvise), never by touching them here: where a file system cannot
 * deliver one, that is an errno instead of SIGBUS.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/statfs.h>

#include "common/util/cleanup.h"
#include "vmmallocd/files/internal.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25      /* Linux 6.1 */
#endif

int pool_file_map(int fd, uint64_t offset, uint64_t bytes, struct pool_file_mapping *ret_mapping)
{
	struct pool_file_mapping mapping;
	uintptr_t address;

	if (__builtin_add_overflow(bytes, 2 * POOL_FILE_HUGE_PAGE, &mapping.span))
		return -ENOMEM;
	mapping.room = mmap(NULL, mapping.span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mapping.room == MAP_FAILED)
		return -errno;
	/* address and offset agree in what huge pages look at */
	address = ((uintptr_t)mapping.room + POOL_FILE_HUGE_PAGE - 1) & ~(POOL_FILE_HUGE_PAGE - 1);
	address += offset & (POOL_FILE_HUGE_PAGE - 1);
	mapping.base = mmap((void *)address, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)offset);
	if (mapping.base == MAP_FAILED) {
		int r = -errno;

		(void)munmap(mapping.room, mapping.span);
		return r;
	}
	*ret_mapping = mapping;
	return 0;
}

void pool_file_unmap(struct pool_file_mapping *mapping)
{
	(void)munmap(mapping->room, mapping->span);
}

static int populate(char *address, uint64_t bytes)
{
	while (madvise(address, bytes, MADV_POPULATE_WRITE) < 0) {
		/* EFAULT: the file system has no page for this place, though it was reserved */
		if (errno != EINTR)
			return errno == EFAULT ? -ENOSPC : -errno;
	}
	return 0;
}

int pool_file_collapse(char *address)
{
	/* Linux 6.1 collapses only where there is a page table already, and none collapses a hole alone */
	int r = populate(address, 1);

	/* busy pages may be free again at once: try twice */
	for (int i = 0; i < 2 && (r == 0 || r == -EAGAIN); i++) {
		if (madvise(address, POOL_FILE_HUGE_PAGE, MADV_COLLAPSE) == 0)
			return 0;
		r = -errno;
	}
	return r;
}

static int warm(const struct pool_file_mapping *mapping, uint64_t size, bool collapsible, const atomic_bool *cancel,
		uint64_t *ret_huge_bytes)
{
	uint64_t huge_bytes = 0;

	for (uint64_t done = 0; done < size; done += POOL_FILE_HUGE_PAGE) {
		uint64_t bytes = size - done < POOL_FILE_HUGE_PAGE ? size - done : POOL_FILE_HUGE_PAGE;

		if (pool_file_cancelled(cancel))
			return -ECANCELED;
		if (collapsible && bytes == POOL_FILE_HUGE_PAGE && pool_file_collapse(mapping->base + done) == 0) {
			huge_bytes += bytes;
		} else {
			int r = populate(mapping->base + done, bytes);

			if (r < 0)
				return r;
		}
	}
	*ret_huge_bytes = huge_bytes;
	return 0;
}

int pool_file_warm(const struct pool_dir *dir, const struct pool_file *file, const atomic_bool *cancel,
		   uint64_t *ret_huge_bytes, struct text *error)
{
	struct pool_file_mapping mapping;
	uint64_t huge_bytes = 0;
	bool dax;
	int r;

	CLEANUP(cleanup_fd) int fd = pool_file_open(dir, file);
	if (fd < 0)
		return pool_file_fail(error, dir, file, "open", fd);
	dax = pool_file_is_dax(fd);
	if (dir->grain > 4096)
		huge_bytes = file->size_bytes;  /* reserved in huge pages, which are zeroed by then */
	if (dir->tmpfs || dax) {
		r = pool_file_map(fd, 0, file->size_bytes, &mapping);
		if (r < 0)
			return pool_file_fail(error, dir, file, "mmap", r);
		r = warm(&mapping, file->size_bytes, dir->tmpfs, cancel, &huge_bytes);
		pool_file_unmap(&mapping);
		if (r < 0)
			return pool_file_fail(error, dir, file, "warming", r);
	}
	if (dax) {
		char ignored[256];
		struct text advice = TEXT_INIT(ignored);

		if (pool_file_check_layout(dir, file, &advice) == 0)
			huge_bytes = file->size_bytes & ~(uint64_t)(POOL_FILE_HUGE_PAGE - 1);
	}
	*ret_huge_bytes = huge_bytes;
	return 0;
}
