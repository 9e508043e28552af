/* SPDX-License-Identifier: BSD-3-Clause */
/* heap -- see heap.h. */
#include "libvmmalloc/heap/heap.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "libvmmalloc/heap/bits.h"
#include "libvmmalloc/base/clock.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/mapping.h"
#include "libvmmalloc/heap/remap.h"
#include "libvmmalloc/base/trace.h"

#define FLOOR_SHARE 256                     /* of the pool: one part in so many is kept for the engine */
#define FLOOR_LEAST ((size_t)256 << 10)
#define FLOOR_MOST ((size_t)4 << 20)
#define ASIDE_MOST 8                        /* free ranges to look past, on a full file system, for a reserved one */
#define STEP_SHARE 8                        /* each step reserves this part of what is reserved already */
#define STEP_LEAST ((size_t)256 << 10)
#define STEP_MOST ((size_t)32 << 20)
#define PRIVATE_STEP ((size_t)16 << 20)     /* a whole unit, and no more than one fallocate: pool.c */
#define HIDE_LEAST ((size_t)4 << 20)        /* free space in one piece is hidden from core dumps if it is so much */
#define HIDE_REACH ((size_t)16 << 20)       /* more of it, in the neighbourhood of what was given back */
#define HIDE_SHARE 64                       /* what was hidden and had to be shown: at most this part of the time */
#define HIDE_AT_ONCE 64                     /* free ranges that are looked at for that */
#define SHOW_AHEAD ((size_t)8 << 20)        /* more is shown than is needed at once */
#define RETRY_LEAST_NS 10000000u            /* a file system that was full is asked again after this, at the soonest, */
#define RETRY_SHARE 16                      /* and so seldom that it takes no more than this part of the time */

static size_t clamp(size_t value, size_t least, size_t most)
{
	return value < least ? least : value > most ? most : value;
}

static uintptr_t smaller(uintptr_t a, uintptr_t b)
{
	return a < b ? a : b;
}

static uintptr_t align_up(uintptr_t address, size_t align)
{
	return (address + align - 1) & ~(align - 1);
}

static uintptr_t heap_start(const struct vmm_heap *heap)
{
	return (uintptr_t)heap->pool.base + heap->pool.grain;
}

static uintptr_t heap_end(const struct vmm_heap *heap)
{
	return (uintptr_t)heap->pool.base + heap->pool.size;
}

static void figure_set(uint64_t *figure, uint64_t value)
{
	__atomic_store_n(figure, value, __ATOMIC_RELAXED);
}

static void count_used(struct vmm_heap *heap, int64_t change)
{
	struct pool_header *header = heap->pool.header;

	figure_set(&header->used_bytes, header->used_bytes + (uint64_t)change);
	if (header->used_bytes > header->peak_bytes)
		figure_set(&header->peak_bytes, header->used_bytes);
}

void vmm_heap_count(struct vmm_heap *heap, uint64_t *figure, int64_t change)
{
	(void)vmm_lock_take(&heap->lock);
	figure_set(figure, *figure + (uint64_t)change);
	vmm_lock_release(&heap->lock);
}

static int reserve(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	struct pool_header *header = heap->pool.header;
	size_t offset = start - (uintptr_t)heap->pool.base;
	int r = vmm_mapping_open(&heap->pool, offset, bytes);

	if (r < 0 || heap->all_reserved)
		return r;
	r = vmm_pool_reserve(&heap->pool, offset, bytes);
	TRACE(r < 0 ? 1 : 3, "%zu bytes at %p: %s", bytes, (void *)start, r < 0 ? strerrordesc_np(-r) : "done");
	if (r == 0)
		figure_set(&header->reserved_bytes, header->reserved_bytes + bytes);
	return r;
}

/* Undoes reserve(). While the heap is private the file keeps the space, and whoever asks for it again gets it. */
static void unreserve(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	struct pool_header *header = heap->pool.header;

	(void)vmm_pool_release(&heap->pool, start - (uintptr_t)heap->pool.base, bytes);
	figure_set(&header->reserved_bytes, header->reserved_bytes - bytes);
}

/* --- holes --- */

