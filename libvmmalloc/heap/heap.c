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
#include "libvmmalloc/heap/mapping.h"
#include "libvmmalloc/heap/remap.h"
#include "libvmmalloc/heap/reserve.h"
#include "libvmmalloc/heap/space.h"
#include "libvmmalloc/heap/table.h"
#include "libvmmalloc/heap/waiters.h"

#define FLOOR_SHARE 256                     /* of the pool: one part in so many is kept for jemalloc */
#define FLOOR_LEAST ((size_t)256 << 10)
#define FLOOR_MOST ((size_t)4 << 20)
#define SETS 3
#define ROOM_SHARE 4
#define ASIDE_MOST 8                        /* places to ask a file system for that has no space for the first */
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

/*
 * Free ranges never touch, so there are at most half as many as pages of a pool of that size. Their nodes lie in
 * ordinary memory, of which only what is needed is ever touched: in the pool each page of them would stand in the way
 * of the heap.
 */
static size_t nodes_bytes(size_t pool_bytes)
{
	return pool_bytes / kernel_page() / 2 * sizeof(struct range);
}

/* Of each of the sets of granules: holes, what a dump does not show, what is idle. */
static size_t set_bytes(size_t pool_bytes, size_t granule)
{
	return bits_bytes(pool_bytes / granule + 2);
}

/* From the beginning of one set to that of the next. The nodes are behind the last. */
static size_t set_room(const struct vmm_pool *pool, size_t granule)
{
	return round_up(set_bytes(pool->room, granule), kernel_page());
}

static size_t tables_bytes(const struct vmm_pool *pool, size_t granule)
{
	return SETS * set_room(pool, granule) + nodes_bytes(pool->room);
}

/* They are for a pool of `before` bytes, and shall be for one of `bytes`. 0 or -errno. */
static int open_tables(const struct vmm_pool *pool, char *tables, size_t granule, size_t before, size_t bytes)
{
	int r = 0;

	for (size_t i = 0; i < SETS && r == 0; i++)
		r = vmm_table_open(tables + i * set_room(pool, granule), before ? set_bytes(before, granule) : 0,
				   set_bytes(bytes, granule));
	return r < 0 ? r : vmm_table_open(tables + SETS * set_room(pool, granule), nodes_bytes(before),
					  nodes_bytes(bytes));
}

/* For a pool as large as it is now. kernel_error() tells of a failure. */
static char *map_tables(const struct vmm_pool *pool, size_t granule)
{
	size_t bytes = tables_bytes(pool, granule);
	char *tables = vmm_table_map(bytes, pool->room == pool->size);
	int r = kernel_error(tables);

	if (r < 0 || pool->room == pool->size)
		return tables;
	r = open_tables(pool, tables, granule, 0, pool->size);
	if (r == 0)
		return tables;
	vmm_table_drop(tables, bytes);
	return (char *)(intptr_t)r;
}

/* Where a limit (RLIMIT_AS) leaves too little for a pool that may grow so far, it grows less far. */
static int init_tables(struct vmm_heap *heap, size_t granule)
{
	struct vmm_pool *pool = &heap->pool;
	char *tables;
	size_t set;

	while (kernel_error(tables = map_tables(pool, granule))) {
		if (pool->room == pool->size)
			return kernel_error(tables);
		pool->room = pool->room / ROOM_SHARE > pool->size ? round_down(pool->room / ROOM_SHARE, pool->grain)
								  : pool->size;
	}
	set = set_room(pool, granule);
	vmm_holes_init(&heap->holes, pool->base, granule, (uint64_t *)tables);
	vmm_dump_init(&heap->dump, pool->base, pool->size, granule, (uint64_t *)(tables + set));
	vmm_release_init(&heap->release, (uint64_t *)(tables + 2 * set));
	ranges_init(&heap->free, tables + SETS * set, nodes_bytes(pool->size));
	return 0;
}

static void drop_tables(struct vmm_heap *heap)
{
	vmm_table_drop(heap->holes.bits, tables_bytes(&heap->pool, heap->holes.granule));
}

/* For the pool as large as it has become, which it was `before` bytes. 0 or -errno. */
static int extend_tables(struct vmm_heap *heap, size_t before)
{
	struct vmm_pool *pool = &heap->pool;
	int r = 0;

	if (pool->size > pool->most)
		r = open_tables(pool, (char *)heap->holes.bits, heap->holes.granule, pool->most, pool->size);
	if (r == 0)
		r = vmm_mapping_add(pool, before);
	if (r < 0 || pool->size <= pool->most)
		return r;
	ranges_extend(&heap->free, nodes_bytes(pool->size) - nodes_bytes(pool->most));
	pool->most = pool->size;
	return 0;
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
	r = init_tables(heap, pool->unit > HEAP_GRANULE ? pool->unit : HEAP_GRANULE);
	if (r < 0)
		return r;
	vmm_dump_hide(&heap->dump, heap->low, heap->high, 0);
	r = vmm_reserve_first(heap);
	if (r < 0)
		drop_tables(heap);
	else
		vmm_reserve_tail(heap);
	return r;
}

