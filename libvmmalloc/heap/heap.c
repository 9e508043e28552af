/* SPDX-License-Identifier: BSD-3-Clause */
/* heap -- see heap.h. */
#include "libvmmalloc/heap/heap.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/round.h"
#include "libvmmalloc/base/clock.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/heap/bits.h"
#include "libvmmalloc/heap/bookkeeping.h"
#include "libvmmalloc/heap/mapping.h"
#include "libvmmalloc/heap/remap.h"
#include "libvmmalloc/heap/reserve.h"
#include "libvmmalloc/heap/space.h"
#include "libvmmalloc/heap/waiters.h"

#define FLOOR_SHARE 256                     /* of the pool: one part in so many is kept for jemalloc */
#define FLOOR_LEAST ((size_t)256 << 10)
#define FLOOR_MOST ((size_t)4 << 20)
#define ASIDE_MOST 8                        /* places to ask a file system for that has no space for the first */
#define RETURN_STEP ((size_t)8 << 20)       /* bytes, and */
#define RETURN_STEP_RANGES 256              /*   ranges that are mapped to the file again at once */
#define WALK_MOST 4096                      /* free ranges, and their holes, to look past for a place without a hole */

static size_t clamp(size_t value, size_t least, size_t most)
{
	return value < least ? least : value > most ? most : value;
}

static void count_used(struct vmm_heap *heap, int64_t change)
{
	struct pool_header *header = heap->pool.header;

	vmm_heap_set_figure(heap, &header->used_bytes, header->used_bytes + (uint64_t)change);
	if (header->used_bytes > header->peak_bytes)
		vmm_heap_set_figure(heap, &header->peak_bytes, header->used_bytes);
}

/*
 * What is in use of each tier, and of each file behind the first, for others to see: the first one's header has the
 * figures of all. A child whose heap is private has its parent's files here, and leaves them alone.
 */
static void count_in_files(struct vmm_heap *heap, uintptr_t start, size_t bytes, bool taken)
{
	const struct vmm_pool *pool = &heap->pool;
	size_t offset = start - (uintptr_t)pool->base;

	for (size_t n = bytes; bytes > 0; bytes -= n, offset += n, n = bytes) {
		const struct vmm_pool_file *file = vmm_pool_file_at(pool, offset, &n);
		struct pool_header *header = file->header;

		vmm_tiers_count(&heap->tiers.tier[file->tier], n, taken);
		if (header == pool->header || pool->header != pool->first.header)
			continue;
		__atomic_store_n(&header->used_bytes, header->used_bytes + (taken ? n : -n), __ATOMIC_RELAXED);
		if (header->used_bytes > header->peak_bytes)
			__atomic_store_n(&header->peak_bytes, header->used_bytes, __ATOMIC_RELAXED);
	}
}

void vmm_heap_count(struct vmm_heap *heap, uint64_t *figure, int64_t change)
{
	(void)vmm_lock_take(&heap->lock);
	vmm_heap_set_figure(heap, figure, *figure + (uint64_t)change);
	vmm_lock_release(&heap->lock);
}

/* How far up blocks may reach: the program's leave the floor alone. */
static uintptr_t block_limit(const struct vmm_heap *heap, enum vmm_heap_use use)
{
	size_t kept = use == HEAP_FOR_JEMALLOC ? 0 : heap->floor;

	return heap->high - vmm_heap_start(heap) > kept ? heap->high - kept : vmm_heap_start(heap);
}

/* Makes room for a block that ends at `need`. */
static bool grow_up(struct vmm_heap *heap, uintptr_t need, enum vmm_heap_use use)
{
	return need > heap->low && need <= block_limit(heap, use) && vmm_reserve_up_to(heap, need);
}

/* What is looked for, and where. */
struct wanted {
	size_t bytes, align;
	enum vmm_heap_use use;
	uintptr_t from, to;
};

/*
 * Where a block would end that begins in the free range below `low`, if there is one, or at `low`, or where the place
 * begins that it is to be in. 0: not in that place.
 */
