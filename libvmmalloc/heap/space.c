/* SPDX-License-Identifier: BSD-3-Clause */
/* space -- see space.h. */
#include "libvmmalloc/heap/space.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/vfs.h>

#include "common/base/round.h"
#include "libvmmalloc/base/clock.h"
#include "libvmmalloc/base/kernel.h"

#define RESERVE_PIECE ((size_t)16 << 20)     /* of one fallocate: short enough to get done between two signals */
#define ASIDE_PIECE ((size_t)1 << 20)        /* of the file, mapped once more to be touched */
#define TOUCH_MOST ((size_t)32 << 20)        /* of a block that is larger a program may use a part only */

bool vmm_space_exceeds_file_limit(size_t bytes)
{
	struct rlimit limit;

	return kernel_getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur;
}

static bool is_full(int r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -EFBIG;
}

/* Offsets in the file. */
static int reserve_by_fd(const struct vmm_pool_file *file, off_t offset, size_t bytes, size_t grain)
{
	size_t piece = RESERVE_PIECE > grain ? RESERVE_PIECE : grain;

	for (size_t done = 0; done < bytes;) {
		size_t n = bytes - done < piece ? bytes - done : piece;
		int r;

		/* the size stays as it is, also should the descriptor become somebody else's at this very moment */
		r = kernel_fallocate(file->fd, FALLOC_FL_KEEP_SIZE, offset + (off_t)done, (off_t)n);
		if (r == 0)
			done += n;
		else if (r != -EINTR)
			return r;
		else if (piece > grain)
			piece = round_up(piece / 2, grain);
	}
	return 0;
}

/*
 * Does what touch() below does, page by page, if a filter refuses its advice, if the kernel is too old for that (Linux
 * before 5.14), or if there is not enough space. If this is refused too, nobody can say whether there is space. Then it
 * is better to go on than to tell the program that there is none.
 */
static int touch_pages(const struct vmm_pool *pool, char *start, size_t bytes)
{
	for (size_t done = 0; done < bytes; done += pool->grain)
		if (kernel_touch(start + done) == -EFAULT)
			return -ENOSPC;
	return 0;
}

/*
 * Touches the pages from inside the kernel, which says EFAULT where our own touch would bring SIGBUS. Some file systems
 * find out that they are full only when they write back. That is done here, and waited for.
 */
static int touch(const struct vmm_pool *pool, char *start, size_t bytes)
{
	int r = kernel_madvise(start, bytes, MADV_POPULATE_WRITE);

	/* an error may mean anything, if a filter answers: the first page without space tells */
	if (r < 0)
		r = touch_pages(pool, start, bytes);
	if (r < 0 || !pool->is_late || kernel_is_confined())
		return r;
	r = kernel_msync(start, bytes, MS_SYNC);
	return is_full(r) || r == -EIO ? -ENOSPC : 0;
}

/*
 * Touches the file while the heap is mapped otherwise. It goes piece by piece, as there may be little room for a
 * mapping.
 */
static int touch_aside(const struct vmm_pool *pool, const struct vmm_pool_file *file, size_t offset, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		size_t n = bytes - done < ASIDE_PIECE ? bytes - done : ASIDE_PIECE;
		void *aside = kernel_mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file->fd,
					  vmm_pool_file_offset(file, offset + done));
		int r = kernel_error(aside);

		if (r < 0)
			return r;
		r = touch(pool, aside, n);
		(void)kernel_munmap(aside, n);
		if (r < 0)
			return r;
		done += n;
	}
	return 0;
}

/* Touching a private page takes ordinary memory, and reserves nothing of the file, to which the heap returns. */
static int reserve_by_mapping(const struct vmm_pool *pool, const struct vmm_pool_file *file, size_t offset,
			      size_t bytes)
{
	char *frozen = vmm_pool_frozen(pool, pool->base + offset);

	if (!pool->mapping.is_private)
		return touch(pool, pool->base + offset, bytes);
	if (frozen)
		return touch(pool, frozen, bytes);
	if (vmm_pool_file_has_fd(file))
		return touch_aside(pool, file, offset, bytes);
	/* there is no way to the file, and none back */
	return touch(pool, pool->base + offset, bytes);
}

