/* SPDX-License-Identifier: BSD-3-Clause */
/* mapping -- see mapping.h. */
#include "libvmmalloc/heap/mapping.h"

#include <errno.h>
#include <sys/mman.h>

#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/bits.h"
#include "libvmmalloc/heap/remap.h"
#include "libvmmalloc/heap/table.h"

#define PARTS_MOST 4096                        /* of 65530 mappings that a process may have */
#define SHADOW_LEAST ((size_t)16 << 20)       /* in use: less is torn down and faulted in again in no time */
#define PART_LEAST ((size_t)64 << 10)
#define PIECE_SHARE 4                         /* for want of room a mapping is made in pieces, each time so much less */

static size_t pages(const struct vmm_pool *pool)
{
	return pool->size / kernel_page();
}

/* Whether files whose descriptors we have, or have not, can be mapped again. 0 or -errno. */
static int can_map(const struct vmm_pool *pool, bool has_fd)
{
	/* on hugetlbfs a private page is copied to a huge page, and where there is none left that is SIGBUS */
	if (pool->is_huge)
		return -EOPNOTSUPP;
	return has_fd ? 0 : -EBADF;
}

/* Of pages [first, last) those that the same file has end here. */
static size_t end_in_file(const struct vmm_pool *pool, size_t first, size_t last)
{
	size_t bytes = (last - first) * kernel_page();

	(void)vmm_pool_file_at(pool, first * kernel_page(), &bytes);
	return first + bytes / kernel_page();
}

/* Of one file. */
static int map_private(struct vmm_pool *pool, size_t offset, size_t bytes, int protection)
{
	const struct vmm_pool_file *file = vmm_pool_file_at(pool, offset, &bytes);

	return vmm_remap_private(pool->base + offset, bytes, protection, file->fd, vmm_pool_file_offset(file, offset),
				 pool->mapping.locks);
}

/* Of one file. */
static int map_shared(struct vmm_pool *pool, size_t offset, size_t bytes)
{
	const struct vmm_pool_file *file = vmm_pool_file_at(pool, offset, &bytes);
	int r = can_map(pool, vmm_pool_file_has_fd(file));

	return r < 0 ? r : vmm_remap_shared(pool->base + offset, bytes, file->fd, vmm_pool_file_offset(file, offset),
					    pool->mapping.locks);
}

/* Finds an address for the shadow: nothing but inaccessible pages is mapped there. NULL: there is none. */
static char *shadow_place(const struct vmm_pool *pool)
{
	size_t table = vmm_pool_table_bytes(), bytes = vmm_pool_heap_bytes(pool), room = bytes + 2 * table;
	char *from = vmm_pool_heap_start(pool);
	char *aside = kernel_mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *place;

	if (kernel_error(aside))
		return NULL;
	place = aside + ((uintptr_t)from - (uintptr_t)aside) % table;
	(void)kernel_munmap(place + bytes, (size_t)(aside + room - (place + bytes)));
	if (place > aside)
		(void)kernel_munmap(aside, (size_t)(place - aside));
	return place;
}

/*
 * What is of one file; to where the kernel likes if `to` is NULL. kernel_error() tells. What the program has made of
 * its pages is lost here, or it would come back later: a page that cannot be written to, or is counted as locked twice.
 */
static char *set_aside(char *from, size_t bytes, char *to)
{
	int flags = MREMAP_MAYMOVE | MREMAP_DONTUNMAP | (to ? MREMAP_FIXED : 0);

	/* dump.h has made several mappings of it, too, of which only newer kernels move more than one */
	(void)kernel_munlock(from, bytes);
	(void)kernel_mprotect(from, bytes, PROT_READ | PROT_WRITE);
	(void)kernel_madvise(from, bytes, MADV_DODUMP);
	return kernel_mremap(from, bytes, bytes, flags, to);
}

/*
 * [start, start + bytes) of the shadow was to be moved to, and was not. Older kernels have unmapped it by then: it may
 * be somebody else's.
 */
static void forget_place(char *start, size_t bytes)
{
	if (kernel_madvise(start, bytes, MADV_DONTDUMP) != -ENOMEM)
		(void)kernel_munmap(start, bytes);
}