static uintptr_t end_past_low(const struct vmm_heap *heap, const struct wanted *wanted)
{
	const struct range *last = ranges_ending_at(&heap->free, heap->low);
	uintptr_t lowest = last ? last->start : heap->low;
	uintptr_t start = round_up(lowest > wanted->from ? lowest : wanted->from, wanted->align), end;

	return __builtin_add_overflow(start, wanted->bytes, &end) || end > wanted->to ? 0 : end;
}

/* Takes the highest free place if it lies among the metadata, where the floor does not matter. */
static bool take_above_high(struct vmm_heap *heap, const struct wanted *wanted, uintptr_t *ret_start)
{
	uintptr_t start;

	if (!ranges_take_highest(&heap->free, wanted->bytes, wanted->align, wanted->from, wanted->to, &start))
		return false;
	if (start >= heap->high && vmm_reserve_has_space(heap, start, wanted->bytes)) {
		*ret_start = start;
		return true;
	}
	(void)ranges_add(&heap->free, start, wanted->bytes);
	return false;
}

/* A place in the floor, which the metadata are to have. */
static bool is_in_floor(const struct vmm_heap *heap, uintptr_t start, size_t bytes, enum vmm_heap_use use)
{
	return start < heap->high && start + bytes > block_limit(heap, use);
}

/* Where a place in a range would begin. */
static uintptr_t start_in(const struct range *range, const struct wanted *wanted)
{
	return round_up(range->start > wanted->from ? range->start : wanted->from, wanted->align);
}

/* Takes the lowest place that needs no space of the file system, which is full, unless it is very far. */
static bool take_reserved(struct vmm_heap *heap, const struct wanted *wanted, uintptr_t *ret_start)
{
	const struct range *range = ranges_at(&heap->free, wanted->from);
	size_t bytes = wanted->bytes;
	uintptr_t start, hole, hole_end;

	range = range ? range : ranges_next(&heap->free, wanted->from);
	start = range ? start_in(range, wanted) : 0;
	for (int i = 0; range && range->start < wanted->to && i < WALK_MOST; i++) {
		uintptr_t range_end = range->start + range->length;
		uintptr_t end = range_end < wanted->to ? range_end : wanted->to;
		bool fits = start <= end && end - start >= bytes && !is_in_floor(heap, start, bytes, wanted->use);

		if (fits && !vmm_holes_next(&heap->holes, start, start + bytes, &hole, &hole_end)) {
			*ret_start = start;
			return ranges_take_at(&heap->free, start, bytes);
		}
		if (!fits)
			range = ranges_next(&heap->free, range_end);
		start = fits ? round_up(hole_end, wanted->align) : range ? start_in(range, wanted) : 0;
	}
	return false;
}

/* Takes from the free ranges. A place in the floor goes back, and so does one that the file system has no space for. */
static bool take_free(struct vmm_heap *heap, const struct wanted *wanted, uintptr_t *ret_start)
{
	size_t bytes = wanted->bytes, asides = 0;
	uintptr_t start, aside[ASIDE_MOST];
	bool taken = false, in_floor = false, lacks_space = false;

	while (!taken && !in_floor && asides < ASIDE_MOST &&
	       ranges_take_lowest(&heap->free, bytes, wanted->align, wanted->from, wanted->to, &start)) {
		in_floor = is_in_floor(heap, start, bytes, wanted->use);
		taken = !in_floor && vmm_reserve_has_space(heap, start, bytes);
		if (!taken)
			aside[asides++] = start;
		lacks_space = lacks_space || (!taken && !in_floor);
	}
	if (taken)
		*ret_start = start;
	while (asides > 0)
		(void)ranges_add(&heap->free, aside[--asides], bytes);
	return taken || (in_floor && take_above_high(heap, wanted, ret_start)) ||
	       (lacks_space && take_reserved(heap, wanted, ret_start));
}

static bool take_in_window(struct vmm_heap *heap, const struct wanted *wanted, uintptr_t *ret_start)
{
	if (take_free(heap, wanted, ret_start))
		return true;
	return grow_up(heap, end_past_low(heap, wanted), wanted->use) && take_free(heap, wanted, ret_start);
}

