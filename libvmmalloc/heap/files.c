/* SPDX-License-Identifier: BSD-3-Clause */
/* files -- see files.h. */
#include "libvmmalloc/heap/files.h"

#include <errno.h>

#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/bookkeeping.h"
#include "libvmmalloc/heap/mapping.h"
#include "libvmmalloc/heap/reserve.h"
#include "libvmmalloc/heap/space.h"

/* All that is not reserved between `low` and `high` becomes a hole. */
static int close_gap(struct vmm_heap *heap)
{
	int r;

	if (heap->low == heap->high)
		return 0;
	r = vmm_reserve_gap(heap);
	if (r < 0)
		return r;
	(void)ranges_add(&heap->free, heap->low, heap->high - heap->low);
	heap->low = heap->high;
	return 0;
}

/* The pool has files more, or fewer. */
static void note_size(struct vmm_heap *heap)
{
	struct pool_header *header = heap->pool.header;

	vmm_dump_grow(&heap->dump, heap->pool.size);
	vmm_heap_set_figure(heap, &header->pool_bytes, heap->pool.size);
	if (heap->pool.mapping.is_private)
		vmm_heap_set_figure(heap, &header->private_bytes, vmm_mapping_private_bytes(&heap->pool));
}

/*
 * The pool ended at `end`, and has another file now, in a tier; of no use if `r` is an error. 0, or -errno and no file
 * more.
 */
static int take_file(struct vmm_heap *heap, size_t tier, uintptr_t end, bool all_reserved, int r)
{
	struct vmm_pool_file *file = vmm_pool_file(&heap->pool, heap->pool.files - 1);
	struct vmm_pool_file *before = vmm_pool_file(&heap->pool, heap->pool.files - 2);
	struct pool_header *header = heap->pool.header;

	if (r == 0)
		r = vmm_bookkeeping_extend(heap, end - (uintptr_t)heap->pool.base);
	if (r < 0) {
		vmm_pool_shrink(&heap->pool);
		return r;
	}
	if (heap->fresh < heap->high) {
		before->fresh = heap->fresh;
		before->fresh_end = heap->high;
	}
	file->tier = tier;
	heap->low = heap->fresh = end;
	heap->high = vmm_heap_end(heap);
	heap->tiers.tier[tier].bytes += heap->high - end;
	if (all_reserved) {
		vmm_heap_set_figure(heap, &header->reserved_bytes, header->reserved_bytes + (heap->high - end));
		if (!heap->all_reserved) {
			(void)ranges_add(&heap->free, end, heap->high - end);
			heap->low = heap->high;
		}
	}
	file->is_kept = all_reserved;
	if (all_reserved)
		file->header->reserved_bytes = file->header->pool_bytes;
	heap->any_kept = heap->any_kept || all_reserved;
	heap->all_reserved = heap->all_reserved && all_reserved;
	vmm_reserve_tail(heap);
	note_size(heap);
	vmm_dump_hide(&heap->dump, end, heap->high, 0);
	return 0;
}

static int before_growth(struct vmm_heap *heap)
{
	/* a copy on another kind of file system may have larger units: its holes would be parts of some */
	return heap->pool.unit > heap->holes.granule ? -EXDEV : close_gap(heap);
}

/* All of the last file, which begins where the pool ended, at `end`. */
static int reserve_last(struct vmm_heap *heap, uintptr_t end)
{
	return vmm_space_reserve_if_there(&heap->pool, end - (uintptr_t)heap->pool.base, vmm_heap_end(heap) - end);
}

int vmm_files_add(struct vmm_heap *heap, size_t tier, const char *dir, size_t bytes, bool all_reserved)
{
	uintptr_t end = vmm_heap_end(heap);
	int r = before_growth(heap);

	if (r == 0)
		r = vmm_pool_grow(&heap->pool, dir, bytes);
	if (r < 0)
		return r;
	return take_file(heap, tier, end, all_reserved, all_reserved ? reserve_last(heap, end) : 0);
}