/* All of the heap, which is shared, file by file, to where there is room for it. False: the room is given up. */
static bool set_all_aside(const struct vmm_pool *pool, char *place)
{
	size_t end;

	for (size_t offset = pool->grain; offset < pool->size; offset = end) {
		char *part = place + (offset - pool->grain);

		end = end_in_file(pool, offset / kernel_page(), pages(pool)) * kernel_page();
		if (!kernel_error(set_aside(pool->base + offset, end - offset, part)))
			continue;
		forget_place(part, end - offset);
		if (part > place)
			(void)kernel_munmap(place, (size_t)(part - place));
		if (end < pool->size)
			(void)kernel_munmap(part + (end - offset), pool->size - end);
		return false;
	}
	return true;
}

/* The shadow, or NULL. */
static char *make_shadow(const struct vmm_pool *pool)
{
	char *place = shadow_place(pool);

	if (place)
		return set_all_aside(pool, place) ? place : NULL;
	/* with mlockall() a place counts against the limit of locked memory */
	if (pool->files == 1)
		place = set_aside(vmm_pool_heap_start(pool), vmm_pool_heap_bytes(pool), NULL);
	return kernel_error(place) ? NULL : place;
}

/* Children and core dumps do not see it. */
static bool hide_shadow(char *part, size_t bytes)
{
	return kernel_madvise(part, bytes, MADV_DONTFORK) == 0 && kernel_madvise(part, bytes, MADV_DONTDUMP) == 0;
}

/*
 * The kernel moves whole page tables if both places lie alike in what one spans (its mm/mremap.c). The old place stays
 * mapped as before, with no page in it, so that other threads do not notice.
 */
static void set_shadow(struct vmm_pool *pool)
{
	char *shadow = make_shadow(pool);
	size_t bytes = vmm_pool_heap_bytes(pool);

	if (!shadow)
		return;
	pool->mapping.shadow = shadow;
	pool->mapping.shadow_bytes = bytes;
	if (!hide_shadow(shadow, bytes))
		vmm_mapping_drop_shadow(pool);
}

/* mlockall() has locked the header, which nobody else does. */
static bool is_locked(const struct vmm_pool *pool)
{
	return !kernel_is_confined() &&
	       kernel_msync(pool->base, pool->grain, MS_ASYNC | MS_INVALIDATE) == -EBUSY;
}

/*
 * The shadow takes as many addresses as the heap. A program with a limit of addresses needs them for other things.
 * Locked memory would be counted twice from then on (Linux 6.18). A confined heap does not return, and needs no shadow.
 */
static bool wants_shadow(const struct vmm_pool *pool)
{
	struct rlimit limit;

	if ((pool->header->used_bytes < SHADOW_LEAST && !pool->mapping.locks) || kernel_is_confined() ||
	    is_locked(pool))
		return false;
	return kernel_getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY;
}

void vmm_mapping_forget_shadow(struct vmm_pool *pool)
{
	pool->mapping.shadow = NULL;
}

void vmm_mapping_drop_shadow(struct vmm_pool *pool)
{
	if (pool->mapping.shadow)
		(void)kernel_munmap(pool->mapping.shadow, pool->mapping.shadow_bytes);
	pool->mapping.shadow = NULL;
}

/* Gives the shadow up, of which that part was moved away: somebody else may have its addresses. */
static void drop_shadow_around(struct vmm_pool *pool, size_t offset, size_t bytes)
{
	struct vmm_mapping *mapping = &pool->mapping;
	size_t before = offset - pool->grain, after = before + bytes;

	if (mapping->shadow && before > 0)
		(void)kernel_munmap(mapping->shadow, before);
	if (mapping->shadow && after < mapping->shadow_bytes)
		(void)kernel_munmap(mapping->shadow + after, mapping->shadow_bytes - after);
	mapping->shadow = NULL;
}

/* A part of the shadow was moved away: the file is mapped in its place anew. The shadow is whole, or there is none. */
static void fill_shadow(struct vmm_pool *pool, size_t offset, size_t bytes)
{
	const struct vmm_pool_file *file = vmm_pool_file_at(pool, offset, &bytes);
	char *part = vmm_pool_frozen(pool, pool->base + offset);
	void *mapped = kernel_mmap(part, bytes, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, file->fd,
				   vmm_pool_file_offset(file, offset));

	if (mapped != part)
		drop_shadow_around(pool, offset, bytes);
	else if (!hide_shadow(part, bytes))
		vmm_mapping_drop_shadow(pool);
}

/*
 * Of a heap in parts: what is shared goes back to the shadow before it becomes private, with its page tables. Small
 * parts are torn down in no time.
 */
