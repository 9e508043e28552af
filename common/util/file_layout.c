/* SPDX-License-Identifier: BSD-3-Clause */
/* file_layout -- see file_layout.h. */
#include "common/util/file_layout.h"

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
#include <unistd.h>

#include "common/base/pool_header.h"
#include "common/util/cleanup.h"

#define EXTENTS 64               /* asked for at a time */
#define SECTOR_BYTES 512
#define NO_PLACE (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_NOT_ALIGNED)

/* What is known of the extents before. */
struct layout {
	uint64_t end;            /* in the file, bytes: where the last one ended */
	uint64_t shift;          /* of the last one: place on the device less place in the file */
};

uint64_t file_layout_partition(dev_t dev)
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

int file_layout_check(int fd, uint64_t size, bool *ret_good)
{
	char room[sizeof(struct fiemap) + EXTENTS * sizeof(struct fiemap_extent)]
		__attribute__((aligned(__alignof__(struct fiemap))));
	struct fiemap *map = (struct fiemap *)room;
	struct layout layout = { 0 };
	bool good = true, last = false;

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

const char *file_layout_mkfs(long type)
{
	if (type == EXT4_SUPER_MAGIC)
		return "mkfs.ext4 -b 4096 -E stride=512,stripe_width=512";
	return type == XFS_SUPER_MAGIC ? "mkfs.xfs -d su=2m,sw=1" : NULL;
}