/* The whole granules in [start, end), as numbers: [*ret_first, *ret_end). */
static void granules_inside(const struct vmm_heap *heap, uintptr_t start, uintptr_t end, size_t *ret_first,
			    size_t *ret_end)
{
	uintptr_t base = (uintptr_t)heap->pool.base;

	*ret_first = (start - base + heap->granule - 1) / heap->granule;
	*ret_end = (end - base) / heap->granule;
}

static uintptr_t granule_address(const struct vmm_heap *heap, size_t granule)
{
	return (uintptr_t)heap->pool.base + granule * heap->granule;
}

static void make_holes(struct vmm_heap *heap, uintptr_t start, uintptr_t end)
{
	size_t first, last;

	granules_inside(heap, start, end, &first, &last);
	if (first < last) {
		bits_set(heap->holes, first, last, true);
		heap->has_holes = true;
	}
}

/* Reserves what is not reserved in any granule that [start, start + bytes) touches. */
static int fill_holes(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	uintptr_t base = (uintptr_t)heap->pool.base;
	size_t end = (start + bytes - base + heap->granule - 1) / heap->granule;
	size_t first = (start - base) / heap->granule;

	if (!heap->has_holes)
		return 0;
	while ((first = bits_find(heap->holes, first, end, true)) < end) {
		size_t last = bits_find(heap->holes, first, end, false);
		int r = reserve(heap, granule_address(heap, first), (last - first) * heap->granule);

		if (r < 0)
			return r;
		bits_set(heap->holes, first, last, false);
		vmm_dump_show(&heap->dump, granule_address(heap, first), granule_address(heap, last));
		first = last;
	}
	return 0;
}

static size_t hole_bytes(const struct vmm_heap *heap, uintptr_t start, uintptr_t end)
{
	size_t first, last, bytes = 0;

	if (!heap->has_holes)
		return 0;
	granules_inside(heap, start, end, &first, &last);
	while ((first = bits_find(heap->holes, first, last, true)) < last) {
		size_t after = bits_find(heap->holes, first, last, false);

		bytes += (after - first) * heap->granule;
		first = after;
	}
	return bytes;
}

/* --- space for extents --- */

/* Moves `low` up to `to`: reserves what lies between and adds it to the free ranges. */
static int grow_to(struct vmm_heap *heap, uintptr_t to)
{
	/* while the heap is private nothing can be given back: what can be had is kept, piece by piece */
	size_t piece = heap->pool.mapping.is_private ? PRIVATE_STEP : heap->pool.size;

	if (to <= heap->low)
		return 0;  /* an attempt at more got so far */
	if (heap->pool.mapping.is_private && vmm_pool_lacks_space(&heap->pool, to - heap->low))
		return -ENOSPC;
	while (heap->low < to) {
		size_t bytes = to - heap->low < piece ? to - heap->low : piece;
		int r = reserve(heap, heap->low, bytes);

		if (r < 0)
			return r;
		(void)ranges_add(&heap->free, heap->low, bytes);
		heap->low += bytes;
	}
	return 0;
}

/* How far up blocks may reach: the program's leave the floor alone. */
static uintptr_t block_limit(const struct vmm_heap *heap, enum vmm_heap_use use)
{
	size_t kept = use == HEAP_FOR_JEMALLOC ? 0 : heap->floor;

	return heap->high - heap_start(heap) > kept ? heap->high - kept : heap_start(heap);
}

/* What is reserved ends with a whole unit, or meets the metadata. */
static uintptr_t growth_end(const struct vmm_heap *heap, uintptr_t end)
{
	uintptr_t whole = align_up(end, heap->pool.unit);

	return whole < heap->high ? whole : heap->high;
}

/* A file system that was full a moment ago need not be asked for as much again. */
static bool must_wait(const struct vmm_heap *heap, size_t bytes)
{
	return heap->retry_ns && bytes >= heap->retry_bytes && clock_now_ns() < heap->retry_ns;
}

/* It could not give so many bytes, when asked at `began`. */
static void wait_for_space(struct vmm_heap *heap, size_t bytes, uint64_t began)
{
	heap->retry_bytes = bytes;
	heap->retry_ns = clock_now_ns() + RETRY_LEAST_NS + RETRY_SHARE * (clock_now_ns() - began);
}