static bool take_in_tier(struct vmm_heap *heap, size_t tier, size_t bytes, size_t align, enum vmm_heap_use use,
			 uintptr_t *ret_start)
{
	struct vmm_tiers_window window = { 0 };

	while (vmm_tiers_next(&heap->tiers, &heap->pool, tier, &window)) {
		struct wanted wanted = { bytes, align, use, window.from, window.to };

		if (take_in_window(heap, &wanted, ret_start))
			return true;
	}
	return false;
}

/* Takes exactly that, if it is free and has space. */
static bool take_free_at(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	if (!ranges_take_at(&heap->free, start, bytes))
		return false;
	if (vmm_reserve_has_space(heap, start, bytes))
		return true;
	(void)ranges_add(&heap->free, start, bytes);
	return false;
}

/* Whether [start, start + bytes) and what lies before it are in one tier. */
static bool goes_on(const struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	struct vmm_tiers_window window = { 0 };
	size_t tier;

	if (start + bytes > vmm_heap_end(heap))
		return false;
	tier = vmm_tiers_of(&heap->tiers, &heap->pool, start - 1);
	while (vmm_tiers_next(&heap->tiers, &heap->pool, tier, &window) && start > window.to)
		;
	return start + bytes <= window.to;
}

static bool take_at(struct vmm_heap *heap, uintptr_t start, size_t bytes, enum vmm_heap_use use)
{
	const struct range *last;

	if (is_in_floor(heap, start, bytes, use) || !goes_on(heap, start, bytes))
		return false;
	if (start + bytes <= heap->low || start > heap->low || heap->low == heap->high)
		return take_free_at(heap, start, bytes);
	last = ranges_ending_at(&heap->free, heap->low);
	if (start < (last ? last->start : heap->low))
		return false;
	return grow_up(heap, start + bytes, use) && take_free_at(heap, start, bytes);
}

int vmm_heap_init(struct vmm_heap *heap, const struct vmm_pool *pool, bool all_reserved)
{
	int r;

	*heap = (struct vmm_heap){ .pool = *pool, .all_reserved = all_reserved, .any_kept = all_reserved };
	heap->pool.first.is_kept = all_reserved;
	heap->low = heap->fresh = vmm_heap_start(heap);
	heap->high = vmm_heap_end(heap);
	heap->floor = clamp(pool->size / FLOOR_SHARE, FLOOR_LEAST, FLOOR_MOST);
	heap->tiers.count = heap->files_least = 1;
	heap->tiers.tier[0].bytes = vmm_pool_heap_bytes(pool);
	vmm_remap_keep_spare();
	r = vmm_bookkeeping_make(heap, pool->unit > HEAP_GRANULE ? pool->unit : HEAP_GRANULE);
	if (r < 0)
		return r;
	vmm_dump_hide(&heap->dump, heap->low, heap->high, 0);
	r = vmm_reserve_first(heap);
	if (r < 0)
		vmm_bookkeeping_drop(heap);
	else
		vmm_reserve_tail(heap);
	return r;
}

void vmm_heap_drop(struct vmm_heap *heap)
{
	vmm_bookkeeping_drop(heap);
	vmm_pool_drop(&heap->pool);
}

/* A core dump has it from now on; but what is not reserved of metadata stays hidden. */
static void show(struct vmm_heap *heap, uintptr_t start, uintptr_t end)
{
	uintptr_t reserved = round_up(heap->low, heap->dump.unit);

	if (start < heap->high)
		vmm_dump_taken(&heap->dump, start, end, reserved < heap->high ? reserved : heap->high);
	else
		vmm_dump_show(&heap->dump, start, vmm_holes_bytes(&heap->holes, start, end) ? start + 1 : end);
}

/* [start, end) is handed out, of which so many bytes may be old; or fewer: a file that others came behind knows. */
static size_t take_fresh(struct vmm_heap *heap, uintptr_t start, uintptr_t end, size_t dirty)
{
	uintptr_t base = (uintptr_t)heap->pool.base;

	/* also when the others are gone: the file may get others again */
	for (size_t bytes = end - start, n = bytes; bytes > 0; bytes -= n, n = bytes) {
		struct vmm_pool_file *file = vmm_pool_file_at(&heap->pool, end - bytes - base, &n);
		uintptr_t piece = end - bytes, piece_end = piece + n;

		if (piece_end <= file->fresh || piece >= file->fresh_end)
			continue;
		if (piece == start && piece_end == end && end <= file->fresh_end) {
			size_t old = start < file->fresh ? file->fresh - start : 0;

			dirty = old < dirty ? old : dirty;
		}
		file->fresh = piece_end;
	}
	return dirty;
}

