/* SPDX-License-Identifier: BSD-3-Clause */
/* fill -- an empty file becomes a pool's: size, header and space. For new files, and for those that are scrubbed. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "include/libvmmalloc.h"
#include "vmmallocd/files/internal.h"

#define RESERVE_PIECE ((uint64_t)16 << 20)   /* of one fallocate: `cancel` is looked at in between */
#define PLACES_TRIED 4                       /* for a pool on DAX, until it lies well */

int pool_file_round(const struct pool_dir *dir, uint64_t size_bytes, uint64_t *ret_bytes)
{
	uint64_t grain = dir->grain;

	if (size_bytes > INT64_MAX - grain)
		return -EFBIG;
	*ret_bytes = (size_bytes + grain - 1) / grain * grain;
	return *ret_bytes ? 0 : -EINVAL;
}

/* The limit is looked at here, because the kernel would say it with SIGXFSZ. */
static int check_file_limit(uint64_t bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur)
		return -EFBIG;
	return 0;
}

/*
 * How much is reserved at a time. On DAX it is a huge page as well: ext4 places what is a power of two in size on
 * multiples of that size.
 */
static uint64_t piece_bytes(const struct pool_dir *dir)
{
	if (dir->tmpfs || dir->dax)
		return POOL_HUGE_PAGE;
	return RESERVE_PIECE > dir->grain ? RESERVE_PIECE : dir->grain;
}

/*
 * A huge page of a tmpfs, zeroed once. It is collapsed out of one page and the hole behind that: a hole alone cannot
 * be, and small pages would have to be zeroed, copied and freed, which takes seven times as long. False: it is not to
 * be had, or there is no space, and what was done does not matter.
 */
static bool reserve_huge(int fd, uint64_t from)
{
	CLEANUP(pool_file_unmap) struct pool_file_mapping mapping = { 0 };

	return fallocate(fd, 0, (off_t)from, (off_t)pool_file_page()) == 0 &&
	       pool_file_map(fd, from, POOL_HUGE_PAGE, &mapping) == 0 && pool_file_collapse(mapping.base) == 0;
}

static int reserve_space(const struct pool_dir *dir, int fd, uint64_t from, uint64_t to, const atomic_bool *cancel)
{
	const uint64_t piece = piece_bytes(dir);

	while (from < to) {
		uint64_t bytes = to - from < piece ? to - from : piece;

		if (pool_file_cancelled(cancel))
			return -ECANCELED;
		if ((dir->tmpfs && bytes == POOL_HUGE_PAGE && reserve_huge(fd, from)) ||
		    fallocate(fd, 0, (off_t)from, (off_t)bytes) == 0)
			from += bytes;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/*
 * For a file that has no space yet: a new one, or one that was truncated to nothing, which gives back at once what it
 * had, also what is pinned. A file system without a limit has 0 blocks. `also_kept`: what it keeps for root counts as
 * well, so that where there is too little there cannot be enough.
 */
static bool lacks_space(const struct pool_dir *dir, uint64_t bytes, bool also_kept)
{
	struct statfs fs;

	return fstatfs(dir->fd, &fs) == 0 && fs.f_blocks > 0 &&
	       (also_kept ? fs.f_bfree : fs.f_bavail) < bytes / (uint64_t)fs.f_bsize;
}

static int set_size(int fd, uint64_t bytes, const char **ret_what)
{
	int r;

	*ret_what = "file size limit (ulimit -f)";
	r = check_file_limit(bytes);
	if (r < 0)
		return r;
	*ret_what = "file size";
	return ftruncate(fd, (off_t)bytes) < 0 ? -errno : 0;
}

static int fill_once(const struct pool_dir *dir, int fd, const struct pool_file *file, const char *class_name,
		     const atomic_bool *cancel, const char **ret_what)
{
	/* not less at first, for the header alone: an extent of 4 KiB would spoil the layout of what follows */
	const uint64_t piece = piece_bytes(dir), first = piece < file->size_bytes ? piece : file->size_bytes;
	int r = set_size(fd, file->size_bytes, ret_what);

	if (r < 0)
		return r;
	*ret_what = "reservation of space";
	/* to fill the file system and give all back would leave none meanwhile to those whose cold pools grow there */
	if (lacks_space(dir, file->size_bytes, true))
		return -ENOSPC;
	r = reserve_space(dir, fd, 0, first, cancel);
	if (r < 0)
		return r;
	*ret_what = "header";
	r = pool_file_header_write(dir, fd, file, class_name, file->size_bytes);
	if (r < 0)
		return r;
	*ret_what = "reservation of space";
	r = reserve_space(dir, fd, first, file->size_bytes, cancel);
	if (r < 0)
		return r;
	*ret_what = "sync";
	return fsync(fd) < 0 ? -errno : 0;
}

static bool is_ext4(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == EXT4_SUPER_MAGIC;
}

/*
 * ext4 looks for good places only where it knows the disk's bitmaps, which it reads little by little after it was
 * mounted, and elsewhere takes the first that will do (the kernel's fs/ext4/mballoc.c: ext4_mb_good_group_nolock). But
 * then it has read that bitmap, so the next try knows more. Freed space can be had again when it is synced.
 */
int pool_file_fill(const struct pool_dir *dir, int fd, const struct pool_file *file, const char *class_name,
		   const atomic_bool *cancel, const char **ret_what)
{
	int r = fill_once(dir, fd, file, class_name, cancel, ret_what);

	for (int tries = 1; r == 0 && tries < PLACES_TRIED && dir->dax && is_ext4(fd); tries++) {
		if (pool_file_lies_well(fd, file->size_bytes))
			break;
		*ret_what = "reservation of space";
		if (ftruncate(fd, 0) < 0 || fsync(fd) < 0)
			r = -errno;
		else
			r = fill_once(dir, fd, file, class_name, cancel, ret_what);
	}
	return r;
}

/*
 * The heap begins with one huge page's worth where it reserves more than that at a time anyway, and an extent of 4 KiB
 * would spoil the layout. On a tmpfs whoever touches a page first pays for it: there it is the header's page alone.
 */
static uint64_t cold_bytes(const struct pool_dir *dir)
{
	return dir->tmpfs || dir->hugetlbfs ? dir->grain : POOL_HUGE_PAGE;
}

int pool_file_fill_cold(const struct pool_dir *dir, int fd, const struct pool_file *file, const char *class_name,
			const char **ret_what)
{
	const uint64_t most = cold_bytes(dir), bytes = most < file->size_bytes ? most : file->size_bytes;
	int r = set_size(fd, file->size_bytes, ret_what);

	if (r < 0)
		return r;
	*ret_what = "reservation of space";
	if (lacks_space(dir, VMMALLOC_MIN_POOL, false))
		return -ENOSPC;
	if (fallocate(fd, 0, 0, (off_t)bytes) < 0)
		return -errno;
	*ret_what = "header";
	return pool_file_header_write(dir, fd, file, class_name, bytes);
}