/* Moves `low` to `need` at least, and further if that goes well. */
static bool grow(struct vmm_heap *heap, uintptr_t need, enum vmm_heap_use use)
{
	size_t step = clamp((heap->low - heap_start(heap)) / STEP_SHARE, STEP_LEAST, STEP_MOST);
	uint64_t began;

	if (need <= heap->low || need > block_limit(heap, use))
		return false;
	need = growth_end(heap, need);
	if (must_wait(heap, need - heap->low))
		return false;

	began = clock_now_ns();
	if (grow_to(heap, growth_end(heap, need + step)) == 0 || grow_to(heap, need) == 0) {
		heap->retry_ns = 0;
		return true;
	}
	wait_for_space(heap, need - heap->low, began);
	return false;
}

/* Where a block would end that begins in the free range below `low`, if there is one, or at `low`. */
static uintptr_t end_past_low(const struct vmm_heap *heap, size_t bytes, size_t align)
{
	const struct range *last = ranges_ending_at(&heap->free, heap->low);
	uintptr_t start = align_up(last ? last->start : heap->low, align);
	uintptr_t end;

	return __builtin_add_overflow(start, bytes, &end) ? 0 : end;
}

/* As fill_holes, but a file system that was full a moment ago is not asked again. */
static bool has_space(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	uint64_t began;

	if (!heap->has_holes ||
	    hole_bytes(heap, start & ~(heap->granule - 1), align_up(start + bytes, heap->granule)) == 0)
		return true;
	if (must_wait(heap, heap->granule))
		return false;
	began = clock_now_ns();
	if (fill_holes(heap, start, bytes) == 0)
		return true;
	wait_for_space(heap, heap->granule, began);
	return false;
}

/* The highest that is free, if it lies where metadata are: there the floor does not matter. */
static bool take_above_high(struct vmm_heap *heap, size_t bytes, size_t align, uintptr_t *ret_start)
{
	uintptr_t start;

	if (!ranges_take_highest(&heap->free, bytes, align, &start))
		return false;
	if (start >= heap->high && has_space(heap, start, bytes)) {
		*ret_start = start;
		return true;
	}
	(void)ranges_add(&heap->free, start, bytes);
	return false;
}

/* From the free ranges; but what lies in the floor goes back, and so does what the file system has no space for. */
static bool take_free(struct vmm_heap *heap, size_t bytes, size_t align, enum vmm_heap_use use, uintptr_t *ret_start)
{
	uintptr_t start, aside[ASIDE_MOST];
	size_t asides = 0;
	bool taken = false, in_floor = false;

	while (!taken && !in_floor && asides < ASIDE_MOST && ranges_take_lowest(&heap->free, bytes, align, &start)) {
		in_floor = start < heap->high && start + bytes > block_limit(heap, use);
		taken = !in_floor && has_space(heap, start, bytes);
		if (!taken)
			aside[asides++] = start;
	}
	if (taken)
		*ret_start = start;
	while (asides > 0)
		(void)ranges_add(&heap->free, aside[--asides], bytes);
	return taken || (in_floor && take_above_high(heap, bytes, align, ret_start));
}

static bool take_anywhere(struct vmm_heap *heap, size_t bytes, size_t align, enum vmm_heap_use use,
			  uintptr_t *ret_start)
{
	if (take_free(heap, bytes, align, use, ret_start))
		return true;
	return grow(heap, end_past_low(heap, bytes, align), use) && take_free(heap, bytes, align, use, ret_start);
}

/* Exactly that, if it is free and has space. */
static bool take_free_at(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	if (!ranges_take_at(&heap->free, start, bytes))
		return false;
	if (has_space(heap, start, bytes))
		return true;
	(void)ranges_add(&heap->free, start, bytes);
	return false;
}

static bool take_at(struct vmm_heap *heap, uintptr_t start, size_t bytes, enum vmm_heap_use use)
{
	const struct range *last;

	if (start < heap->high && start + bytes > block_limit(heap, use))
		return false;
	if (start + bytes <= heap->low || start > heap->low || heap->low == heap->high)
		return take_free_at(heap, start, bytes);
	last = ranges_ending_at(&heap->free, heap->low);
	if (start < (last ? last->start : heap->low))
		return false;
	return grow(heap, start + bytes, use) && take_free_at(heap, start, bytes);
}

/*
 * Free ranges never touch, so there are at most half as many as pages. Their nodes lie in ordinary memory, of which
 * only what is needed is ever touched: in the pool each page of them would stand in the way of the heap.
 */