int vmm_files_adopt(struct vmm_heap *heap, size_t tier, int fd, bool is_cold, bool all_reserved)
{
	uintptr_t end = vmm_heap_end(heap);
	int r = before_growth(heap);

	if (r < 0) {
		(void)kernel_close(fd);
		return r;
	}
	r = vmm_pool_grow_adopt(&heap->pool, fd, is_cold);
	if (r < 0)
		return r;
	return take_file(heap, tier, end, all_reserved || !is_cold,
			 all_reserved && is_cold ? reserve_last(heap, end) : 0);
}

void vmm_files_keep(struct vmm_heap *heap)
{
	heap->files_least = heap->pool.files;
}

static bool is_all_free(const struct vmm_heap *heap, uintptr_t start, uintptr_t end)
{
	const struct range *free = start < end ? ranges_at(&heap->free, start) : NULL;

	return start >= end || (free && free->start + free->length >= end);
}

/* Nobody has anything of [start, end), the last file's part, and none of its granules is a hole in two files. */
static bool is_unused(struct vmm_heap *heap, uintptr_t start, uintptr_t end)
{
	uintptr_t high = heap->high > start ? heap->high : start;

	return is_all_free(heap, start, heap->low) && is_all_free(heap, high, end) &&
	       (start % heap->holes.granule == 0 || (start >= heap->low && start < heap->high) ||
		vmm_reserve_holes(heap, start, heap->pool.grain) == 0);
}

bool vmm_files_drop(struct vmm_heap *heap)
{
	struct pool_header *header = heap->pool.header;
	uintptr_t start = (uintptr_t)heap->pool.base + vmm_pool_file(&heap->pool, heap->pool.files - 1)->start;
	uintptr_t end = vmm_heap_end(heap), low = heap->low > start ? heap->low : start;
	uintptr_t high = heap->high > start ? heap->high : start;
	size_t reserved;

	if (heap->pool.files <= heap->files_least || !is_unused(heap, start, end))
		return false;
	if (low > start)
		(void)ranges_take_at(&heap->free, start, low - start);
	if (high < end)
		(void)ranges_take_at(&heap->free, high, end - high);
	reserved = end - start - (heap->all_reserved ? 0 : high - low) - vmm_holes_bytes(&heap->holes, start, end);
	vmm_dump_show(&heap->dump, start, end);
	vmm_mapping_cut(&heap->pool, start - (uintptr_t)heap->pool.base);
	vmm_tiers_cut(&heap->tiers, &heap->pool, start);
	vmm_pool_shrink(&heap->pool);
	vmm_holes_fill(&heap->holes, start, end);
	heap->high = heap->high < start ? heap->high : start;
	heap->low = heap->low < start ? heap->low : start;
	heap->fresh = heap->fresh < start ? heap->fresh : start;
	vmm_heap_set_figure(heap, &header->reserved_bytes, header->reserved_bytes - reserved);
	note_size(heap);
	return true;
}

/* Those behind the first that begin at `from` or above. */
static size_t leave_from(struct vmm_heap *heap, uintptr_t from)
{
	const struct vmm_pool *pool = &heap->pool;
	size_t before = pool->size;

	/* a fork under way has made what its child needs for the heap as it is */
	while (!heap->child_page && (uintptr_t)pool->base + vmm_pool_file(pool, pool->files - 1)->start >= from &&
	       vmm_files_drop(heap))
		;
	return before - pool->size;
}

size_t vmm_files_leave(struct vmm_heap *heap)
{
	size_t left = vmm_lock_take(&heap->lock) == 0 ? leave_from(heap, 0) : 0;

	vmm_lock_release(&heap->lock);
	return left;
}

void vmm_files_leave_idle(struct vmm_heap *heap)
{
	if (vmm_lock_take(&heap->lock) == 0) {
		if (!heap->pool.mapping.is_private)
			(void)leave_from(heap, heap->release.idle_from);
		__atomic_store_n(&heap->release.any_idle, false, __ATOMIC_RELAXED);
	}
	vmm_lock_release(&heap->lock);
}
