/* SPDX-License-Identifier: BSD-3-Clause */
/* reserve -- see reserve.h. */
#include "libvmmalloc/heap/reserve.h"

#include <errno.h>
#include <string.h>

#include "common/base/round.h"
#include "libvmmalloc/base/clock.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/heap/mapping.h"
#include "libvmmalloc/heap/space.h"

#define STEP_SHARE 64                       /* each step reserves this part of what is reserved already */
#define STEP_LEAST ((size_t)256 << 10)
#define STEP_MOST ((size_t)4 << 20)         /* it counts against limits of memory, and more is no faster */
#define HUGE_FROM ((size_t)16 << 20)        /* a heap of so much grows by huge pages, if it can */
#define PRIVATE_STEP ((size_t)16 << 20)     /* a whole unit, and no more than one fallocate: space.c */
#define MUCH ((size_t)1 << 30)              /* a file system is asked first, not filled to learn that it has less */
#define RETRY_LEAST_NS 10000000u            /* a file system that was full is asked again after this, at the soonest, */
#define RETRY_SHARE 16                      /* and so seldom that it takes no more than this part of the time */

static size_t offset_of(const struct vmm_heap *heap, uintptr_t start)
{
	return start - (uintptr_t)heap->pool.base;
}

int vmm_reserve_refused(int r)
{
	vmm_heap_thread.space_refusals++;
	return r;
}

static int reserve(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	struct pool_header *header = heap->pool.header;
	size_t offset = offset_of(heap, start);
	int r = vmm_mapping_open(&heap->pool, offset, bytes);

	if (r < 0)
		return vmm_reserve_refused(r);
	if (heap->all_reserved)
		return 0;
	r = vmm_space_reserve(&heap->pool, offset, bytes);
	TRACE(r < 0 ? 1 : 3, "%zu bytes at %p: %s", bytes, (void *)start, r < 0 ? strerrordesc_np(-r) : "done");
	if (r < 0)
		return vmm_reserve_refused(r);
	vmm_heap_set_figure(heap, &header->reserved_bytes, header->reserved_bytes + bytes);
	return 0;
}

/* Undoes reserve(). While the heap is private the file keeps the space, and whoever asks for it again gets it. */
static void unreserve(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	struct pool_header *header = heap->pool.header;

	(void)vmm_space_release(&heap->pool, offset_of(heap, start), bytes);
	vmm_heap_set_figure(heap, &header->reserved_bytes, header->reserved_bytes - bytes);
}

static dev_t device_at(const struct vmm_heap *heap, uintptr_t start)
{
	size_t some = 1;

	return vmm_pool_file_at(&heap->pool, offset_of(heap, start), &some)->dev;
}

/* A file system that was full a moment ago need not be asked for as much again. */
static bool must_wait(const struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	return heap->retry_ns && bytes >= heap->retry_bytes && clock_now_ns() < heap->retry_ns &&
	       device_at(heap, start) == heap->retry_dev;
}

bool vmm_reserve_is_short(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	if (!must_wait(heap, start, bytes) && !vmm_space_lacks(&heap->pool, offset_of(heap, start), bytes))
		return false;
	(void)vmm_reserve_refused(-ENOSPC);
	return true;
}

/* It could not give so many bytes, when asked at `began`. */
static void wait_for_space(struct vmm_heap *heap, uintptr_t start, size_t bytes, uint64_t began)
{
	heap->retry_dev = device_at(heap, start);
	heap->retry_bytes = bytes;
	heap->retry_ns = clock_now_ns() + RETRY_LEAST_NS + RETRY_SHARE * (clock_now_ns() - began);
}

/* Moves `low` up to `to`: reserves what lies between and adds it to the free ranges. */
static int grow_to(struct vmm_heap *heap, uintptr_t to)
{
	/* while the heap is private nothing can be given back: what can be had is kept, piece by piece */
	size_t piece = heap->pool.mapping.is_private ? PRIVATE_STEP : heap->pool.size;

	if (to <= heap->low)
		return 0;  /* an attempt at more got so far */
	if ((heap->pool.mapping.is_private || to - heap->low > MUCH) && !heap->all_reserved &&
	    vmm_space_lacks(&heap->pool, offset_of(heap, heap->low), to - heap->low))
		return vmm_reserve_refused(-ENOSPC);
	while (heap->low < to) {
		uintptr_t end = to - heap->low > piece ? round_down(heap->low + piece, vmm_reserve_unit(heap)) : to;
		int r = reserve(heap, heap->low, end - heap->low);

		if (r < 0)
			return r;
		(void)ranges_add(&heap->free, heap->low, end - heap->low);
		heap->low = end;
	}
	return 0;
}

/* What is reserved ends with a whole unit, or meets the metadata. */
static uintptr_t growth_end(const struct vmm_heap *heap, uintptr_t end)
{
	uintptr_t whole = round_up(end, vmm_reserve_unit(heap));

	return whole < heap->high ? whole : heap->high;
}

