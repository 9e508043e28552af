/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * layout -- whether a pool on DAX can be mapped with 2 MiB pages.
 *
 * A huge page needs 2 MiB of the file that lie together on the device, on a 2 MiB boundary of it. So each extent must
 * lie on the device as it lies in the file, modulo 2 MiB, and where one ends within a huge page the next must go on at
 * the same place.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/files/internal.h"

#define EXTENTS 64               /* asked for at a time */
#define SECTOR_BYTES 512
#define NO_PLACE (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_NOT_ALIGNED)

/* What is known of the extents before. */
struct layout {
	uint64_t end;            /* in the file, bytes: where the last one ended */
	uint64_t shift;          /* of the last one: place on the device less place in the file */
};

/* Where the file system's partition begins on its device; 0 for a whole device. */
static uint64_t partition_start(dev_t dev)
{
	char path[64], digits[32] = "";

	(void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/start", major(dev), minor(dev));
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, digits, sizeof(digits) - 1) <= 0)
		return 0;
	return strtoull(digits, NULL, 10) * SECTOR_BYTES;
}

static bool extent_is_good(const struct fiemap_extent *extent, struct layout *layout)
{
	const uint64_t in_page = POOL_HUGE_PAGE - 1;
	uint64_t shift = extent->fe_physical - extent->fe_logical;
	bool good = !(extent->fe_flags & NO_PLACE) && !(shift & in_page) && extent->fe_logical == layout->end &&
		    (!(extent->fe_logical & in_page) || shift == layout->shift);

	layout->end = extent->fe_logical + extent->fe_length;
	layout->shift = shift;
	return good;
}

/*
 * Looks at all of a file's extents, of which there must be no end before `size`. -EOPNOTSUPP: the kernel's huge pages
 * are larger than those that this is about.
 */
static int check_extents(int fd, uint64_t size, bool *ret_good)
{
	char room[sizeof(struct fiemap) + EXTENTS * sizeof(struct fiemap_extent)]
		__attribute__((aligned(__alignof__(struct fiemap))));
	struct fiemap *map = (struct fiemap *)room;
	struct layout layout = { 0 };
	bool good = true, last = false;

	if (!pool_file_has_huge_pages())
		return -EOPNOTSUPP;
	while (good && !last && layout.end < size) {
		memset(map, 0, sizeof(*map));
		map->fm_start = layout.end;
		map->fm_length = size - layout.end;
		map->fm_flags = FIEMAP_FLAG_SYNC;
		map->fm_extent_count = EXTENTS;
		if (ioctl(fd, FS_IOC_FIEMAP, map) < 0)
			return -errno;
		last = map->fm_mapped_extents == 0;
		for (unsigned i = 0; good && i < map->fm_mapped_extents && i < EXTENTS; i++) {
			good = extent_is_good(&map->fm_extents[i], &layout);
			last = map->fm_extents[i].fe_flags & FIEMAP_EXTENT_LAST;
		}
	}
	*ret_good = good && layout.end >= size;
	return 0;
}

bool pool_file_lies_well(int fd, uint64_t size_bytes)
{
	bool good;

	/* what cannot be known need not be tried again */
	return check_extents(fd, size_bytes & ~(uint64_t)(POOL_HUGE_PAGE - 1), &good) < 0 || good;
}

static void advise_mkfs(int fd, const struct pool_dir *dir, struct text *advice)
{
	struct statfs fs;

	text_add(advice, "%s: a pool does not lie on 2 MiB boundaries, so that parts of it get 4 KiB pages",
		 dir->path);
	if (fstatfs(fd, &fs) < 0)
		return;
	if (fs.f_type == EXT4_SUPER_MAGIC)
		text_add(advice, "; a file system made with mkfs.ext4 -b 4096 -E stride=512,stripe_width=512 "
			 "avoids it while there is room");
	else if (fs.f_type == XFS_SUPER_MAGIC)
		text_add(advice, "; a file system made with mkfs.xfs -d su=2m,sw=1 avoids it while there is room");
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
	r = check_extents(fd, (uint64_t)st.st_size & ~(uint64_t)(POOL_HUGE_PAGE - 1), &good);
	if (r < 0)
		return r;
	start = partition_start(st.st_dev);
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