/*
 * Hands [start, start + bytes) out. This is the one place that moves `high` down and `fresh` up, and so the one that
 * knows what was never handed out before. Returns how many bytes from `start` on may be old ones; the others read as
 * zero.
 */
static size_t hand_out(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	uintptr_t end = start + bytes, below_high = end < heap->high ? end : heap->high;
	size_t dirty = end <= heap->fresh || end > heap->high ? bytes : start < heap->fresh ? heap->fresh - start : 0;

	if (start >= heap->low && start < heap->high)
		heap->high = start;  /* from between the two: metadata */
	else if (start < below_high && heap->fresh < below_high)
		heap->fresh = below_high;
	vmm_release_taken(heap, start, end);
	count_in_files(heap, start, bytes, true);
	dirty = take_fresh(heap, start, end, dirty);
	show(heap, start, end);
	return dirty;
}

void *vmm_heap_take(struct vmm_heap *heap, size_t tier, void *at, size_t bytes, size_t align, enum vmm_heap_use use,
		    bool *zero)
{
	uintptr_t start = (uintptr_t)at;
	size_t dirty = 0;
	bool taken;

	(void)vmm_lock_take(&heap->lock);
	taken = at ? take_at(heap, start, bytes, use) : take_in_tier(heap, tier, bytes, align, use, &start);
	if (taken) {
		dirty = hand_out(heap, start, bytes);
		count_used(heap, (int64_t)bytes);
	}
	TRACE(3, "%zu bytes, aligned to %zu, at %p%s", bytes, align, taken ? (void *)start : NULL,
	      at ? ", and nowhere else" : "");
	vmm_lock_release(&heap->lock);

	if (!taken)
		return NULL;
	ASSERT(start % align == 0 || at);
	ASSERT(vmm_pool_contains(&heap->pool, (void *)start));
	if (*zero)
		memset((void *)start, 0, dirty);
	*zero = *zero || dirty == 0;
	return (void *)start;
}

/* Makes room for metadata between low and high. hand_out() makes it theirs. */
static bool grow_down(struct vmm_heap *heap, size_t bytes, size_t align, uintptr_t *ret_start)
{
	size_t unit = vmm_reserve_unit(heap), whole = align > unit ? align : unit;
	uintptr_t start = round_down(heap->high - bytes, whole);

	if (bytes > heap->high - heap->low || start < heap->low || vmm_reserve_below_high(heap, start) < 0)
		return false;
	/* what the alignment leaves above it is for others */
	if (start + bytes < heap->high)
		(void)ranges_add(&heap->free, start + bytes, heap->high - (start + bytes));
	*ret_start = start;
	return true;
}

/* Takes from what was free already. */
static bool take_highest(struct vmm_heap *heap, const struct wanted *wanted, uintptr_t *ret_start)
{
	if (!ranges_take_highest(&heap->free, wanted->bytes, wanted->align, wanted->from, wanted->to, ret_start))
		return false;
	if (vmm_reserve_has_space(heap, *ret_start, wanted->bytes))
		return true;
	(void)ranges_add(&heap->free, *ret_start, wanted->bytes);
	return false;
}

/* What was never handed out of a file that others came behind needs no space yet but for its first granule. */
static size_t needed_at_once(const struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	size_t some = 1;
	const struct vmm_pool_file *file = vmm_pool_file_at(&heap->pool, start - (uintptr_t)heap->pool.base, &some);

	return start >= file->fresh && start + bytes <= file->fresh_end && bytes > HEAP_GRANULE ? HEAP_GRANULE : bytes;
}

