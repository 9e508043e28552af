/* SPDX-License-Identifier: BSD-3-Clause */
/* pool -- see pool.h. */
#include "libvmmalloc/heap/pool.h"

#include <errno.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "common/base/round.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/report.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/base/write.h"
#include "libvmmalloc/heap/bits.h"
#include "libvmmalloc/heap/remap.h"
#include "libvmmalloc/heap/space.h"
#include "libvmmalloc/heap/table.h"

#define LEAF_BYTES ((size_t)1 << 30)         /* what one leaf of jemalloc's page index spans */
#define FOLIO_PAGES 2048                     /* the page cache's own limit: MAX_XAS_ORDER in the kernel's sources */

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
	file->is_tmpfs = fs.f_type == TMPFS_MAGIC;
	pool->is_huge = fs.f_type == HUGETLBFS_MAGIC;
	pool->grain = pool->is_huge ? (size_t)fs.f_bsize : kernel_page();
	pool->unit = pool->is_huge || file->is_tmpfs ? pool->grain : largest_folio();
	pool->is_late = !allocates_at_touch(&fs);
	if (fs.f_type == BTRFS_SUPER_MAGIC && S_ISREG(st.st_mode) && st.st_size == 0)
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
	if (vmm_space_exceeds_file_limit(pool->size))
		return fail(error, dir, "file size limit (ulimit -f)", -EFBIG);
	r = kernel_ftruncate(pool->first.fd, (off_t)pool->size);
	if (r < 0)
		return fail(error, dir, "file size", r);
	r = map(pool, dir, error);
	if (r < 0)
		return r;
	r = reserve_all ? vmm_space_reserve_if_there(pool, 0, pool->size) : vmm_space_reserve(pool, 0, pool->grain);
	if (r < 0) {
		fail(error, dir, "reservation of space", r);
		unmap_with_guards(pool);
	}
	return r;
}

int vmm_pool_create(const char *dir, size_t bytes, bool reserve_all, struct vmm_pool *ret_pool, struct text *error)
{
	struct vmm_pool pool = { .first.fd = kernel_is_confined() ? -EPERM : vmm_pool_file_open(dir) };
	int r;

	if (pool.first.fd < 0)
		return fail_open(error, dir, pool.first.fd);
	pool.first.fd = vmm_pool_file_fd_out_of_the_way(pool.first.fd);
	r = size_and_map(&pool, dir, bytes, reserve_all, error);
	if (r < 0) {
		(void)kernel_close(pool.first.fd);
		return r;
	}
	vmm_pool_file_write_header(pool.header, true, pool.size, pool.grain, reserve_all ? pool.size : pool.grain);
	*ret_pool = pool;
	return 0;
}

int vmm_pool_adopt(int fd, bool is_cold, struct vmm_pool *ret_pool, struct text *error)
{
	struct vmm_pool pool = { .first.fd = vmm_pool_file_fd_out_of_the_way(fd) };
	int r = examine(&pool, &pool.size);

	if (r == 0 && pool.size % pool.grain)
		r = -EINVAL;
	r = r < 0 ? fail(error, "the daemon's file", "stat", r) : map(&pool, "the daemon's file", error);
	if (r < 0) {
		(void)kernel_close(pool.first.fd);
		return r;
	}
	vmm_pool_file_write_header(pool.header, false, pool.size, pool.grain, is_cold ? pool.grain : pool.size);
	*ret_pool = pool;
	return 0;
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
static int move_file_over(const struct vmm_pool *old, const struct vmm_pool *pool, const struct vmm_pool_file *file)
{
	size_t bytes = file->end - file->start;
	char *from = pool->base + file->start, *to = old->base + file->start;
	int r = vmm_remap_move(from, bytes, to);

	if (r != -ENOMEM)
		return r;
	r = vmm_remap_shared(to, bytes, file->fd, (off_t)file->skip, vmm_remap_locks());
	if (r == 0)
		(void)kernel_munmap(from, bytes);
	return r;
}

/* What holds the first file holds the others: a heap that is on two pools by halves is of no use to anybody. */
static int move_over(const struct vmm_pool *old, const struct vmm_pool *pool)
{
	for (size_t i = 0; i < pool->files; i++) {
		int r = move_file_over(old, pool, vmm_pool_file(pool, i));

		if (r < 0 && i > 0)
			vmm_report_fatal("no memory to move the heap to another pool: %s", strerrordesc_np(-r));
		if (r < 0)
			return r;
	}
	return 0;
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
		(void)kernel_munmap(old->mapping.shadow, old->mapping.shadow_bytes);
	if (old->mapping.shared)
		vmm_table_drop(old->mapping.shared, bits_bytes(old->room / kernel_page()));
	pool->base = old->base;
	pool->room = old->room;
	pool->most = old->most;
	if (pool->more && old->more)
		(void)kernel_munmap(old->more, POOL_FILES_MOST * sizeof(*old->more));
	else if (old->more)
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

int vmm_pool_fit(struct vmm_pool *pool, int fd)
{
	struct vmm_pool like = { .first.fd = fd };
	size_t unused;
	int r = examine(&like, &unused);

	if (r < 0)
		return r;
	if (like.grain != pool->grain)
		return -EXDEV;
	pool->unit = like.unit > pool->unit ? like.unit : pool->unit;
	pool->is_late = pool->is_late || like.is_late;
	return 0;
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
	r = vmm_space_reserve_head(pool, file);
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

	if (like->grain != pool->grain || like->unit > pool->unit || like->is_late > pool->is_late)
		return -EXDEV;
	file.start = pool->size;
	file.skip = skip;
	file.end = pool->size + (file_bytes - skip);
	if (file.end > pool->room || pool->files == POOL_FILES_MOST)
		return -ENOMEM;
	r = map_file(pool, &file);
	if (r < 0)
		return r;
	vmm_pool_file_write_header(file.header, is_ours, file_bytes, skip, is_cold ? pool->grain : file_bytes);
	pool->more[pool->files - 1] = file;
	__atomic_store_n(&pool->files, pool->files + 1, __ATOMIC_RELEASE);
	pool->size = file.end;
	return 0;
}

int vmm_pool_grow(struct vmm_pool *pool, const char *dir, size_t bytes)
{
	size_t skip = skipped_bytes(pool, pool->size), unused;
	struct vmm_pool like;
	int r;

	bytes = skip + round_up(bytes, pool->grain);
	if (vmm_space_exceeds_file_limit(bytes))
		return -EFBIG;
	like = (struct vmm_pool){ .first.fd = kernel_is_confined() ? -EPERM : vmm_pool_file_open(dir) };
	if (like.first.fd < 0)
		return like.first.fd;
	like.first.fd = vmm_pool_file_fd_out_of_the_way(like.first.fd);
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
	struct vmm_pool like = { .first.fd = vmm_pool_file_fd_out_of_the_way(fd) };
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