void vmm_heap_drop(struct vmm_heap *heap)
{
	drop_tables(heap);
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

void vmm_heap_mapped_anew(struct vmm_heap *heap)
{
	/* a private mapping of a file is in a core dump if it was ever written to; what it is split into is, then */
	if (heap->pool.mapping.is_private)
		(void)kernel_madvise((void *)vmm_heap_start(heap), heap->pool.grain, MADV_POPULATE_WRITE);
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
	vmm_heap_mapped_anew(heap);
	return r;
}

void vmm_heap_return_free(struct vmm_heap *heap)
{
	uintptr_t at = vmm_heap_start(heap);
	const struct range *free;

	for (; (free = ranges_next(&heap->free, at)); at = free->start + free->length)
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
	TRACE(3, "%zu bytes at %p", bytes, address);
	(void)vmm_lock_take(&heap->lock);
	ASSERT(heap->pool.header->used_bytes >= bytes);
	count_used(heap, -(int64_t)bytes);
	take_back(heap, (uintptr_t)address, bytes);
	vmm_lock_release(&heap->lock);
}

void vmm_heap_give_metadata(struct vmm_heap *heap, void *address, size_t bytes)
{
	uintptr_t start = (uintptr_t)address;

	(void)vmm_lock_take(&heap->lock);
	count_metadata(heap, -(int64_t)(bytes - vmm_holes_bytes(&heap->holes, start, start + bytes)));
	take_back(heap, start, bytes);
	vmm_lock_release(&heap->lock);
}

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
		r = extend_tables(heap, end - (uintptr_t)heap->pool.base);
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
	int r = heap->pool.unit > heap->holes.granule ? -EXDEV : close_gap(heap);

	/* it is as long as the heap was */
	if (r == 0)
		vmm_mapping_drop_shadow(&heap->pool);
	return r;
}

/* All of the last file, which begins where the pool ended, at `end`. */
static int reserve_last(struct vmm_heap *heap, uintptr_t end)
{
	return vmm_space_reserve(&heap->pool, end - (uintptr_t)heap->pool.base, vmm_heap_end(heap) - end);
}

int vmm_heap_grow(struct vmm_heap *heap, size_t tier, const char *dir, size_t bytes, bool all_reserved)
{
	uintptr_t end = vmm_heap_end(heap);
	int r = before_growth(heap);

	if (r == 0)
		r = vmm_pool_grow(&heap->pool, dir, bytes);
	if (r < 0)
		return r;
	return take_file(heap, tier, end, all_reserved, all_reserved ? reserve_last(heap, end) : 0);
}

int vmm_heap_grow_adopt(struct vmm_heap *heap, size_t tier, int fd, bool is_cold, bool all_reserved)
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

void vmm_heap_set_tiers(struct vmm_heap *heap, size_t count, const struct environment_place *place)
{
	heap->tiers.count = count;
	heap->tiers.place = *place;
}

void vmm_heap_keep_files(struct vmm_heap *heap)
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

bool vmm_heap_shrink(struct vmm_heap *heap)
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
static size_t leave_files_from(struct vmm_heap *heap, uintptr_t from)
{
	const struct vmm_pool *pool = &heap->pool;
	size_t before = pool->size;

	/* a fork under way has made what its child needs for the heap as it is */
	while (!heap->child_header && (uintptr_t)pool->base + vmm_pool_file(pool, pool->files - 1)->start >= from &&
	       vmm_heap_shrink(heap))
		;
	return before - pool->size;
}

size_t vmm_heap_leave_files(struct vmm_heap *heap)
{
	size_t left = vmm_lock_take(&heap->lock) == 0 ? leave_files_from(heap, 0) : 0;

	vmm_lock_release(&heap->lock);
	return left;
}

void vmm_heap_leave_idle_files(struct vmm_heap *heap)
{
	if (vmm_lock_take(&heap->lock) == 0) {
		if (!heap->pool.mapping.is_private)
			(void)leave_files_from(heap, heap->release.idle_from);
		__atomic_store_n(&heap->release.any_idle, false, __ATOMIC_RELAXED);
	}
	vmm_lock_release(&heap->lock);
}

typedef void (*visit_function)(void *context, char *start, size_t bytes);

/* All of [start, end) that is reserved, but for the free ranges, of which only whole units are left out. */
static void each_used_between(const struct vmm_heap *heap, uintptr_t start, uintptr_t end, size_t unit,
			      visit_function visit, void *context)
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

static void each_used(const struct vmm_heap *heap, size_t unit, visit_function visit, void *context)
{
	/* a free range may reach from below `high` to above it only if nothing lies between low and high */
	if (heap->low == heap->high) {
		each_used_between(heap, vmm_heap_start(heap), vmm_heap_end(heap), unit, visit, context);
		return;
	}
	each_used_between(heap, vmm_heap_start(heap), heap->low, unit, visit, context);
	each_used_between(heap, heap->high, vmm_heap_end(heap), unit, visit, context);
}

void vmm_heap_each_used(const struct vmm_heap *heap, visit_function visit, void *context)
{
	each_used(heap, kernel_page(), visit, context);
}

void vmm_heap_each_kept(const struct vmm_heap *heap, visit_function visit, void *context)
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

size_t vmm_heap_used_between(const struct vmm_heap *heap, uintptr_t start, uintptr_t end)
{
	size_t used = end - start - common_bytes(start, end, heap->low, heap->high);
	const struct range *free = ranges_at(&heap->free, start);

	for (free = free ? free : ranges_next(&heap->free, start); free && free->start < end;
	     free = ranges_next(&heap->free, free->start + 1))
		used -= common_bytes(start, end, free->start, free->start + free->length);
	return used;
}

void vmm_heap_forget_free(struct vmm_heap *heap, bool all_reserved)
{
	uintptr_t start = vmm_heap_start(heap), end = vmm_heap_end(heap);
	const struct range *free;

	vmm_heap_mapped_anew(heap);
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

void vmm_heap_release(struct vmm_heap *heap)
{
	if (!vmm_release_is_due(&heap->release))
		return;
	if (vmm_lock_take(&heap->lock) == 0)
		vmm_release_idle(heap);
	vmm_lock_release(&heap->lock);
}