/* Of several tiers the first shall have them, wherever `high` is. */
static bool take_highest_in_first_tier(struct vmm_heap *heap, size_t bytes, size_t align, uintptr_t *ret_start)
{
	struct vmm_tiers_window window = { 0 };

	while (heap->tiers.count > 1 && vmm_tiers_next(&heap->tiers, &heap->pool, 0, &window)) {
		if (!ranges_take_highest(&heap->free, bytes, align, window.from, window.to, ret_start))
			continue;
		if (vmm_reserve_holes(heap, *ret_start, needed_at_once(heap, *ret_start, bytes)) == 0)
			return true;
		(void)ranges_add(&heap->free, *ret_start, bytes);
	}
	return false;
}

static bool take_for_metadata(struct vmm_heap *heap, size_t bytes, size_t align, uintptr_t *ret_start)
{
	struct wanted anywhere = { bytes, align, HEAP_FOR_JEMALLOC, 0, UINTPTR_MAX };

	/* what metadata of arenas that are gone have left above `high` comes before what has to be reserved */
	return take_highest_in_first_tier(heap, bytes, align, ret_start) ||
	       take_above_high(heap, &anywhere, ret_start) || grow_down(heap, bytes, align, ret_start) ||
	       take_highest(heap, &anywhere, ret_start);
}

/* Of metadata, only what is reserved counts as used. */
static void count_metadata(struct vmm_heap *heap, int64_t change)
{
	uint64_t *metadata = &heap->pool.header->metadata_bytes;

	count_used(heap, change);
	vmm_heap_set_figure(heap, metadata, *metadata + (uint64_t)change);
}

void *vmm_heap_take_metadata(struct vmm_heap *heap, size_t bytes, size_t align)
{
	uintptr_t start = 0;
	size_t dirty = 0;
	bool taken;

	(void)vmm_lock_take(&heap->lock);
	taken = take_for_metadata(heap, bytes, align, &start);
	if (taken) {
		dirty = hand_out(heap, start, bytes);
		count_metadata(heap, (int64_t)(bytes - vmm_holes_bytes(&heap->holes, start, start + bytes)));
	}
	TRACE(3, "%zu bytes, aligned to %zu, at %p", bytes, align, taken ? (void *)start : NULL);
	vmm_lock_release(&heap->lock);

	if (!taken)
		return NULL;
	memset((void *)start, 0, dirty);
	return (void *)start;
}

/* Maps free space to the file again: its next contents shall be there. The lock is held. */
static void return_to_pool(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	vmm_mapping_return(&heap->pool, (char *)start, bytes);
	vmm_dump_again(&heap->dump, start, start + bytes);
	vmm_heap_set_figure(heap, &heap->pool.header->private_bytes, vmm_mapping_private_bytes(&heap->pool));
}

/* A page of the file's part of the pool that is reserved, so that to write to it takes none of its space; or NULL. */
static void *reserved_page(const struct vmm_heap *heap, const struct vmm_pool_file *file)
{
	const struct vmm_holes *holes = &heap->holes;
	uintptr_t base = (uintptr_t)heap->pool.base, end = base + file->end, whole;
	uintptr_t at = file->start > 0 ? base + file->start : vmm_heap_start(heap);

	if (at >= heap->low && at < heap->high)
		at = heap->high;
	whole = holes->base + bits_find(holes->bits, (at - holes->base) / holes->granule,
					(end - holes->base) / holes->granule, false) * holes->granule;
	at = whole > at ? whole : at;
	return at < end && (at < heap->low || at >= heap->high) ? (void *)at : NULL;
}

/* After the heap was mapped anew, as a whole. */
static void mapped_anew(struct vmm_heap *heap)
{
	const struct vmm_pool *pool = &heap->pool;

	/* a private mapping of a file is in a core dump if it was ever written to; what it is split into is, then */
	for (size_t i = 0; pool->mapping.is_private && i < pool->files; i++) {
		void *page = reserved_page(heap, vmm_pool_file(pool, i));

		if (page)
			(void)kernel_madvise(page, pool->grain, MADV_POPULATE_WRITE);
	}
	vmm_dump_again(&heap->dump, vmm_heap_start(heap), vmm_heap_end(heap));
}

