/* SPDX-License-Identifier: BSD-3-Clause */
/* pool -- see pool.h. */
#include "libvmmalloc/heap/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "common/base/round.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/base/write.h"
#include "libvmmalloc/heap/bits.h"
#include "libvmmalloc/heap/remap.h"
#include "libvmmalloc/heap/table.h"

#define LEAF_BYTES ((size_t)1 << 30)         /* what one leaf of jemalloc's page index spans */
#define FD_PREFERRED 900                     /* out of the way of programs that use fixed small numbers */
#define RESERVE_PIECE ((size_t)16 << 20)     /* of one fallocate: short enough to get done between two signals */
#define ASIDE_PIECE ((size_t)1 << 20)        /* of the file, mapped once more to be touched */
#define NAME_ATTEMPTS 16
#define FOLIO_PAGES 2048                     /* the page cache's own limit: MAX_XAS_ORDER in the kernel's sources */

/* Not inlined: callers that need no path would have it on their stack, and that of a signal handler is small. */
__attribute__((noinline)) static int open_unlinked(const char *dir)
{
	for (int i = 0; i < NAME_ATTEMPTS; i++) {
		char path[PATH_MAX];
		struct text text = TEXT_INIT(path);
		unsigned long random = 0;
		ssize_t n;

		n = kernel_getrandom(&random, sizeof(random), 0);
		if (n != sizeof(random))
			return n < 0 ? (int)n : -EIO;
		text_add(&text, "%s/vmmalloc.%d.%lx", dir, (int)kernel_getpid(), random);
		if (text.length + 1 == text.size)
			return -ENAMETOOLONG;

		int fd = kernel_open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0)
			(void)kernel_unlink(path);
		if (fd != -EEXIST)
			return fd;
	}
	return -EEXIST;
}

