/* SPDX-License-Identifier: BSD-3-Clause */
/* reserve -- see reserve.h. */
#include "libvmmalloc/heap/reserve.h"

#include <errno.h>
#include <string.h>

#include "common/base/round.h"
#include "libvmmalloc/base/clock.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/heap/mapping.h"

#define STEP_SHARE 64                       /* each step reserves this part of what is reserved already */
#define STEP_LEAST ((size_t)256 << 10)
#define STEP_MOST ((size_t)4 << 20)         /* it counts against limits of memory, and more is no faster */
#define PRIVATE_STEP ((size_t)16 << 20)     /* a whole unit, and no more than one fallocate: pool.c */
#define MUCH ((size_t)1 << 30)              /* a file system is asked first, not filled to learn that it has less */
#define RETRY_LEAST_NS 10000000u            /* a file system that was full is asked again after this, at the soonest, */
#define RETRY_SHARE 16                      /* and so seldom that it takes no more than this part of the time */

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
		vmm_heap_set_figure(heap, &header->reserved_bytes, header->reserved_bytes + bytes);
	return r;
}

/* Undoes reserve(). While the heap is private the file keeps the space, and whoever asks for it again gets it. */
static void unreserve(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	struct pool_header *header = heap->pool.header;

	(void)vmm_pool_release(&heap->pool, start - (uintptr_t)heap->pool.base, bytes);
	vmm_heap_set_figure(heap, &header->reserved_bytes, header->reserved_bytes - bytes);
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

/* Moves `low` up to `to`: reserves what lies between and adds it to the free ranges. */
static int grow_to(struct vmm_heap *heap, uintptr_t to)
{
	/* while the heap is private nothing can be given back: what can be had is kept, piece by piece */
	size_t piece = heap->pool.mapping.is_private ? PRIVATE_STEP : heap->pool.size;

	if (to <= heap->low)
		return 0;  /* an attempt at more got so far */
	if ((heap->pool.mapping.is_private || to - heap->low > MUCH) && !heap->all_reserved &&
	    vmm_pool_lacks_space(&heap->pool, to - heap->low))
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

/* What is reserved ends with a whole unit, or meets the metadata. */
static uintptr_t growth_end(const struct vmm_heap *heap, uintptr_t end)
{
	uintptr_t whole = round_up(end, heap->pool.unit);

	return whole < heap->high ? whole : heap->high;
}

/* Where a step ends that gets to `need`. Not within the floor: metadata may need it in one piece. */
static uintptr_t step_end(const struct vmm_heap *heap, uintptr_t need)
{
	size_t step = (heap->low - vmm_heap_start(heap)) / STEP_SHARE;
	uintptr_t end = growth_end(heap, need + (step < STEP_LEAST ? STEP_LEAST : step > STEP_MOST ? STEP_MOST : step));

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
	if (must_wait(heap, need - heap->low))
		return false;

	began = clock_now_ns();
	if (grow_to(heap, step_end(heap, need)) == 0 || grow_to(heap, need) == 0) {
		heap->retry_ns = 0;
		return true;
	}
	wait_for_space(heap, need - heap->low, began);
	return false;
}

int vmm_reserve_below_high(struct vmm_heap *heap, uintptr_t start)
{
	uintptr_t holes_start = round_up(start + 1, heap->holes.granule);
	uintptr_t holes_end = round_down(heap->high, heap->holes.granule);
	int r;

	if (heap->all_reserved || holes_start >= holes_end)
		return reserve(heap, start, heap->high - start);
	r = reserve(heap, start, holes_start - start);
	if (r == 0 && holes_end < heap->high) {
		r = reserve(heap, holes_end, heap->high - holes_end);
		if (r < 0)
			unreserve(heap, start, holes_start - start);
	}
	if (r == 0)
		vmm_holes_make(&heap->holes, holes_start, holes_end);
	return r;
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

int vmm_reserve_holes(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	uintptr_t end = start + bytes, hole, hole_end;
	size_t missing = missing_bytes(heap, start, end);

	if (missing > MUCH && vmm_pool_lacks_space(&heap->pool, missing))
		return -ENOSPC;
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

bool vmm_reserve_has_space(struct vmm_heap *heap, uintptr_t start, size_t bytes)
{
	size_t missing = missing_bytes(heap, start, start + bytes);
	uint64_t began;

	if (missing == 0)
		return true;
	if (must_wait(heap, missing))
		return false;
	began = clock_now_ns();
	if (vmm_reserve_holes(heap, start, bytes) == 0)
		return true;
	wait_for_space(heap, missing, began);
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
		return vmm_pool_release(&heap->pool, start - (uintptr_t)heap->pool.base, heap->pool.grain) == 0;
	return r == -EINTR || r == -EIO || r == -ENOMEM || r == -ENOSPC;
}

int vmm_reserve_give_back(struct vmm_heap *heap, uintptr_t start)
{
	struct pool_header *header = heap->pool.header;
	size_t bytes = heap->low - start, holes = vmm_holes_bytes(&heap->holes, start, heap->low);
	int r = vmm_pool_release(&heap->pool, start - (uintptr_t)heap->pool.base, bytes);

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
	int r = vmm_pool_release(&heap->pool, start - (uintptr_t)heap->pool.base, end - start);

	TRACE(r < 0 ? 1 : 3, "%zu bytes at %p: %s", end - start, (void *)start, r < 0 ? strerrordesc_np(-r) : "done");
	if (r < 0 && !is_half_done(heap, r, start))
		return r;
	vmm_heap_set_figure(heap, &header->reserved_bytes, header->reserved_bytes - (end - start));
	vmm_holes_make(&heap->holes, start, end);
	vmm_dump_hide(&heap->dump, start, end, 0);
	return r;
}