static int init_ranges(struct vmm_heap *heap)
{
	size_t bytes = heap->pool.size / POOL_PAGE / 2 * sizeof(struct range);
	size_t bits = bits_bytes(heap->pool.size / heap->granule + 2);
	char *memory = kernel_mmap(NULL, 2 * bits + bytes, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (kernel_error(memory))
		return kernel_error(memory);
	(void)kernel_madvise(memory, 2 * bits + bytes, MADV_DONTDUMP);
	heap->holes = (uint64_t *)memory;
	vmm_dump_init(&heap->dump, heap->pool.base, heap->pool.size, heap->granule, (uint64_t *)(memory + bits));
	ranges_init(&heap->free, memory + 2 * bits, bytes);
	return 0;
}

int vmm_heap_init(struct vmm_heap *heap, const struct vmm_pool *pool, bool all_reserved)
{
	int r;

	*heap = (struct vmm_heap){ .lock = VMM_LOCK_INITIALIZER, .pool = *pool, .all_reserved = all_reserved };
	heap->low = heap->fresh = heap_start(heap);
	heap->high = heap_end(heap);
	heap->granule = pool->unit > HEAP_GRANULE ? pool->unit : HEAP_GRANULE;
	heap->floor = clamp(pool->size / FLOOR_SHARE, FLOOR_LEAST, FLOOR_MOST);
	vmm_remap_keep_spare();
	r = init_ranges(heap);
	if (r < 0)
		return r;
	vmm_dump_hide(&heap->dump, heap->low, heap->high, 0);
	return grow_to(heap, align_up(heap->low + STEP_LEAST, pool->unit));
}

/* In a core dump, from now on; and a little of what will be handed out next, so that this is not done for each. */
static void show(struct vmm_heap *heap, uintptr_t start, uintptr_t end)
{
	uintptr_t ahead = align_up(end, heap->dump.unit) + SHOW_AHEAD, reserved = align_up(heap->low, heap->dump.unit);
	uint64_t began;

	if (!vmm_dump_hides(&heap->dump, start, end))
		return;
	if (start >= heap->high) {
		/* metadata: what is not reserved of them stays hidden */
		vmm_dump_show(&heap->dump, start, hole_bytes(heap, start, end) ? start + 1 : end);
		return;
	}
	ahead = smaller(ahead, smaller(reserved, heap->high));
	began = clock_now_ns();
	vmm_dump_show(&heap->dump, start & ~(heap->dump.unit - 1), ahead > end ? ahead : end);
	heap->hide_ns = clock_now_ns() + HIDE_SHARE * (clock_now_ns() - began);
}

/*
 * Makes [start, start + bytes) somebody's: the one place that moves `high` down and `fresh` up, and so the one that
 * knows what was never anybody's. Returns how many bytes from `start` on may be old ones; the others read as zero.
 */
static size_t hand_out(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	uintptr_t end = start + bytes, below_high = end < heap->high ? end : heap->high;
	size_t dirty = end <= heap->fresh || end > heap->high ? bytes : start < heap->fresh ? heap->fresh - start : 0;

	if (start >= heap->low && start < heap->high)
		heap->high = start;  /* from between the two: metadata */
	else if (start < below_high && heap->fresh < below_high)
		heap->fresh = below_high;
	show(heap, start, end);
	return dirty;
}

void *vmm_heap_take(struct vmm_heap *heap, void *at, size_t bytes, size_t align, enum vmm_heap_use use, bool *zero)
{
	uintptr_t start = (uintptr_t)at;
	size_t dirty = 0;
	bool taken;

	(void)vmm_lock_take(&heap->lock);
	taken = at ? take_at(heap, start, bytes, use) : take_anywhere(heap, bytes, align, use, &start);
	if (taken) {
		dirty = hand_out(heap, start, bytes);
		count_used(heap, (int64_t)bytes);
	}
	vmm_lock_release(&heap->lock);

	TRACE(3, "%zu bytes, aligned to %zu, at %p", bytes, align, taken ? (void *)start : NULL);
	if (!taken)
		return NULL;
	ASSERT(start % align == 0 || at);
	ASSERT(vmm_pool_contains(&heap->pool, (void *)start));
	if (*zero)
		memset((void *)start, 0, dirty);
	*zero = *zero || dirty == 0;
	return (void *)start;
}

/* Reserves [start, high) for metadata, but for whole granules behind the first, which become holes. */
static int reserve_top(struct vmm_heap *heap, uintptr_t start)
{
	uintptr_t holes_start, holes_end;
	size_t first, end;
	int r;

	granules_inside(heap, start, heap->high, &first, &end);
	if (first < end && granule_address(heap, first) == start)
		first++;
	if (heap->all_reserved || first >= end)
		return reserve(heap, start, heap->high - start);
	holes_start = granule_address(heap, first);
	holes_end = granule_address(heap, end);
	r = reserve(heap, start, holes_start - start);
	if (r == 0 && holes_end < heap->high) {
		r = reserve(heap, holes_end, heap->high - holes_end);
		if (r < 0)
			unreserve(heap, start, holes_start - start);
	}
	if (r == 0)
		make_holes(heap, holes_start, holes_end);
	return r;
}

/* From between low and high. */
static bool take_from_top(struct vmm_heap *heap, size_t bytes, size_t align, uintptr_t *ret_start)
{
	size_t whole = align > heap->pool.unit ? align : heap->pool.unit;
	uintptr_t start = (heap->high - bytes) & ~(whole - 1);

	if (bytes > heap->high - heap->low || start < heap->low || reserve_top(heap, start) < 0)
		return false;
	/* what the alignment leaves above it is for others */
	if (start + bytes < heap->high)
		(void)ranges_add(&heap->free, start + bytes, heap->high - (start + bytes));
	*ret_start = start;
	return true;
}

/* From what was free already. */
static bool take_highest(struct vmm_heap *heap, size_t bytes, size_t align, uintptr_t *ret_start)
{
	if (!ranges_take_highest(&heap->free, bytes, align, ret_start))
		return false;
	if (has_space(heap, *ret_start, bytes))
		return true;
	(void)ranges_add(&heap->free, *ret_start, bytes);
	return false;
}

/* Only what is reserved of them counts as used. */
static void count_metadata(struct vmm_heap *heap, int64_t change)
{
	count_used(heap, change);
	figure_set(&heap->pool.header->metadata_bytes, heap->pool.header->metadata_bytes + (uint64_t)change);
}

void *vmm_heap_take_metadata(struct vmm_heap *heap, size_t bytes, size_t align)
{
	uintptr_t start = 0;
	size_t dirty = 0;
	bool taken;

	(void)vmm_lock_take(&heap->lock);
	/* first what metadata of arenas that are gone have left there */
	taken = take_above_high(heap, bytes, align, &start) || take_from_top(heap, bytes, align, &start) ||
		take_highest(heap, bytes, align, &start);
	if (taken) {
		dirty = hand_out(heap, start, bytes);
		count_metadata(heap, (int64_t)(bytes - hole_bytes(heap, start, start + bytes)));
	}
	vmm_lock_release(&heap->lock);

	if (!taken)
		return NULL;
	memset((void *)start, 0, dirty);
	return (void *)start;
}

/* With the lock held: nothing is in it any more, so its next contents shall be on the file. */
static void return_to_pool(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	vmm_mapping_return(&heap->pool, (char *)start, bytes);
	vmm_dump_again(&heap->dump, start, start + bytes);
	figure_set(&heap->pool.header->private_bytes, vmm_mapping_private_bytes(&heap->pool));
}

void vmm_heap_mapped_anew(struct vmm_heap *heap)
{
	/* a private mapping of a file is in a core dump if it was ever written to; what it is split into is, then */
	if (heap->pool.mapping.is_private)
		(void)kernel_madvise((void *)heap_start(heap), heap->pool.grain, MADV_POPULATE_WRITE);
	vmm_dump_again(&heap->dump, heap_start(heap), heap_end(heap));
}

int vmm_heap_freeze(struct vmm_heap *heap)
{
	uintptr_t base = (uintptr_t)heap->pool.base;
	struct vmm_unused unused = { .start = heap->low - base, .end = heap->high - base };
	int r = vmm_mapping_freeze(&heap->pool, &unused);

	vmm_heap_mapped_anew(heap);
	return r;
}

void vmm_heap_return_free(struct vmm_heap *heap)
{
	const struct range *free;

	for (uintptr_t at = heap_start(heap); (free = ranges_next(&heap->free, at)); at = free->start + free->length)
		return_to_pool(heap, free->start, free->length);
	if (heap->low < heap->high)
		return_to_pool(heap, heap->low, heap->high - heap->low);
}

int vmm_heap_reserve_metadata(struct vmm_heap *heap, void *address, size_t bytes)
{
	uint64_t *reserved = &heap->pool.header->reserved_bytes, before;
	int r;

	(void)vmm_lock_take(&heap->lock);
	before = *reserved;
	r = fill_holes(heap, (uintptr_t)address, bytes);
	count_metadata(heap, (int64_t)(*reserved - before));
	vmm_lock_release(&heap->lock);
	return r;
}

/* The free space in [heap->to_hide, heap->to_hide_end); what is left of that is for the next time. */
static void hide_free(struct vmm_heap *heap)
{
	uintptr_t end = heap->to_hide_end;
	const struct range *free = ranges_at(&heap->free, heap->to_hide);

	for (int i = 0; heap->to_hide < end && i < HIDE_AT_ONCE; i++) {
		if (!free || free->start + free->length <= heap->to_hide)
			free = ranges_next(&heap->free, heap->to_hide);
		if (!free || free->start >= end) {
			heap->to_hide = end;
			return;
		}
		if (free->start > heap->to_hide)
			heap->to_hide = free->start;
		vmm_dump_hide(&heap->dump, heap->to_hide, smaller(free->start + free->length, end), HIDE_LEAST);
		heap->to_hide = free->start + free->length;
	}
}

/*
 * Hides free space from core dumps, in the neighbourhood of what was given back. Who takes and gives the same large
 * block again and again would pay for that each time: what had to be shown again puts it off for a while.
 */
static void hide_around(struct vmm_heap *heap, const struct range *free, uintptr_t start, size_t bytes)
{
	uintptr_t first = start - free->start > HIDE_REACH ? start - HIDE_REACH : free->start;
	uintptr_t last = smaller(free->start + free->length, start + bytes + HIDE_REACH);
	bool none = heap->to_hide >= heap->to_hide_end;

	heap->to_hide = none || first < heap->to_hide ? first : heap->to_hide;
	heap->to_hide_end = none || last > heap->to_hide_end ? last : heap->to_hide_end;
	if (heap->hide_ns == 0 || clock_now_ns() >= heap->hide_ns) {
		heap->hide_ns = 0;
		hide_free(heap);
	}
}

/* With the lock held. */
static void give(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	const struct range *free;

	if (heap->pool.mapping.in_parts)
		return_to_pool(heap, start, bytes);
	(void)ranges_add(&heap->free, start, bytes);
	free = ranges_at(&heap->free, start);
	if (free && free->length >= HIDE_LEAST)
		hide_around(heap, free, start, bytes);
}

void vmm_heap_give(struct vmm_heap *heap, void *address, size_t bytes)
{
	ASSERT(vmm_pool_contains(&heap->pool, address) && heap_end(heap) - (uintptr_t)address >= bytes);
	TRACE(3, "%zu bytes at %p", bytes, address);
	(void)vmm_lock_take(&heap->lock);
	ASSERT(heap->pool.header->used_bytes >= bytes);
	count_used(heap, -(int64_t)bytes);
	give(heap, (uintptr_t)address, bytes);
	vmm_lock_release(&heap->lock);
}

void vmm_heap_give_metadata(struct vmm_heap *heap, void *address, size_t bytes)
{
	uintptr_t start = (uintptr_t)address;

	(void)vmm_lock_take(&heap->lock);
	count_metadata(heap, -(int64_t)(bytes - hole_bytes(heap, start, start + bytes)));
	give(heap, start, bytes);
	vmm_lock_release(&heap->lock);
}

typedef void (*visit_function)(void *context, char *start, size_t bytes);

/* What is handed out has holes only where metadata are. */
static void each_reserved_between(const struct vmm_heap *heap, uintptr_t start, uintptr_t end, visit_function visit,
				  void *context)
{
	uintptr_t base = (uintptr_t)heap->pool.base;
	size_t last = (end - base + heap->granule - 1) / heap->granule;

	while (heap->has_holes && start < end) {
		size_t hole = bits_find(heap->holes, (start - base) / heap->granule, last, true);
		uintptr_t stop = hole < last && granule_address(heap, hole) < end ? granule_address(heap, hole) : end;

		if (stop > start)
			visit(context, (char *)start, stop - start);
		start = stop < end ? granule_address(heap, bits_find(heap->holes, hole, last, false)) : end;
	}
	if (start < end)
		visit(context, (char *)start, end - start);
}

/* All of [start, end) that is reserved, but for the free ranges, of which only whole units are left out. */
static void each_used_between(const struct vmm_heap *heap, uintptr_t start, uintptr_t end, size_t unit,
			      visit_function visit, void *context)
{
	const struct range *free;

	for (uintptr_t at = start; (free = ranges_next(&heap->free, at)) && free->start < end; at = free->start + 1) {
		uintptr_t free_start = align_up(free->start, unit);
		uintptr_t free_end = (free->start + free->length) & ~(unit - 1);

		if (free_start >= free_end)
			continue;
		if (free_start > start)
			each_reserved_between(heap, start, free_start, visit, context);
		start = free_end;
	}
	if (start < end)
		each_reserved_between(heap, start, end, visit, context);
}

static void each_used(const struct vmm_heap *heap, size_t unit, visit_function visit, void *context)
{
	/* a free range may reach from below `high` to above it only if nothing lies between low and high */
	if (heap->low == heap->high) {
		each_used_between(heap, heap_start(heap), heap_end(heap), unit, visit, context);
		return;
	}
	each_used_between(heap, heap_start(heap), heap->low, unit, visit, context);
	each_used_between(heap, heap->high, heap_end(heap), unit, visit, context);
}

void vmm_heap_each_used(const struct vmm_heap *heap, visit_function visit, void *context)
{
	each_used(heap, POOL_PAGE, visit, context);
}

void vmm_heap_each_kept(const struct vmm_heap *heap, visit_function visit, void *context)
{
	each_used(heap, heap->granule, visit, context);
}

void vmm_heap_forget_free(struct vmm_heap *heap, bool all_reserved)
{
	uintptr_t start = heap_start(heap), end = heap_end(heap);
	const struct range *free;

	vmm_heap_mapped_anew(heap);
	heap->all_reserved = all_reserved;
	if (all_reserved)
		return;
	if (heap->pool.unit > heap->granule) {
		/* then all of it is reserved: copy.c */
		bits_set(heap->holes, 0, heap->pool.size / heap->granule, false);
		heap->has_holes = false;
	} else {
		for (uintptr_t at = start; (free = ranges_next(&heap->free, at)); at = free->start + free->length)
			make_holes(heap, free->start, free->start + free->length);
	}
	figure_set(&heap->pool.header->reserved_bytes,
		   heap->pool.grain + heap->low - start - hole_bytes(heap, start, heap->low) + end - heap->high -
			   hole_bytes(heap, heap->high, end));
}

/* With the lock held: [start, low) is free; make it unreserved. */
static size_t shrink_to(struct vmm_heap *heap, uintptr_t start)
{
	struct pool_header *header = heap->pool.header;
	size_t bytes = heap->low - start, holes = hole_bytes(heap, start, heap->low), first, end;

	if (vmm_pool_release(&heap->pool, start - (uintptr_t)heap->pool.base, bytes) < 0)
		return 0;
	(void)ranges_take_at(&heap->free, start, bytes);
	figure_set(&header->reserved_bytes, header->reserved_bytes - (bytes - holes));
	granules_inside(heap, start, heap->low, &first, &end);
	if (holes)
		bits_set(heap->holes, first, end, false);
	heap->low = start;
	if (heap->fresh > start)
		heap->fresh = start;
	vmm_dump_hide(&heap->dump, heap->low, heap->high, 0);
	return bytes;
}

size_t vmm_heap_trim(struct vmm_heap *heap, size_t keep)
{
	const struct range *last;
	size_t released = 0, whole;

	(void)vmm_lock_take(&heap->lock);
	last = ranges_ending_at(&heap->free, heap->low);
	whole = heap->has_holes ? heap->granule : heap->pool.unit;
	if (last && !heap->all_reserved && !heap->pool.mapping.is_private) {
		if (keep < last->length && align_up(last->start + keep, whole) < heap->low)
			released = shrink_to(heap, align_up(last->start + keep, whole));
	}
	vmm_lock_release(&heap->lock);
	return released;
}