static void set_part_aside(struct vmm_pool *pool, size_t offset, size_t bytes)
{
	char *part = vmm_pool_frozen(pool, pool->base + offset);

	if (!part || bytes < vmm_pool_table_bytes())
		return;
	if (kernel_error(set_aside(pool->base + offset, bytes, part))) {
		forget_place(part, bytes);
		drop_shadow_around(pool, offset, bytes);
	} else if (!hide_shadow(part, bytes)) {
		vmm_mapping_drop_shadow(pool);
	}
}

/* What lies at `size` of the pool and above is no part of it any more. */
static void cut_shadow(struct vmm_pool *pool, size_t size)
{
	struct vmm_mapping *mapping = &pool->mapping;
	size_t bytes = size - pool->grain;

	if (!mapping->shadow || mapping->shadow_bytes <= bytes)
		return;
	(void)kernel_munmap(mapping->shadow + bytes, mapping->shadow_bytes - bytes);
	mapping->shadow_bytes = bytes;
}

static void forget_parts(struct vmm_mapping *mapping, bool is_private)
{
	mapping->is_private = is_private;
	mapping->in_parts = false;
	mapping->parts = mapping->shared_pages = 0;
}

/* Makes the bits for what is shared. False: there is no memory. */
static bool has_bits(struct vmm_pool *pool)
{
	struct vmm_mapping *mapping = &pool->mapping;
	size_t most = bits_bytes(pool->room / kernel_page());
	void *bits;

	if (mapping->shared)
		return true;
	bits = vmm_table_map(most, pool->most == pool->room);
	if (kernel_error(bits))
		return false;
	if (pool->most < pool->room && vmm_table_open(bits, 0, bits_bytes(pool->most / kernel_page())) < 0) {
		vmm_table_drop(bits, most);
		return false;
	}
	mapping->shared = bits;
	return true;
}

/* Pages [first, last) are shared now. */
static void count_shared(struct vmm_mapping *mapping, size_t first, size_t last)
{
	for (size_t from = first, to; (from = bits_find(mapping->shared, from, last, false)) < last; from = to) {
		to = bits_find(mapping->shared, from, last, true);
		mapping->shared_pages += to - from;
	}
	bits_set(mapping->shared, first, last, true);
}

/* How many parts that are shared [first, last) touches. */
static size_t neighbours(const struct vmm_pool *pool, size_t first, size_t last)
{
	const uint64_t *shared = pool->mapping.shared;

	return (size_t)bits_has(shared, first - 1) + (last < pages(pool) && bits_has(shared, last));
}

int vmm_mapping_add(struct vmm_pool *pool, size_t start)
{
	struct vmm_mapping *mapping = &pool->mapping;
	size_t bytes = bits_bytes(pages(pool));
	int r;

	if (mapping->shared && pool->size > pool->most) {
		r = vmm_table_open(mapping->shared, bits_bytes(pool->most / kernel_page()), bytes);
		if (r < 0)
			return r;
	}
	if (mapping->in_parts) {
		count_shared(mapping, start / kernel_page(), pages(pool));
		mapping->parts++;
	}
	return 0;
}

/* Pages [first, last) are private now. */
static void count_private(struct vmm_mapping *mapping, size_t first, size_t last)
{
	bits_set(mapping->shared, first, last, false);
	mapping->shared_pages -= last - first;
}

/* The error comes from a limit: a smaller piece may go through. */
static bool is_limited(int r)
{
	return r == -ENOMEM || r == -EAGAIN;
}

/*
 * Freezes pages [first, last), which are shared, in smaller pieces: these need less room for a mapping besides. What is
 * not in use is made inaccessible. It counts against RLIMIT_DATA, and what may be committed, only when the heap grows
 * into it.
 */
static int freeze_pieces(struct vmm_pool *pool, size_t first, size_t last, const struct vmm_unused *unused)
{
	size_t start = unused->start / kernel_page(), end = unused->end / kernel_page(), piece = last - first;

	while (first < last) {
		bool is_unused = first >= start && first < end;
		size_t stop = first < start ? start : is_unused ? end : last;
		size_t count = (stop < last ? stop : last) - first;
		int r;

		count = end_in_file(pool, first, first + (count < piece ? count : piece)) - first;
		r = map_private(pool, first * kernel_page(), count * kernel_page(),
				is_unused ? PROT_NONE : PROT_READ | PROT_WRITE);
		if (is_limited(r) && count > 1) {
			piece = (count + PIECE_SHARE - 1) / PIECE_SHARE;
			continue;
		}
		if (r < 0)
			return r;
		pool->mapping.is_closed |= is_unused;
		count_private(&pool->mapping, first, first + count);
		first += count;
	}
	return 0;
}