static size_t growth_step(const struct vmm_heap *heap)
{
	size_t step = (heap->low - vmm_heap_start(heap)) / STEP_SHARE;

	return step < STEP_LEAST ? STEP_LEAST : step > STEP_MOST ? STEP_MOST : step;
}

static bool steps_by_huge_pages(const struct vmm_heap *heap)
{
	size_t some = 1;

	return heap->low - vmm_heap_start(heap) >= HUGE_FROM && heap->low < heap->high &&
	       vmm_collapse_is_likely(&heap->pool, vmm_pool_file_at(&heap->pool, offset_of(heap, heap->low), &some));
}

/* Where a step ends that gets to `need`. Not within the floor: metadata may need it in one piece. */
static uintptr_t step_end(const struct vmm_heap *heap, uintptr_t need)
{
	uintptr_t end = need + growth_step(heap);

	if (steps_by_huge_pages(heap))
		end = round_down(end > need + POOL_HUGE_PAGE ? end : need + POOL_HUGE_PAGE, POOL_HUGE_PAGE);
	end = growth_end(heap, end);
	return heap->high - end < heap->floor ? heap->high : end;
}

int vmm_reserve_first(struct vmm_heap *heap)
{
	return grow_to(heap, growth_end(heap, heap->low + STEP_LEAST));
}

bool vmm_reserve_up_to(struct vmm_heap *heap, uintptr_t need)
{
	uint64_t began;

	need = growth_end(heap, need);
	if (must_wait(heap, heap->low, need - heap->low))
		return vmm_reserve_refused(false);

	began = clock_now_ns();
	if (grow_to(heap, step_end(heap, need)) == 0 || grow_to(heap, need) == 0) {
		heap->retry_ns = 0;
		return true;
	}
	wait_for_space(heap, heap->low, need - heap->low, began);
	return false;
}

size_t vmm_reserve_unit(const struct vmm_heap *heap)
{
	size_t unit = heap->pool.unit, granule = heap->holes.granule;

	return heap->pool.more && granule > unit ? granule : unit;
}

/* Reserves [start, high) but for the granules from `holes_start` on, which become holes. */
static int reserve_around(struct vmm_heap *heap, uintptr_t start, uintptr_t holes_start)
{
	uintptr_t holes_end = round_down(heap->high, heap->holes.granule);
	int r = 0;

	if (heap->all_reserved || holes_start >= holes_end || heap->pool.unit > heap->holes.granule)
		return reserve(heap, start, heap->high - start);
	if (start < holes_start)
		r = reserve(heap, start, holes_start - start);
	if (r == 0 && holes_end < heap->high) {
		r = reserve(heap, holes_end, heap->high - holes_end);
		if (r < 0 && start < holes_start)
			unreserve(heap, start, holes_start - start);
	}
	if (r == 0)
		vmm_holes_make(&heap->holes, holes_start, holes_end);
	return r;
}

int vmm_reserve_below_high(struct vmm_heap *heap, uintptr_t start)
{
	return reserve_around(heap, start, round_up(start + 1, heap->holes.granule));
}

int vmm_reserve_gap(struct vmm_heap *heap)
{
	return heap->low < heap->high ? reserve_around(heap, heap->low, round_up(heap->low, heap->holes.granule)) : 0;
}

void vmm_reserve_tail(struct vmm_heap *heap)
{
	uintptr_t end = vmm_heap_end(heap), start = round_down(end, vmm_reserve_unit(heap));

	if (!heap->pool.more || heap->all_reserved || start <= heap->low || start == end || heap->high < end ||
	    reserve(heap, start, end - start) < 0)
		return;
	(void)ranges_add(&heap->free, start, end - start);
	heap->high = start;
}

/* Of the holes that [start, end) touches. */
static size_t missing_bytes(const struct vmm_heap *heap, uintptr_t start, uintptr_t end)
{
	return vmm_holes_bytes(&heap->holes, round_down(start, heap->holes.granule),
			       round_up(end, heap->holes.granule));
}

/* Undoes reserve() of the holes in [start, end), which they still are. */
static void unreserve_holes(struct vmm_heap *heap, uintptr_t start, uintptr_t end)
{
	uintptr_t hole;

	while (vmm_holes_next(&heap->holes, start, end, &hole, &start))
		unreserve(heap, hole, start - hole);
}