static int open_nameless(const char *dir)
{
	int fd = kernel_open(dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

	/* EOPNOTSUPP: the file system has none; EISDIR: an old kernel; EINVAL, ENOSYS: FUSE servers */
	if (fd == -EOPNOTSUPP || fd == -EISDIR || fd == -EINVAL || fd == -ENOSYS)
		return open_unlinked(dir);
	return fd;
}

int vmm_pool_fd_out_of_the_way(int fd)
{
	struct rlimit limit;
	int wanted = FD_PREFERRED;

	if (kernel_getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur <= FD_PREFERRED)
		wanted = (int)(limit.rlim_cur / 2);

	int moved = kernel_fcntl(fd, F_DUPFD_CLOEXEC, wanted > STDERR_FILENO ? wanted : STDERR_FILENO + 1);
	if (moved < 0)
		return fd;
	(void)kernel_close(fd);
	return moved;
}

/* The lowest address in [from, ...) for the pool: aligned, and across as few leaves of the page index as can be. */
static uintptr_t place(uintptr_t from, size_t size, size_t align)
{
	uintptr_t address = round_up(from, align);

	if (size > LEAF_BYTES || address / LEAF_BYTES != (address + size - 1) / LEAF_BYTES)
		address = round_up(from, align > LEAF_BYTES ? align : LEAF_BYTES);
	return address;
}

/* Finds room for the pool with an inaccessible page on either side, so that no other mapping ever touches it. */
static int reserve_addresses(size_t size, size_t align, char **ret_base)
{
	size_t slack = (size < LEAF_BYTES ? size : LEAF_BYTES) + align + 2 * kernel_page();
	size_t span;

	if (__builtin_add_overflow(size, slack, &span))
		return -ENOMEM;

	char *room = kernel_mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (kernel_error(room))
		return kernel_error(room);

	char *base = (char *)place((uintptr_t)room + kernel_page(), size, align);
	char *end = base + size;
	(void)kernel_munmap(room, (size_t)(base - kernel_page() - room));
	(void)kernel_munmap(end + kernel_page(), (size_t)(room + span - (end + kernel_page())));
	*ret_base = base;
	return 0;
}

/* What the daemon wrote into its pool's header stays: the pool's identity, the boot, the class. */
static void write_header(struct pool_header *header, bool is_ours, size_t pool_bytes, size_t heap_offset,
			 size_t reserved_bytes)
{
	struct timespec now = { 0 };

	header->version = POOL_HEADER_VERSION;
	header->header_bytes = sizeof(*header);
	header->pool_bytes = pool_bytes;
	header->heap_offset = heap_offset;
	header->reserved_bytes = reserved_bytes;
	if (is_ours)
		(void)kernel_getrandom(header->pool_id, sizeof(header->pool_id), GRND_NONBLOCK);
	header->owner_pid = (uint32_t)kernel_getpid();
	header->owner_uid = kernel_geteuid();
	(void)kernel_clock_gettime(CLOCK_BOOTTIME, &now);
	header->owner_start_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	(void)kernel_prctl(PR_GET_NAME, (uintptr_t)header->owner_command);
	header->mode = POOL_HEADER_SHARED;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy(header->magic, POOL_HEADER_MAGIC, sizeof(header->magic));
}

static int fail(struct text *error, const char *dir, const char *what, int r)
{
	text_add(error, "pool creation failed: %s in %s: %s", what, dir, strerrordesc_np(-r));
	return r;
}

static int fail_open(struct text *error, const char *dir, int r)
{
	const char *expected = r == -ENOENT || r == -ENOTDIR || r == -EACCES || r == -EROFS
				       ? ", expected an existing, writable directory" : "";

	text_add(error, "pool creation failed: VMMALLOC_POOL_DIR (%s): %s%s", dir, strerrordesc_np(-r), expected);
	return r;
}

bool vmm_pool_exceeds_file_limit(size_t bytes)
{
	struct rlimit limit;

	return kernel_getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur;
}

/*
 * What btrfs writes a second time it writes elsewhere, and a full disk has no space for that. It can be told not to do
 * so for an empty file. A failure here shows later, as an error of fallocate.
 */
static void write_in_place(int fd)
{
	int flags = 0;

	if (kernel_ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
		flags |= FS_NOCOW_FL;
		(void)kernel_ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
}

static void unmap_with_guards(const struct vmm_pool *pool)
{
	(void)kernel_munmap(pool->base - kernel_page(), pool->room + 2 * kernel_page());
}

/*
 * Whether the first touch of a page in a mapping takes its space, or fails. NFS, 9p and FUSE servers hear of the page
 * only when it is written back. What other file systems do is not known.
 */
static bool allocates_at_touch(const struct statfs *fs)
{
	static const uint32_t magics[] = { TMPFS_MAGIC, RAMFS_MAGIC, HUGETLBFS_MAGIC, EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,
					   BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC };

	for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
		if ((uint32_t)fs->f_type == magics[i])
			return true;
	return false;
}

/* What a page table spans, and no more than FOLIO_PAGES pages: with those of 64 KiB 128 MiB. */
static size_t largest_folio(void)
{
	size_t table = vmm_pool_table_bytes(), most = FOLIO_PAGES * kernel_page();

	return table < most ? table : most;
}

/* What kind of file its first one is. 0 or -errno. */
static int examine(struct vmm_pool *pool, size_t *ret_bytes)
{
	struct vmm_pool_file *file = &pool->first;
	struct stat st;
	struct statfs fs;
	int r = kernel_fstat(file->fd, &st);

	if (r == 0)
		r = kernel_fstatfs(file->fd, &fs);
	if (r < 0)
		return r;
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	pool->is_huge = fs.f_type == HUGETLBFS_MAGIC;
	pool->grain = pool->is_huge ? (size_t)fs.f_bsize : kernel_page();
	pool->unit = pool->is_huge || fs.f_type == TMPFS_MAGIC ? pool->grain : largest_folio();
	pool->is_late = !allocates_at_touch(&fs);
	if (fs.f_type == BTRFS_SUPER_MAGIC && st.st_size == 0)
		write_in_place(file->fd);
	*ret_bytes = (size_t)st.st_size;
	return 0;
}

/* Grains and units are no parts of it that begin elsewhere, and a huge page can be mapped as one. */
static size_t alignment(const struct vmm_pool *pool)
{
	return pool->unit > POOL_HUGE_PAGE ? pool->unit : POOL_HUGE_PAGE;
}

static int map(struct vmm_pool *pool, const char *where, struct text *error)
{
	int r = reserve_addresses(pool->size, alignment(pool), &pool->base);

	if (r < 0)
		return fail(error, where, "address space", r);
	pool->room = pool->most = pool->size;
	r = vmm_remap_shared(pool->base, pool->size, pool->first.fd, 0, vmm_remap_locks());
	if (r < 0) {
		fail(error, where, "mmap", r);
		unmap_with_guards(pool);
		return r;
	}
	pool->files = 1;
	pool->first.end = pool->size;
	pool->header = pool->first.header = (struct pool_header *)pool->base;
	return 0;
}

static int size_and_map(struct vmm_pool *pool, const char *dir, size_t bytes, bool reserve_all, struct text *error)
{
	size_t unused;
	int r = examine(pool, &unused);

	if (r < 0)
		return fail(error, dir, "stat", r);
	if (bytes > (size_t)PTRDIFF_MAX - pool->grain)
		return fail(error, dir, "file size", -EFBIG);
	pool->size = round_up(bytes, pool->grain);
	if (vmm_pool_exceeds_file_limit(pool->size))
		return fail(error, dir, "file size limit (ulimit -f)", -EFBIG);
	r = kernel_ftruncate(pool->first.fd, (off_t)pool->size);
	if (r < 0)
		return fail(error, dir, "file size", r);
	r = map(pool, dir, error);
	if (r < 0)
		return r;
	r = vmm_pool_reserve(pool, 0, reserve_all ? pool->size : pool->grain);
	if (r < 0) {
		fail(error, dir, "reservation of space", r);
		unmap_with_guards(pool);
	}
	return r;
}

int vmm_pool_create(const char *dir, size_t bytes, bool reserve_all, struct vmm_pool *ret_pool, struct text *error)
{
	struct vmm_pool pool = { .first.fd = kernel_is_confined() ? -EPERM : open_nameless(dir) };
	int r;

	if (pool.first.fd < 0)
		return fail_open(error, dir, pool.first.fd);
	pool.first.fd = vmm_pool_fd_out_of_the_way(pool.first.fd);
	r = size_and_map(&pool, dir, bytes, reserve_all, error);
	if (r < 0) {
		(void)kernel_close(pool.first.fd);
		return r;
	}
	write_header(pool.header, true, pool.size, pool.grain, reserve_all ? pool.size : pool.grain);
	*ret_pool = pool;
	return 0;
}

int vmm_pool_adopt(int fd, bool is_cold, struct vmm_pool *ret_pool, struct text *error)
{
	struct vmm_pool pool = { .first.fd = vmm_pool_fd_out_of_the_way(fd) };
	int r = examine(&pool, &pool.size);

	if (r == 0 && pool.size % pool.grain)
		r = -EINVAL;
	r = r < 0 ? fail(error, "the daemon's file", "stat", r) : map(&pool, "the daemon's file", error);
	if (r < 0) {
		(void)kernel_close(pool.first.fd);
		return r;
	}
	write_header(pool.header, false, pool.size, pool.grain, is_cold ? pool.grain : pool.size);
	*ret_pool = pool;
	return 0;
}

/* Where fstat() is refused, the file's header tells. To map and read a file does nothing to it, whose ever it is. */
static bool has_fd_by_header(const struct vmm_pool_file *file)
{
	const struct pool_header *header = kernel_mmap(NULL, kernel_page(), PROT_READ, MAP_SHARED, file->fd, 0);
	bool is_ours;

	if (kernel_error(header))
		return false;
	is_ours = kernel_madvise((void *)header, kernel_page(), MADV_POPULATE_READ) == 0 &&
		  memcmp(header->magic, POOL_HEADER_MAGIC, sizeof(header->magic)) == 0 &&
		  memcmp(header->pool_id, file->header->pool_id, sizeof(header->pool_id)) == 0 &&
		  header->owner_start_ns == file->header->owner_start_ns &&
		  header->pool_bytes == file->header->pool_bytes;
	(void)kernel_munmap((void *)header, kernel_page());
	return is_ours;
}

bool vmm_pool_file_has_fd(const struct vmm_pool_file *file)
{
	struct stat st;
	int r = kernel_is_confined() ? -EPERM : kernel_fstat(file->fd, &st);

	if (r == 0)
		return st.st_dev == file->dev && st.st_ino == file->ino;
	return r != -EBADF && file->header && has_fd_by_header(file);
}

struct vmm_pool_file *vmm_pool_file_at(const struct vmm_pool *pool, size_t offset, size_t *bytes)
{
	size_t i = pool->files - 1;
	struct vmm_pool_file *file;

	ASSERT(offset < pool->size);
	while (vmm_pool_file(pool, i)->start > offset)
		i--;
	file = vmm_pool_file(pool, i);
	if (*bytes > file->end - offset)
		*bytes = file->end - offset;
	return file;
}

int vmm_pool_write(const struct vmm_pool *pool, size_t offset, const char *data, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		size_t n = bytes - done;
		const struct vmm_pool_file *file = vmm_pool_file_at(pool, offset + done, &n);
		int r = write_all(file->fd, data + done, n, vmm_pool_file_offset(file, offset + done));

		if (r < 0)
			return r;
		done += n;
	}
	return 0;
}

void vmm_pool_drop(struct vmm_pool *pool)
{
	vmm_pool_leave_files(pool, true);
	unmap_with_guards(pool);
	if (pool->more)
		(void)kernel_munmap(pool->more, POOL_FILES_MOST * sizeof(*pool->more));
}

/*
 * Moving a mapping needs room for a few more mappings (vm.max_map_count). Mapping its file over the other one does not.
 */
static int move_over(const struct vmm_pool *old, struct vmm_pool *pool)
{
	int r = vmm_remap_move(pool->base, pool->size, old->base);

	if (r != -ENOMEM)
		return r;
	r = vmm_remap_shared(old->base, pool->size, pool->first.fd, 0, vmm_remap_locks());
	if (r == 0)
		(void)kernel_munmap(pool->base, pool->size);
	return r;
}

void vmm_pool_leave_files(struct vmm_pool *pool, bool closes)
{
	for (size_t i = 0; i < pool->files; i++) {
		struct vmm_pool_file *file = vmm_pool_file(pool, i);

		if (closes && !kernel_is_confined() && vmm_pool_file_has_fd(file))
			(void)kernel_close(file->fd);
		file->fd = -1;
		if (i > 0 && file->header)
			(void)kernel_munmap(file->header, pool->grain);
		file->header = NULL;
	}
}

int vmm_pool_replace(struct vmm_pool *old, struct vmm_pool *pool)
{
	int r = move_over(old, pool);

	if (r < 0)
		return r;
	(void)kernel_munmap(pool->base - kernel_page(), kernel_page());
	(void)kernel_munmap(pool->base + pool->size, kernel_page());
	vmm_pool_leave_files(old, true);
	if (old->mapping.shadow)
		(void)kernel_munmap(old->mapping.shadow, old->size - old->grain);
	if (old->mapping.shared)
		vmm_table_drop(old->mapping.shared, bits_bytes(old->room / kernel_page()));
	pool->base = old->base;
	pool->room = old->room;
	pool->most = old->most;
	pool->more = old->more;
	pool->header = pool->first.header = (struct pool_header *)old->base;
	*old = *pool;
	return 0;
}

bool vmm_pool_has_fd(const struct vmm_pool *pool)
{
	for (size_t i = 0; i < pool->files; i++)
		if (!vmm_pool_file_has_fd(vmm_pool_file(pool, i)))
			return false;
	return true;
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
	if (!pool->mapping.is_private)
		return touch(pool, pool->base + offset, bytes);
	if (pool->mapping.shadow)
		return touch(pool, pool->mapping.shadow + (offset - pool->grain), bytes);
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

int vmm_pool_reserve(struct vmm_pool *pool, size_t offset, size_t bytes)
{
	int r = 0;

	for (size_t done = 0; done < bytes && r == 0;) {
		size_t n = bytes - done;
		const struct vmm_pool_file *file = vmm_pool_file_at(pool, offset + done, &n);

		r = reserve_in_file(pool, file, offset + done, n);
		done += n;
	}
	if (r < 0)
		(void)vmm_pool_release(pool, offset, bytes);
	return r;
}

int vmm_pool_reserve_all(struct vmm_pool *pool)
{
	int r = vmm_pool_reserve(pool, 0, pool->size);

	if (r == 0)
		pool->header->reserved_bytes = pool->size;
	return r;
}

bool vmm_pool_lacks_space(const struct vmm_pool *pool, size_t offset, size_t bytes)
{
	size_t some = 1;
	const struct vmm_pool_file *file = vmm_pool_file_at(pool, offset, &some);
	struct statfs fs;

	/* a tmpfs without a limit says 0 blocks */
	if (kernel_is_confined() || !vmm_pool_file_has_fd(file) || kernel_fstatfs(file->fd, &fs) < 0)
		return false;
	return fs.f_blocks > 0 && bytes / (size_t)fs.f_bsize > (kernel_geteuid() == 0 ? fs.f_bfree : fs.f_bavail);
}

int vmm_pool_release(struct vmm_pool *pool, size_t offset, size_t bytes)
{
	return kernel_is_confined() ? -EPERM : kernel_madvise(pool->base + offset, bytes, MADV_REMOVE);
}

int vmm_pool_make_room(struct vmm_pool *pool, size_t room)
{
	size_t bytes = POOL_FILES_MOST * sizeof(*pool->more);
	struct vmm_pool moved = *pool;
	int r;

	if (room <= pool->room)
		return 0;
	moved.more = kernel_mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
				 0);
	if (kernel_error(moved.more))
		return kernel_error(moved.more);
	moved.room = room;
	r = reserve_addresses(room, alignment(pool), &moved.base);
	if (r == 0) {
		(void)kernel_madvise(moved.base, room, MADV_DONTDUMP);
		r = vmm_remap_move(pool->base, pool->size, moved.base);
		if (r < 0)
			unmap_with_guards(&moved);
	}
	if (r < 0) {
		(void)kernel_munmap(moved.more, bytes);
		return r;
	}
	unmap_with_guards(pool);
	moved.header = moved.first.header = (struct pool_header *)moved.base;
	*pool = moved;
	return 0;
}

/*
 * What comes before a file's part of the pool, which begins at `start` there. Where the page cache has large folios the
 * header has one to itself: when that is written, all of it must have space.
 */
static size_t skipped_bytes(const struct vmm_pool *pool, size_t start)
{
	size_t skip = start % alignment(pool);

	return skip < pool->grain || pool->unit > pool->grain ? skip + alignment(pool) : skip;
}

/*
 * Where there are large folios all that lies before the part has space, as the one at the part's beginning may begin
 * before it. Else the header has.
 */
static int reserve_skipped(const struct vmm_pool *pool, const struct vmm_pool_file *file)
{
	size_t bytes = pool->unit > pool->grain ? file->skip : pool->grain;
	int r = kernel_is_confined() ? -EPERM : reserve_by_fd(file, 0, bytes, pool->grain);

	return r < 0 && !is_full(r) ? touch(pool, (char *)file->header, pool->grain) : r;
}

/* 0 or -errno. */
static int map_nothing(char *at, size_t bytes, int flags)
{
	char *address = kernel_mmap(at, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
	int r = kernel_error(address);

	if (r == 0 && address != at) {
		/* Linux before 4.17 knows no MAP_FIXED_NOREPLACE */
		(void)kernel_munmap(address, bytes);
		r = -EEXIST;
	}
	if (r == 0)
		(void)kernel_madvise(at, bytes, MADV_DONTDUMP);
	return r;
}

/*
 * A file could not be mapped at `at`. The kernel may have torn down what was there before, and then another thread may
 * have mapped something there by now: the pool leaves it alone, and grows no more.
 */
static void keep_addresses(struct vmm_pool *pool, char *at, size_t bytes)
{
	bool lost = kernel_madvise(at, bytes, MADV_DONTDUMP) == -ENOMEM;

	if (map_nothing(at, bytes, lost ? MAP_FIXED_NOREPLACE : MAP_FIXED) < 0 && lost)
		pool->room = pool->size;
}

/* Its part of the pool is private at once, if the heap is, but not if that is returning: nobody else has the file. */
static int map_file(struct vmm_pool *pool, struct vmm_pool_file *file)
{
	char *at = pool->base + file->start;
	size_t bytes = file->end - file->start;
	bool locks = vmm_remap_locks();
	void *header = kernel_mmap(NULL, pool->grain, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
	int r = kernel_error(header);

	if (r < 0)
		return r;
	file->header = header;
	r = reserve_skipped(pool, file);
	if (r == 0) {
		r = pool->mapping.is_private && !pool->mapping.in_parts
			    ? vmm_remap_private(at, bytes, PROT_READ | PROT_WRITE, file->fd, (off_t)file->skip, locks)
			    : vmm_remap_shared(at, bytes, file->fd, (off_t)file->skip, locks);
		if (r < 0)
			keep_addresses(pool, at, bytes);
	}
	if (r < 0)
		(void)kernel_munmap(header, pool->grain);
	return r;
}

/* `like` is a pool of that file alone, as far as it has been examined. */
static int add_file(struct vmm_pool *pool, const struct vmm_pool *like, size_t skip, size_t file_bytes, bool is_ours,
		    bool is_cold)
{
	struct vmm_pool_file file = like->first;
	int r;

	if (like->grain != pool->grain || like->unit != pool->unit || like->is_late != pool->is_late)
		return -EXDEV;
	file.start = pool->size;
	file.skip = skip;
	file.end = pool->size + (file_bytes - skip);
	if (file.end > pool->room || pool->files == POOL_FILES_MOST)
		return -ENOMEM;
	r = map_file(pool, &file);
	if (r < 0)
		return r;
	write_header(file.header, is_ours, file_bytes, skip, is_cold ? pool->grain : file_bytes);
	pool->more[pool->files - 1] = file;
	__atomic_store_n(&pool->files, pool->files + 1, __ATOMIC_RELAXED);
	pool->size = file.end;
	return 0;
}

int vmm_pool_grow(struct vmm_pool *pool, const char *dir, size_t bytes)
{
	size_t skip = skipped_bytes(pool, pool->size), unused;
	struct vmm_pool like;
	int r;

	bytes = skip + round_up(bytes, pool->grain);
	if (vmm_pool_exceeds_file_limit(bytes))
		return -EFBIG;
	like = (struct vmm_pool){ .first.fd = kernel_is_confined() ? -EPERM : open_nameless(dir) };
	if (like.first.fd < 0)
		return like.first.fd;
	like.first.fd = vmm_pool_fd_out_of_the_way(like.first.fd);
	r = examine(&like, &unused);
	if (r == 0)
		r = kernel_ftruncate(like.first.fd, (off_t)bytes);
	if (r == 0)
		r = add_file(pool, &like, skip, bytes, true, true);
	if (r < 0)
		(void)kernel_close(like.first.fd);
	return r;
}

int vmm_pool_grow_adopt(struct vmm_pool *pool, int fd, bool is_cold)
{
	struct vmm_pool like = { .first.fd = vmm_pool_fd_out_of_the_way(fd) };
	size_t skip = skipped_bytes(pool, pool->size), bytes;
	int r = examine(&like, &bytes);

	if (r == 0)
		r = bytes % pool->grain || bytes <= skip ? -EINVAL : add_file(pool, &like, skip, bytes, false, is_cold);
	if (r < 0)
		(void)kernel_close(like.first.fd);
	return r;
}

void vmm_pool_shrink(struct vmm_pool *pool)
{
	const struct vmm_pool_file *file = vmm_pool_file(pool, pool->files - 1);
	size_t bytes = file->end - file->start;

	(void)map_nothing(pool->base + file->start, bytes, MAP_FIXED);
	(void)kernel_munmap(file->header, pool->grain);
	if (vmm_pool_file_has_fd(file))
		(void)kernel_close(file->fd);
	__atomic_store_n(&pool->files, pool->files - 1, __ATOMIC_RELAXED);
	pool->size = file->start;
}