/*
 * A heap in parts is not frozen in a single step. But its private parts belong to this process alone already, and the
 * others become private before the fork. The child gets all of them as they are at the fork.
 */
static int freeze_parts(struct vmm_pool *pool, const struct vmm_unused *unused)
{
	struct vmm_mapping *mapping = &pool->mapping;
	bool keeps_shadow = mapping->shadow && wants_shadow(pool);
	size_t first = 0, end = pages(pool);

	while ((first = bits_find(mapping->shared, first, end, true)) < end) {
		size_t last = end_in_file(pool, first, bits_find(mapping->shared, first, end, false));
		size_t offset = first * kernel_page(), bytes = last * kernel_page() - offset;
		int r;

		if (keeps_shadow)
			set_part_aside(pool, offset, bytes);
		r = map_private(pool, offset, bytes, PROT_READ | PROT_WRITE);
		if (r == 0)
			count_private(mapping, first, last);
		else if (is_limited(r))
			r = freeze_pieces(pool, first, last, unused);
		if (r < 0)
			return r;
		first = last;
	}
	return 0;
}

/* The whole heap is shared before. Several files are pieces in any case. */
static int freeze_whole(struct vmm_pool *pool, const struct vmm_unused *unused)
{
	struct vmm_mapping *mapping = &pool->mapping;
	size_t first = pool->grain / kernel_page();
	int r = -ENOMEM;

	if (wants_shadow(pool))
		set_shadow(pool);
	if (pool->files == 1)
		r = map_private(pool, pool->grain, vmm_pool_heap_bytes(pool), PROT_READ | PROT_WRITE);
	if (is_limited(r) && has_bits(pool)) {
		mapping->is_private = mapping->in_parts = true;
		mapping->parts = 1;
		mapping->shared_pages = pages(pool) - first;
		bits_set(mapping->shared, first, pages(pool), true);
		r = freeze_pieces(pool, first, pages(pool), unused);
	}
	if (r < 0)
		vmm_mapping_drop_shadow(pool);
	return r;
}

/* What was locked and present is present again, and is locked when it is written to. */
static void lock_again(const struct vmm_pool *pool, size_t offset, size_t bytes)
{
	if (kernel_mlock2(pool->base + offset, bytes, MLOCK_ONFAULT) == 0)
		(void)kernel_madvise(pool->base + offset, bytes, MADV_POPULATE_READ);
}

int vmm_mapping_freeze(struct vmm_pool *pool, const struct vmm_unused *unused)
{
	struct vmm_mapping *mapping = &pool->mapping;
	int r;

	if (mapping->is_private && mapping->shared_pages == 0) {
		forget_parts(mapping, true);
		return 0;
	}
	r = can_map(pool, vmm_pool_has_fd(pool));
	if (r < 0)
		return r;
	mapping->locks = vmm_remap_locks();
	r = mapping->in_parts ? freeze_parts(pool, unused) : freeze_whole(pool, unused);
	if (r == 0)
		forget_parts(mapping, true);
	if (is_locked(pool)) {
		lock_again(pool, pool->grain, unused->start - pool->grain);
		lock_again(pool, unused->end, pool->size - unused->end);
	}
	return r;
}

int vmm_mapping_open(struct vmm_pool *pool, size_t offset, size_t bytes)
{
	return pool->mapping.is_closed ? kernel_mprotect(pool->base + offset, bytes, PROT_READ | PROT_WRITE) : 0;
}

/* What is of one file: its part of the shadow moves back to where children and core dumps shall see it. 0 or -errno. */
static int thaw_part(struct vmm_pool *pool, size_t offset, size_t bytes, bool is_last)
{
	char *heap = pool->base + offset, *shadow = vmm_pool_frozen(pool, heap);

	if (!shadow)
		return map_shared(pool, offset, bytes);
	/* the move is the last step: after it the part is shared */
	if (kernel_madvise(shadow, bytes, MADV_DODUMP) < 0 || kernel_madvise(shadow, bytes, MADV_DOFORK) < 0 ||
	    kernel_error(kernel_mremap(shadow, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, heap)) < 0) {
		/* a new mapping is as good, but every page has to be found again */
		vmm_mapping_drop_shadow(pool);
		return map_shared(pool, offset, bytes);
	}
	if (is_last)
		drop_shadow_around(pool, offset, bytes);
	else
		fill_shadow(pool, offset, bytes);
	return 0;
}

