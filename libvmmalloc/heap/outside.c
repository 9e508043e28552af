/* SPDX-License-Identifier: BSD-3-Clause */
/* outside -- see outside.h. */
#include "libvmmalloc/heap/outside.h"

#include <stdint.h>
#include <string.h>

#include "common/base/round.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/heap.h"
#include "libvmmalloc/heap/table.h"

#define NODES_BYTES ((size_t)64 << 10)  /* at a time: for so many ranges more of one reason */

static void count(struct vmm_heap *heap, enum pool_outside_reason reason, int64_t change)
{
	struct pool_header *header = heap->pool.header;
	uint64_t *bytes = &vmm_outside_figures(header)->bytes[reason];

	vmm_heap_set_figure(heap, &header->outside_bytes, header->outside_bytes + (uint64_t)change);
	vmm_heap_set_figure(heap, bytes, *bytes + (uint64_t)change);
}

/* Room for one range more. Without memory for that there is none. */
static bool make_room(struct ranges *ranges)
{
	void *nodes;

	if (ranges_has_room(ranges))
		return true;
	nodes = vmm_table_map(NODES_BYTES, true);
	if (kernel_error(nodes))
		return false;
	ranges_more(ranges, nodes, NODES_BYTES);
	return true;
}

/* The first range of a set that has anything of [start, end), or NULL. */
static const struct range *first_within(const struct ranges *ranges, uintptr_t start, uintptr_t end)
{
	const struct range *range = ranges_at(ranges, start);

	if (!range)
		range = ranges_next(ranges, start);
	return range && range->start < end ? range : NULL;
}

/*
 * Takes [start, end) out of the set of a reason: bytes. Where one range becomes two, and there is no memory to note
 * both, what is behind [start, end) goes over to the first reason.
 */
static size_t take_out(struct vmm_heap *heap, enum pool_outside_reason reason, uintptr_t start, uintptr_t end)
{
	struct ranges *ranges = &heap->outside.ranges[reason];
	const struct range *range;
	size_t taken = 0;

	while ((range = first_within(ranges, start, end))) {
		uintptr_t from = range->start, to = range->start + range->length;
		uintptr_t low = from > start ? from : start, high = to < end ? to : end;

		if (low > from && high < to && !make_room(ranges)) {
			(void)ranges_take_at(ranges, high, to - high);
			count(heap, reason, -(int64_t)(to - high));
			count(heap, POOL_OUTSIDE_EARLY, (int64_t)(to - high));
		}
		(void)ranges_take_at(ranges, low, high - low);
		taken += high - low;
	}
	return taken;
}

void vmm_outside_begin(struct vmm_heap *heap, size_t bytes)
{
	count(heap, POOL_OUTSIDE_EARLY, (int64_t)bytes);
}

void vmm_outside_carry(const struct pool_header *from, struct pool_header *to)
{
	to->outside_bytes = from->outside_bytes;
	memcpy(vmm_outside_figures(to)->bytes, vmm_outside_figures(from)->bytes, sizeof(struct pool_outside) -
	       offsetof(struct pool_outside, bytes));
}

void vmm_outside_add(struct vmm_heap *heap, const void *address, size_t bytes, enum pool_outside_reason reason)
{
	struct ranges *ranges = &heap->outside.ranges[reason];

	(void)vmm_lock_take(&heap->lock);
	if (reason != POOL_OUTSIDE_EARLY && (!make_room(ranges) || !ranges_add(ranges, (uintptr_t)address, bytes)))
		reason = POOL_OUTSIDE_EARLY;
	count(heap, reason, (int64_t)bytes);
	vmm_lock_release(&heap->lock);
}

void vmm_outside_remove(struct vmm_heap *heap, const void *address, size_t bytes)
{
	uintptr_t start = (uintptr_t)address;
	size_t left = bytes;

	(void)vmm_lock_take(&heap->lock);
	for (int reason = POOL_OUTSIDE_EARLY + 1; reason < POOL_OUTSIDE_REASONS; reason++) {
		size_t taken = take_out(heap, reason, start, start + bytes);

		if (taken > 0)
			count(heap, reason, -(int64_t)taken);
		left -= taken;
	}
	if (left > 0)
		count(heap, POOL_OUTSIDE_EARLY, -(int64_t)left);
	vmm_lock_release(&heap->lock);
}

enum pool_outside_reason vmm_outside_reason_of(struct vmm_heap *heap, const void *address)
{
	enum pool_outside_reason found = POOL_OUTSIDE_EARLY;

	(void)vmm_lock_take(&heap->lock);
	for (int reason = POOL_OUTSIDE_EARLY + 1; reason < POOL_OUTSIDE_REASONS; reason++)
		if (ranges_at(&heap->outside.ranges[reason], (uintptr_t)address))
			found = reason;
	vmm_lock_release(&heap->lock);
	return found;
}

/* What the program's blocks never get: of a heap with one tier all lie in one piece. */
static size_t kept_bytes(const struct vmm_heap *heap)
{
	return heap->tiers.count > 1 ? 0 : heap->floor + heap->pool.header->metadata_bytes;
}

bool vmm_outside_is_too_large(struct vmm_heap *heap, size_t bytes, size_t align)
{
	bool fits = false;

	(void)vmm_lock_take(&heap->lock);
	for (size_t tier = 0; tier < heap->tiers.count; tier++) {
		struct vmm_tiers_window window = { 0 };

		while (vmm_tiers_next(&heap->tiers, &heap->pool, tier, &window)) {
			uintptr_t from = window.from, to = window.to, start;

			from = from > vmm_heap_start(heap) ? from : vmm_heap_start(heap);
			to = to < vmm_heap_end(heap) ? to : vmm_heap_end(heap);
			start = round_up(from, align);
			fits = fits || (start >= from && start <= to && to - start >= kept_bytes(heap) &&
					to - start - kept_bytes(heap) >= bytes);
		}
	}
	vmm_lock_release(&heap->lock);
	return !fits;
}
