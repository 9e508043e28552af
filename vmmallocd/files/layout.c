/* SPDX-License-Identifier: BSD-3-Clause */
/* layout -- whether a pool on DAX can be mapped with 2 MiB pages, and what would mend it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/vfs.h>

#include "common/util/cleanup.h"
#include "common/util/file_layout.h"
#include "vmmallocd/files/internal.h"

/* -EOPNOTSUPP: the kernel's huge pages are larger than those that this is about. */
static int check_pool(int fd, uint64_t size_bytes, bool *ret_good)
{
	if (!pool_file_has_huge_pages())
		return -EOPNOTSUPP;
	return file_layout_check(fd, size_bytes & ~(uint64_t)(POOL_HUGE_PAGE - 1), ret_good);
}

bool pool_file_lies_well(int fd, uint64_t size_bytes)
{
	bool good;

	/* what cannot be known need not be tried again */
	return check_pool(fd, size_bytes, &good) < 0 || good;
}

static void advise_mkfs(int fd, const struct pool_dir *dir, struct text *advice)
{
	struct statfs fs;
	const char *mkfs;

	text_add(advice, "%s: a pool does not lie on 2 MiB boundaries, so that parts of it get 4 KiB pages",
		 dir->path);
	mkfs = fstatfs(fd, &fs) < 0 ? NULL : file_layout_mkfs(fs.f_type);
	if (mkfs)
		text_add(advice, "; a file system made with %s avoids it while there is room", mkfs);
}

int pool_file_check_layout(const struct pool_dir *dir, const struct pool_file *file, struct text *advice)
{
	uint64_t start;
	struct stat st;
	bool good;
	int r;

	CLEANUP(cleanup_fd) int fd = pool_file_open_as(dir, file, O_RDONLY, &st);
	if (fd < 0)
		return fd;
	r = check_pool(fd, (uint64_t)st.st_size, &good);
	if (r < 0)
		return r;
	start = file_layout_partition(st.st_dev);
	if (start % POOL_HUGE_PAGE) {
		text_add(advice, "%s: the partition begins at byte %lu of its device, expected a multiple of 2 MiB: "
			 "make it and its file system anew", dir->path, start);
		return -EMEDIUMTYPE;
	}
	if (!good) {
		advise_mkfs(fd, dir, advice);
		return -EMEDIUMTYPE;
	}
	return 0;
}