/* All of it is mapped to the file again. */
static void be_shared(struct vmm_pool *pool)
{
	struct vmm_mapping *mapping = &pool->mapping;

	vmm_mapping_drop_shadow(pool);
	mapping->is_closed = false;
	if (is_locked(pool))
		(void)kernel_mlock2(vmm_pool_heap_start(pool), vmm_pool_heap_bytes(pool), MLOCK_ONFAULT);
	vmm_remap_keep_spare();
	if (mapping->in_parts && kernel_madvise(mapping->shared, bits_bytes(pages(pool)), MADV_DONTNEED) < 0)
		bits_set(mapping->shared, 0, pages(pool), false);
	forget_parts(mapping, false);
}

bool vmm_mapping_is_back(struct vmm_pool *pool)
{
	/* what became free, part by part, may have been the last that was private */
	if (pool->mapping.is_private && vmm_mapping_private_bytes(pool) == 0)
		be_shared(pool);
	return !pool->mapping.is_private;
}

bool vmm_mapping_has_parts(struct vmm_pool *pool)
{
	return has_bits(pool);
}

size_t vmm_mapping_next_private(const struct vmm_pool *pool, size_t *offset)
{
	const struct vmm_mapping *mapping = &pool->mapping;
	size_t first = *offset / kernel_page(), end = pages(pool);

	if (!mapping->is_private)
		return 0;
	if (mapping->in_parts) {
		first = bits_find(mapping->shared, first, end, false);
		end = bits_find(mapping->shared, first, end, true);
	}
	*offset = first * kernel_page();
	return first < end ? (end_in_file(pool, first, end) - first) * kernel_page() : 0;
}

int vmm_mapping_thaw(struct vmm_pool *pool, size_t offset, size_t bytes)
{
	struct vmm_mapping *mapping = &pool->mapping;
	size_t first = offset / kernel_page(), last = first + bytes / kernel_page();
	bool is_last = vmm_mapping_private_bytes(pool) == bytes;
	int r;

	if (!is_last && !has_bits(pool))
		return -ENOMEM;
	r = thaw_part(pool, offset, bytes, is_last);
	if (r < 0)
		return r;
	if (is_last) {
		be_shared(pool);
		return 0;
	}
	mapping->in_parts = true;
	mapping->parts = mapping->parts + 1 - neighbours(pool, first, last);
	count_shared(mapping, first, last);
	return 0;
}

static bool begin_parts(struct vmm_pool *pool)
{
	if (!has_bits(pool))
		return false;
	pool->mapping.locks = vmm_remap_locks();
	pool->mapping.in_parts = true;
	return true;
}

/* Pages [first, last) of one file. */
static void return_pages(struct vmm_pool *pool, size_t first, size_t last)
{
	struct vmm_mapping *mapping = &pool->mapping;
	size_t bytes = (last - first) * kernel_page(), joined = neighbours(pool, first, last);

	if (bits_find(mapping->shared, first, last, false) == last)
		return;
	/* a part that touches others makes one of them, or fewer than there were */
	if (joined == 0 && (mapping->parts >= PARTS_MOST || bytes < PART_LEAST))
		return;
	if (map_shared(pool, first * kernel_page(), bytes) < 0)
		return;
	/* what was shared inside it is counted as parts for ever; that errs on the safe side */
	count_shared(mapping, first, last);
	mapping->parts = mapping->parts + 1 - joined;
}

void vmm_mapping_return(struct vmm_pool *pool, char *start, size_t bytes)
{
	size_t first = (size_t)(start - pool->base) / kernel_page(), end = first + bytes / kernel_page();

	if (!pool->mapping.in_parts && !begin_parts(pool))
		return;
	while (first < end) {
		size_t last = end_in_file(pool, first, end);

		return_pages(pool, first, last);
		first = last;
	}
}

void vmm_mapping_cut(struct vmm_pool *pool, size_t size)
{
	struct vmm_mapping *mapping = &pool->mapping;
	size_t first = size / kernel_page(), end = pages(pool);

	cut_shadow(pool, size);
	while (mapping->in_parts && (first = bits_find(mapping->shared, first, end, true)) < end) {
		size_t last = bits_find(mapping->shared, first, end, false);

		count_private(mapping, first, last);
		first = last;
	}
}

size_t vmm_mapping_private_bytes(const struct vmm_pool *pool)
{
	const struct vmm_mapping *mapping = &pool->mapping;

	return mapping->is_private ? vmm_pool_heap_bytes(pool) - mapping->shared_pages * kernel_page() : 0;
}
