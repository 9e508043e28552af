/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mapping -- a pool file, or a part of it, mapped here, and its pages brought in.
 *
 * Pages are brought in from inside the kernel (madvise), never by touching them here: where a file system cannot
 * deliver one, that is an errno instead of SIGBUS.
 */
#include <errno.h>
#include <sys/mman.h>

#include "common/base/madvise.h"
#include "vmmallocd/files/internal.h"

int pool_file_map(int fd, uint64_t offset, uint64_t bytes, struct pool_file_mapping *ret_mapping)
{
	struct pool_file_mapping mapping;
	uintptr_t address;

	if (__builtin_add_overflow(bytes, 2 * POOL_HUGE_PAGE, &mapping.span))
		return -ENOMEM;
	mapping.room = mmap(NULL, mapping.span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mapping.room == MAP_FAILED)
		return -errno;
	/* address and offset agree in what huge pages look at */
	address = ((uintptr_t)mapping.room + POOL_HUGE_PAGE - 1) & ~(POOL_HUGE_PAGE - 1);
	address += offset & (POOL_HUGE_PAGE - 1);
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
	if (mapping->room)
		(void)munmap(mapping->room, mapping->span);
}

int pool_file_bring_in(char *address, uint64_t bytes, int advice, uint64_t *done)
{
	while (*done < bytes) {
		uint64_t piece = bytes - *done < POOL_FILE_PIECE ? bytes - *done : POOL_FILE_PIECE;

		if (madvise(address + *done, piece, advice) < 0)
			return -errno;
		*done += piece;
	}
	return 0;
}

int pool_file_populate(char *address, uint64_t bytes)
{
	uint64_t done = 0;
	int r;

	while ((r = pool_file_bring_in(address, bytes, MADV_POPULATE_WRITE, &done)) == -EINTR)
		;
	/* the file system has no page for this place, though it was reserved */
	return r == -EFAULT ? -ENOSPC : r;
}

int pool_file_collapse(char *address)
{
	int r;

	/* it would say 0 to a part of one that ends where the huge page does, or begins there, and leave it as it is */
	if (!pool_file_has_huge_pages())
		return -EOPNOTSUPP;
	/* Linux 6.1 collapses only where there is a page table already, and none collapses a hole alone */
	r = pool_file_populate(address, 1);
	/* busy pages may be free again at once: try twice */
	for (int i = 0; i < 2 && (r == 0 || r == -EAGAIN); i++) {
		if (madvise(address, POOL_HUGE_PAGE, MADV_COLLAPSE) == 0)
			return 0;
		r = -errno;
	}
	return r;
}
