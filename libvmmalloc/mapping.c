/* SPDX-License-Identifier: BSD-3-Clause */
/* mapping -- see mapping.h. */
#include "libvmmalloc/mapping.h"

#include <errno.h>
#include <sys/mman.h>

#include "libvmmalloc/bits.h"
#include "libvmmalloc/kernel.h"
#include "libvmmalloc/waiters.h"

#define PARTS_MOST 4096                        /* of 65530 mappings that a process may have */
#define SHADOW_LEAST ((size_t)16 << 20)       /* in use: less is torn down and faulted in again in no time */
#define PART_LEAST ((size_t)16 * POOL_PAGE)

static size_t pages(const struct vmm_pool *pool)
{
	return pool->size / POOL_PAGE;
}

/*
 * Private memory is charged (vm.overcommit_memory, RLIMIT_DATA). Kernels differ in whether mmap says so before it has
 * torn down what it was to replace: so it is mapped aside, where that does no harm, and moved. That is one step, too.
 */
static int map_private(struct vmm_pool *pool, size_t offset, size_t bytes)
{
	void *aside = kernel_mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, pool->fd,
				  (off_t)offset);
	int r;

	if (kernel_error(aside))
		return kernel_error(aside);
	r = kernel_error(kernel_mremap(aside, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, pool->base + offset));
	if (r < 0)
		(void)kernel_munmap(aside, bytes);
	return r;
}

static int map(struct vmm_pool *pool, size_t offset, size_t bytes, int kind)
{
	/* on hugetlbfs a private page is copied to a huge page, and where there is none left that is SIGBUS */
	if (pool->grain != POOL_PAGE)
		return -EOPNOTSUPP;
	if (!vmm_pool_has_fd(pool))
		return -EBADF;
	if (kind == MAP_PRIVATE)
		return map_private(pool, offset, bytes);
	return kernel_error(kernel_mmap(pool->base + offset, bytes, PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_FIXED | MAP_NORESERVE, pool->fd, (off_t)offset));
}

static size_t heap_bytes(const struct vmm_pool *pool)
{
	return pool->size - pool->grain;
}

/*
 * Page tables are moved whole where both places lie alike in their 2 MiB (the kernel's mm/mremap.c). What is left in
 * place is mapped as before, with no page in it: other threads do not notice.
 */
static void set_shadow(struct vmm_pool *pool)
{
	size_t bytes = heap_bytes(pool), room = bytes + 2 * POOL_HUGE_PAGE;
	char *from = pool->base + pool->grain;
	char *aside = kernel_mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *shadow;

	if (kernel_error(aside))
		return;
	shadow = aside + ((uintptr_t)from - (uintptr_t)aside) % POOL_HUGE_PAGE;
	(void)kernel_munmap(shadow + bytes, (size_t)(aside + room - (shadow + bytes)));
	if (shadow > aside)
		(void)kernel_munmap(aside, (size_t)(shadow - aside));
	/* dump.h has made several mappings of it; only one is moved as a whole */
	(void)kernel_madvise(from, bytes, MADV_DODUMP);
	if (kernel_error(kernel_mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, shadow)) ||
	    kernel_madvise(shadow, bytes, MADV_DONTFORK) < 0 || kernel_madvise(shadow, bytes, MADV_DONTDUMP) < 0)
		(void)kernel_munmap(shadow, bytes);
	else
		pool->mapping.shadow = shadow;
}

void vmm_mapping_forget_shadow(struct vmm_pool *pool)
{
	pool->mapping.shadow = NULL;
}

void vmm_mapping_drop_shadow(struct vmm_pool *pool)
{
	if (pool->mapping.shadow)
		(void)kernel_munmap(pool->mapping.shadow, heap_bytes(pool));
	pool->mapping.shadow = NULL;
}

const char *vmm_mapping_frozen(const struct vmm_pool *pool, const char *start)
{
	const char *shadow = pool->mapping.shadow;

	return shadow ? shadow + (start - (pool->base + pool->grain)) : NULL;
}

/* In its place again; children and core dumps shall see it. */
static int move_shadow_back(struct vmm_pool *pool)
{
	char *heap = pool->base + pool->grain;
	int r = kernel_error(kernel_mremap(pool->mapping.shadow, heap_bytes(pool), heap_bytes(pool),
					   MREMAP_MAYMOVE | MREMAP_FIXED, heap));

	if (r < 0)
		return r;
	pool->mapping.shadow = NULL;
	r = kernel_madvise(heap, heap_bytes(pool), MADV_DODUMP);
	return r < 0 ? r : kernel_madvise(heap, heap_bytes(pool), MADV_DOFORK);
}

