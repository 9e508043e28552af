/* SPDX-License-Identifier: BSD-3-Clause */
/* walk -- see walk.h. */
#include "libvmmalloc/heap/walk.h"

#include "common/base/round.h"
#include "libvmmalloc/base/kernel.h"

/* All of [start, end) that is reserved, but for the free ranges, of which only whole units are left out. */
static void each_used_between(const struct vmm_heap *heap, uintptr_t start, uintptr_t end, size_t unit,
			      vmm_walk_visit *visit, void *context)
{
	const struct range *free;

	for (uintptr_t at = start; (free = ranges_next(&heap->free, at)) && free->start < end; at = free->start + 1) {
		uintptr_t free_start = round_up(free->start, unit);
		uintptr_t free_end = round_down(free->start + free->length, unit);

		if (free_start >= free_end)
			continue;
		if (free_start > start)
			vmm_holes_each_other(&heap->holes, start, free_start, visit, context);
		start = free_end;
	}
	if (start < end)
		vmm_holes_each_other(&heap->holes, start, end, visit, context);
}

static void each_used(const struct vmm_heap *heap, size_t unit, vmm_walk_visit *visit, void *context)
{
	/* a free range may reach from below `high` to above it only if nothing lies between low and high */
	if (heap->low == heap->high) {
		each_used_between(heap, vmm_heap_start(heap), vmm_heap_end(heap), unit, visit, context);
		return;
	}
	each_used_between(heap, vmm_heap_start(heap), heap->low, unit, visit, context);
	each_used_between(heap, heap->high, vmm_heap_end(heap), unit, visit, context);
}

void vmm_walk_used(const struct vmm_heap *heap, vmm_walk_visit *visit, void *context)
{
	each_used(heap, kernel_page(), visit, context);
}

void vmm_walk_used_between(const struct vmm_heap *heap, uintptr_t start, uintptr_t end, vmm_walk_visit *visit,
			   void *context)
{
	const struct range *free = ranges_at(&heap->free, start);

	if (free)
		start = free->start + free->length;
	if (start < end)
		each_used_between(heap, start, end, kernel_page(), visit, context);
}

void vmm_walk_kept(const struct vmm_heap *heap, vmm_walk_visit *visit, void *context)
{
	each_used(heap, heap->holes.granule, visit, context);
}

/* Of [start, end), what [from, to) covers. */
static size_t common_bytes(uintptr_t start, uintptr_t end, uintptr_t from, uintptr_t to)
{
	from = from > start ? from : start;
	to = to < end ? to : end;
	return from < to ? to - from : 0;
}

size_t vmm_walk_used_bytes(const struct vmm_heap *heap, uintptr_t start, uintptr_t end)
{
	size_t used = end - start - common_bytes(start, end, heap->low, heap->high);
	const struct range *free = ranges_at(&heap->free, start);

	for (free = free ? free : ranges_next(&heap->free, start); free && free->start < end;
	     free = ranges_next(&heap->free, free->start + 1))
		used -= common_bytes(start, end, free->start, free->start + free->length);
	return used;
}