int vmm_heap_freeze(struct vmm_heap *heap)
{
	uintptr_t base = (uintptr_t)heap->pool.base;
	struct vmm_unused unused = { .start = heap->low - base, .end = heap->high - base };
	size_t private_before = vmm_mapping_private_bytes(&heap->pool);
	int r = vmm_mapping_freeze(&heap->pool, &unused);

	/* also where it failed half-way */
	if (vmm_mapping_private_bytes(&heap->pool) > private_before)
		vmm_waiters_wake(&heap->pool);
	mapped_anew(heap);
	return r;
}

bool vmm_heap_return_free(struct vmm_heap *heap, size_t *offset)
{
	uintptr_t base = (uintptr_t)heap->pool.base, at = base + *offset;
	size_t left = RETURN_STEP, ranges = RETURN_STEP_RANGES;
	const struct range *free;

	/* nobody has touched what lies between them since the freeze: that is one mapping, and no page */
	if (*offset == 0 && heap->low < heap->high)
		return_to_pool(heap, heap->low, heap->high - heap->low);
	while ((free = ranges_at(&heap->free, at)) || (free = ranges_next(&heap->free, at))) {
		uintptr_t start = at > free->start ? at : free->start;
		size_t bytes = free->start + free->length - start;

		/* a range of which neither half is large enough would stay private */
		if (left < HEAP_GRANULE || ranges == 0) {
			*offset = start - base;
			return false;
		}
		bytes = bytes < left ? bytes : left;
		return_to_pool(heap, start, bytes);
		at = start + bytes;
		left -= bytes;
		ranges--;
	}
	return true;
}

int vmm_heap_reserve_metadata(struct vmm_heap *heap, void *address, size_t bytes)
{
	uint64_t *reserved = &heap->pool.header->reserved_bytes, before;
	int r;

	(void)vmm_lock_take(&heap->lock);
	before = *reserved;
	r = vmm_reserve_holes(heap, (uintptr_t)address, bytes);
	count_metadata(heap, (int64_t)(*reserved - before));
	vmm_lock_release(&heap->lock);
	return r;
}

/* With the lock held. */
static void take_back(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	if (heap->pool.mapping.in_parts)
		return_to_pool(heap, start, bytes);
	(void)ranges_add(&heap->free, start, bytes);
	count_in_files(heap, start, bytes, false);
	vmm_dump_freed(&heap->dump, &heap->free, start, bytes);
}

void vmm_heap_give(struct vmm_heap *heap, void *address, size_t bytes)
{
	ASSERT(vmm_pool_contains(&heap->pool, address) && vmm_heap_end(heap) - (uintptr_t)address >= bytes);
	(void)vmm_lock_take(&heap->lock);
	TRACE(3, "%zu bytes at %p", bytes, address);
	ASSERT(heap->pool.header->used_bytes >= bytes);
	count_used(heap, -(int64_t)bytes);
	take_back(heap, (uintptr_t)address, bytes);
	vmm_lock_release(&heap->lock);
}

void vmm_heap_give_metadata(struct vmm_heap *heap, void *address, size_t bytes)
{
	uintptr_t start = (uintptr_t)address;

	(void)vmm_lock_take(&heap->lock);
	TRACE(3, "%zu bytes at %p", bytes, address);
	count_metadata(heap, -(int64_t)(bytes - vmm_holes_bytes(&heap->holes, start, start + bytes)));
	take_back(heap, start, bytes);
	vmm_lock_release(&heap->lock);
}

void vmm_heap_set_tiers(struct vmm_heap *heap, size_t count, const struct environment_place *place)
{
	heap->tiers.count = count;
	heap->tiers.place = *place;
}

/* A granule that is in two tiers is no hole: the end of the one would need space of the other: release.c. */
static void reserve_between_tiers(struct vmm_heap *heap)
{
	for (size_t i = 1; i < heap->pool.files; i++) {
		const struct vmm_pool_file *file = vmm_pool_file(&heap->pool, i);
		uintptr_t start = (uintptr_t)heap->pool.base + file->start;

		if (file->tier != vmm_pool_file(&heap->pool, i - 1)->tier && start % heap->holes.granule)
			(void)vmm_reserve_holes(heap, start, heap->pool.grain);
	}
}