static int reserve_in_file(const struct vmm_pool *pool, const struct vmm_pool_file *file, size_t offset, size_t bytes)
{
	int r = kernel_is_confined() ? -EPERM : vmm_pool_file_has_fd(file) ? 0 : -EBADF;

	if (r == 0)
		r = reserve_by_fd(file, vmm_pool_file_offset(file, offset), bytes, pool->grain);
	/* a file system without fallocate, a descriptor that is no longer ours, or a call that is refused */
	return r < 0 && !is_full(r) ? reserve_by_mapping(pool, file, offset, bytes) : r;
}

/*
 * Small pages are found with a fault each. All at once takes an eighth of the time less, and no more memory, as a tmpfs
 * gave it already. Whether it did: older kernels do not (Linux before 5.14), and a private heap would take pages of its
 * own.
 */
static bool touch_reserved(const struct vmm_pool *pool, size_t offset, size_t bytes)
{
	return !pool->mapping.is_private && !kernel_is_confined() &&
	       kernel_madvise(pool->base + offset, bytes, MADV_POPULATE_WRITE) == 0;
}

/* Of one file, and of a reservation of `all` bytes. */
static int reserve_part(struct vmm_pool *pool, const struct vmm_pool_file *file, size_t offset, size_t bytes,
			size_t all)
{
	bool by_small_pages = !vmm_collapse(pool, file, offset, bytes);
	uint64_t began = clock_now_ns();
	int r = reserve_in_file(pool, file, offset, bytes);
	bool touched = false;

	if (r < 0 || !by_small_pages || !file->is_tmpfs)
		return r;
	if (bytes >= POOL_HUGE_PAGE && all <= TOUCH_MOST)
		touched = touch_reserved(pool, offset, bytes);
	vmm_collapse_note_small(pool, bytes, clock_now_ns() - began, touched);
	return 0;
}

/* As much of the bytes from there on as is done at a time: to a multiple of it, where huge pages begin. */
static size_t piece_at(const struct vmm_pool_file *file, size_t offset, size_t bytes)
{
	size_t piece = COLLAPSE_PIECE - offset % COLLAPSE_PIECE;

	return file->is_tmpfs && bytes > piece ? piece : bytes;
}

int vmm_space_reserve(struct vmm_pool *pool, size_t offset, size_t bytes)
{
	int r = 0;

	for (size_t done = 0; done < bytes && r == 0;) {
		size_t n = bytes - done;
		const struct vmm_pool_file *file = vmm_pool_file_at(pool, offset + done, &n);

		n = piece_at(file, offset + done, n);
		r = reserve_part(pool, file, offset + done, n, bytes);
		done += n;
	}
	if (r < 0)
		(void)vmm_space_release(pool, offset, bytes);
	return r;
}

bool vmm_space_lacks(const struct vmm_pool *pool, size_t offset, size_t bytes)
{
	size_t some = 1;
	const struct vmm_pool_file *file = vmm_pool_file_at(pool, offset, &some);
	struct statfs fs;

	/* a tmpfs without a limit says 0 blocks */
	if (kernel_is_confined() || !vmm_pool_file_has_fd(file) || kernel_fstatfs(file->fd, &fs) < 0)
		return false;
	return fs.f_blocks > 0 && bytes / (size_t)fs.f_bsize > (kernel_geteuid() == 0 ? fs.f_bfree : fs.f_bavail);
}

int vmm_space_reserve_if_there(struct vmm_pool *pool, size_t offset, size_t bytes)
{
	return vmm_space_lacks(pool, offset, bytes) ? -ENOSPC : vmm_space_reserve(pool, offset, bytes);
}

int vmm_space_reserve_all(struct vmm_pool *pool)
{
	int r = vmm_space_reserve_if_there(pool, pool->grain, pool->size - pool->grain);

	if (r == 0)
		pool->header->reserved_bytes = pool->size;
	return r;
}

int vmm_space_release(struct vmm_pool *pool, size_t offset, size_t bytes)
{
	return kernel_is_confined() ? -EPERM : kernel_madvise(pool->base + offset, bytes, MADV_REMOVE);
}

/*
 * Where there are large folios all that lies before the part has space, as the one at the part's beginning may begin
 * before it. Else the header has.
 */
int vmm_space_reserve_head(const struct vmm_pool *pool, const struct vmm_pool_file *file)
{
	size_t bytes = pool->unit > pool->grain ? file->skip : pool->grain;
	int r = kernel_is_confined() ? -EPERM : reserve_by_fd(file, 0, bytes, pool->grain);

	return r < 0 && !is_full(r) ? touch(pool, (char *)file->header, pool->grain) : r;
}