/* Files that follow each other are mostly on one file system. */
static bool lacks_space_for_holes(const struct vmm_heap *heap, uintptr_t start, uintptr_t end)
{
	size_t missing = 0;
	dev_t device = 0;

	if (missing_bytes(heap, start, end) <= MUCH)
		return false;
	for (size_t bytes = end - start; start < end; start += bytes, bytes = end - start) {
		const struct vmm_pool_file *file = vmm_pool_file_at(&heap->pool, offset_of(heap, start), &bytes);

		missing = (file->dev == device ? missing : 0) + missing_bytes(heap, start, start + bytes);
		device = file->dev;
		if (missing > MUCH && vmm_space_lacks(&heap->pool, offset_of(heap, start), missing))
			return true;
	}
	return false;
}

int vmm_reserve_holes(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	uintptr_t end = start + bytes, hole, hole_end;

	if (lacks_space_for_holes(heap, start, end))
		return vmm_reserve_refused(-ENOSPC);
	for (uintptr_t at = start; vmm_holes_next(&heap->holes, at, end, &hole, &hole_end); at = hole_end) {
		int r = reserve(heap, hole, hole_end - hole);

		if (r < 0) {
			unreserve_holes(heap, start, hole);
			return r;
		}
	}
	while (vmm_holes_next(&heap->holes, start, end, &hole, &hole_end)) {
		vmm_holes_fill(&heap->holes, hole, hole_end);
		vmm_dump_show(&heap->dump, hole, hole_end);
		start = hole;
	}
	return 0;
}

/*
 * Where a step ends that gets to `end`. A file that another came behind was left with holes where it was not reserved:
 * they are filled as if `low` went up in it. In a pool of one file all holes are space that was given back.
 */
static uintptr_t ahead_of(const struct vmm_heap *heap, uintptr_t start, uintptr_t end)
{
	const struct range *free = ranges_at(&heap->free, end);
	uintptr_t last = round_down(end - 1, heap->holes.granule), hole, hole_end;
	size_t bytes = end - start + growth_step(heap);

	if (heap->pool.files == 1 || heap->all_reserved || !free)
		return end;
	if (bytes > free->start + free->length - start)
		bytes = free->start + free->length - start;
	(void)vmm_pool_file_at(&heap->pool, offset_of(heap, start), &bytes);
	if (start + bytes <= end || !vmm_holes_next(&heap->holes, last, start + bytes, &hole, &hole_end) || hole > last)
		return end;
	hole_end = round_down(hole_end, heap->holes.granule);
	return hole_end > end ? hole_end : end;
}

bool vmm_reserve_has_space(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	uintptr_t end = start + bytes, ahead;
	size_t missing = missing_bytes(heap, start, end);
	uint64_t began;

	if (missing == 0)
		return true;
	if (must_wait(heap, start, missing))
		return vmm_reserve_refused(false);
	began = clock_now_ns();
	ahead = ahead_of(heap, start, end);
	if ((ahead > end && vmm_reserve_holes(heap, start, ahead - start) == 0) ||
	    vmm_reserve_holes(heap, start, bytes) == 0)
		return true;
	wait_for_space(heap, start, missing, began);
	return false;
}

/*
 * Whether some of what begins at `start` may be given back, although that failed with `r`. What is a hole must be
 * known for one; the other way round it is only asked for once more.
 *
 * The kernel goes from mapping to mapping, and refuses those that the program has locked, or made read-only (Linux
 * before 6.7). What lies before such a one is given back then, beginning with the first page, which is not refused.
 */
static bool is_half_done(struct vmm_heap *heap, int r, uintptr_t start)
{
	if (r == -EINVAL || r == -EACCES)
		return vmm_space_release(&heap->pool, offset_of(heap, start), heap->pool.grain) == 0;
	return r == -EINTR || r == -EIO || r == -ENOMEM || r == -ENOSPC;
}

int vmm_reserve_give_back(struct vmm_heap *heap, uintptr_t start)
{
	struct pool_header *header = heap->pool.header;
	size_t bytes = heap->low - start, holes = vmm_holes_bytes(&heap->holes, start, heap->low);
	int r = vmm_space_release(&heap->pool, offset_of(heap, start), bytes);

	if (r < 0)
		return r;
	vmm_heap_set_figure(heap, &header->reserved_bytes, header->reserved_bytes - (bytes - holes));
	if (holes)
		vmm_holes_fill(&heap->holes, start, heap->low);
	heap->low = start;
	return 0;
}

int vmm_reserve_punch(struct vmm_heap *heap, uintptr_t start, uintptr_t end)
{
	struct pool_header *header = heap->pool.header;
	int r = vmm_space_release(&heap->pool, offset_of(heap, start), end - start);

	TRACE(r < 0 ? 1 : 3, "%zu bytes at %p: %s", end - start, (void *)start, r < 0 ? strerrordesc_np(-r) : "done");
	if (r < 0 && !is_half_done(heap, r, start))
		return r;
	vmm_heap_set_figure(heap, &header->reserved_bytes, header->reserved_bytes - (end - start));
	vmm_holes_make(&heap->holes, start, end);
	vmm_dump_hide(&heap->dump, start, end, 0);
	return r;
}