static void forget_parts(struct vmm_mapping *mapping, bool is_private)
{
	mapping->is_private = is_private;
	mapping->in_parts = false;
	mapping->parts = mapping->shared_pages = 0;
}

/*
 * In parts this is no single step: but what is private already belongs to this process alone, and what follows becomes
 * so before the fork. The child gets all of it as it is at that moment.
 */
static int freeze_parts(struct vmm_pool *pool)
{
	struct vmm_mapping *mapping = &pool->mapping;
	size_t first = 0, end = pages(pool);

	while ((first = bits_find(mapping->shared, first, end, true)) < end) {
		size_t last = bits_find(mapping->shared, first, end, false);
		int r = map(pool, first * POOL_PAGE, (last - first) * POOL_PAGE, MAP_PRIVATE);

		if (r < 0)
			return r;
		bits_set(mapping->shared, first, last, false);
		mapping->shared_pages -= last - first;
		first = last;
	}
	return 0;
}

int vmm_mapping_freeze(struct vmm_pool *pool)
{
	struct vmm_mapping *mapping = &pool->mapping;
	bool was_shared = !mapping->is_private || mapping->shared_pages > 0;
	int r = 0;

	if (mapping->in_parts) {
		r = freeze_parts(pool);
	} else if (!mapping->is_private) {
		if (pool->grain == POOL_PAGE && pool->header->used_bytes >= SHADOW_LEAST && vmm_pool_has_fd(pool))
			set_shadow(pool);
		r = map(pool, pool->grain, heap_bytes(pool), MAP_PRIVATE);
		if (r < 0)
			vmm_mapping_drop_shadow(pool);
	}
	if (r == 0)
		forget_parts(mapping, true);
	/* also where it failed half-way */
	if (was_shared)
		vmm_waiters_wake(pool);
	return r;
}

int vmm_mapping_thaw(struct vmm_pool *pool)
{
	struct vmm_mapping *mapping = &pool->mapping;
	int r = mapping->shadow ? move_shadow_back(pool) : -ENOENT;

	/* a new mapping is as good, but every page has to be found again */
	if (r < 0)
		r = map(pool, pool->grain, heap_bytes(pool), MAP_SHARED);
	if (r < 0)
		return r;
	vmm_mapping_drop_shadow(pool);
	if (mapping->in_parts)
		bits_set(mapping->shared, 0, pages(pool), false);
	forget_parts(mapping, false);
	return 0;
}

static bool begin_parts(struct vmm_pool *pool)
{
	struct vmm_mapping *mapping = &pool->mapping;
	void *bits;

	if (!mapping->shared) {
		bits = kernel_mmap(NULL, bits_bytes(pages(pool)), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (kernel_error(bits))
			return false;
		mapping->shared = bits;
	}
	vmm_mapping_drop_shadow(pool);
	mapping->in_parts = true;
	return true;
}

void vmm_mapping_return(struct vmm_pool *pool, char *start, size_t bytes)
{
	struct vmm_mapping *mapping = &pool->mapping;
	size_t first = (size_t)(start - pool->base) / POOL_PAGE, last = first + bytes / POOL_PAGE;
	size_t joined;

	if (!mapping->in_parts && !begin_parts(pool))
		return;
	if (bits_find(mapping->shared, first, last, false) == last)
		return;
	/* a part that touches others makes one of them, or fewer than there were */
	joined = (size_t)bits_has(mapping->shared, first - 1) + (last < pages(pool) && bits_has(mapping->shared, last));
	if (joined == 0 && (mapping->parts >= PARTS_MOST || bytes < PART_LEAST))
		return;
	if (map(pool, first * POOL_PAGE, bytes, MAP_SHARED) < 0)
		return;

	/* what was shared inside it is counted as parts for ever; that errs on the safe side */
	for (size_t page = first; page < last; page++)
		mapping->shared_pages += !bits_has(mapping->shared, page);
	bits_set(mapping->shared, first, last, true);
	mapping->parts = mapping->parts + 1 - joined;
}

size_t vmm_mapping_private_bytes(const struct vmm_pool *pool)
{
	const struct vmm_mapping *mapping = &pool->mapping;

	return mapping->is_private ? heap_bytes(pool) - mapping->shared_pages * POOL_PAGE : 0;
}