void vmm_heap_forget_free(struct vmm_heap *heap, bool all_reserved)
{
	uintptr_t start = vmm_heap_start(heap), end = vmm_heap_end(heap);
	const struct range *free;

	mapped_anew(heap);
	heap->all_reserved = heap->any_kept = all_reserved;
	for (size_t i = 0; i < heap->pool.files; i++)
		vmm_pool_file(&heap->pool, i)->is_kept = all_reserved;
	if (all_reserved)
		return;
	if (heap->pool.unit > heap->holes.granule) {
		/* then all of it is reserved: copy.c */
		vmm_holes_fill(&heap->holes, (uintptr_t)heap->pool.base, end);
		heap->holes.any = false;
	} else {
		for (uintptr_t at = start; (free = ranges_next(&heap->free, at)); at = free->start + free->length)
			vmm_holes_make(&heap->holes, free->start, free->start + free->length);
		reserve_between_tiers(heap);
	}
	vmm_heap_set_figure(heap, &heap->pool.header->reserved_bytes,
			    heap->pool.grain + heap->low - start - vmm_holes_bytes(&heap->holes, start, heap->low) +
				    end - heap->high - vmm_holes_bytes(&heap->holes, heap->high, end));
}

/* With the lock held: gives [start, low), which is free, back to the file system. Returns bytes. */
static size_t shrink_to(struct vmm_heap *heap, uintptr_t start)
{
	size_t bytes = heap->low - start;

	if (vmm_reserve_give_back(heap, start) < 0)
		return 0;
	(void)ranges_take_at(&heap->free, start, bytes);
	if (heap->fresh > start)
		heap->fresh = start;
	vmm_dump_hide(&heap->dump, heap->low, heap->high, 0);
	return bytes;
}

/* Where the range that ends at `low`, less `keep` bytes, has its first whole unit of files that are not kept. */
static uintptr_t trimmed_start(const struct vmm_heap *heap, const struct range *last, size_t keep)
{
	size_t whole = heap->holes.any ? heap->holes.granule : vmm_reserve_unit(heap);
	uintptr_t start = last->start + keep;

	for (size_t i = 0; heap->any_kept && i < heap->pool.files; i++) {
		const struct vmm_pool_file *file = vmm_pool_file(&heap->pool, i);
		uintptr_t end = (uintptr_t)heap->pool.base + file->end;

		if (file->is_kept && start < end)
			start = end;
	}
	/* `low` stays in the last file, where it serves that one's tier alone */
	if (heap->tiers.count > 1) {
		uintptr_t end = (uintptr_t)heap->pool.base + vmm_pool_file(&heap->pool, heap->pool.files - 1)->start;

		start = start < end ? end : start;
	}
	return round_up(start, whole);
}

size_t vmm_heap_trim(struct vmm_heap *heap, size_t keep)
{
	const struct range *last;
	size_t released = 0;

	(void)vmm_lock_take(&heap->lock);
	last = ranges_ending_at(&heap->free, heap->low);
	if (last && !heap->all_reserved && !heap->pool.mapping.is_private && keep < last->length) {
		uintptr_t start = trimmed_start(heap, last, keep);

		if (start < heap->low)
			released = shrink_to(heap, start);
	}
	released += vmm_release_all(heap);
	vmm_lock_release(&heap->lock);
	return released;
}

void vmm_heap_release_after(struct vmm_heap *heap, unsigned seconds)
{
	heap->release.period_ns = seconds ? seconds * (uint64_t)1000000000 : 1;
	heap->release.next_ns = clock_now_ns() + heap->release.period_ns;
}

void vmm_heap_release_never(struct vmm_heap *heap)
{
	heap->release.period_ns = 0;
	heap->release.any_idle = false;
}

bool vmm_heap_release(struct vmm_heap *heap)
{
	bool ended = false;

	if (!vmm_release_is_due(&heap->release))
		return false;
	if (vmm_lock_take(&heap->lock) == 0)
		ended = vmm_release_idle(heap);
	vmm_lock_release(&heap->lock);
	return ended;
}
