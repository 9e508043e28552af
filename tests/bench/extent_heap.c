/* SPDX-License-Identifier: BSD-3-Clause */
/* extent_heap -- see extent_heap.h. heap.c, reserve.c and release.c have the rules, and their reasons. */
#include "tests/bench/extent_heap.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/round.h"

#define GRANULE ((size_t)64 << 10)
#define FLOOR_SHARE 256
#define FLOOR_LEAST ((size_t)256 << 10)
#define FLOOR_MOST ((size_t)4 << 20)
#define STEP_SHARE 64
#define STEP_LEAST ((size_t)256 << 10)
#define STEP_MOST ((size_t)4 << 20)
#define HUGE_FROM ((size_t)16 << 20)
#define HOLE 1
#define IDLE 2

static size_t clamp(size_t value, size_t least, size_t most)
{
	return value < least ? least : value > most ? most : value;
}

static size_t granule_of(const struct extent_heap *heap, uintptr_t address)
{
	return address / GRANULE - heap->start / GRANULE;
}

static size_t step_of(const struct extent_heap *heap, size_t reserved)
{
	return heap->huge_pages && reserved >= HUGE_FROM ? HEAP_PIECE :
							   clamp(reserved / STEP_SHARE, STEP_LEAST, STEP_MOST);
}

/* How the free ranges lie when the heap has grown. */
static void note_ranges(struct extent_heap *heap)
{
	struct extent_figures *peak = &heap->peak;
	const struct range *range;
	uintptr_t piece = 0;
	size_t in_piece = 0;

	heap->has_grown = false;
	peak->ranges = peak->largest = peak->pieces = 0;
	for (uintptr_t at = 0; (range = ranges_next(&heap->free, at)); at = range->start + range->length) {
		uintptr_t end = range->start + range->length;

		peak->ranges++;
		peak->largest = range->length > peak->largest ? range->length : peak->largest;
		for (uintptr_t from = range->start, to; from < end; from = to) {
			to = round_down(from, HEAP_PIECE) + HEAP_PIECE;
			to = to < end ? to : end;
			if (round_down(from, HEAP_PIECE) != piece) {
				peak->pieces += in_piece && in_piece < HEAP_PIECE;
				piece = round_down(from, HEAP_PIECE);
				in_piece = 0;
			}
			in_piece += to - from;
		}
	}
	peak->pieces += in_piece && in_piece < HEAP_PIECE;
}

static void count_touched(struct extent_heap *heap)
{
	uintptr_t top_end = heap->metadata ? heap->metadata : heap->top;

	heap->now.touched = heap->low - heap->start + top_end - heap->top + heap->metadata_bytes -
			    heap->holes * GRANULE;
	if (heap->now.touched > heap->peak.touched)
		heap->peak.touched = heap->now.touched;
}

static void count_used(struct extent_heap *heap, size_t more)
{
	heap->now.used += more;
	if (heap->now.used > heap->peak.used)
		heap->peak.used = heap->now.used;
}

void extent_heap_init(struct extent_heap *heap, const struct extent_policy *policy, uintptr_t start, uintptr_t end,
		      size_t metadata, bool huge_pages)
{
	size_t nodes = ((end - start) / 4096 + 1) * sizeof(struct range);

	*heap = (struct extent_heap){ .policy = policy, .start = start, .end = end, .low = start, .high = end,
				      .top = end, .huge_pages = huge_pages };
	heap->floor = clamp((end - start) / FLOOR_SHARE, FLOOR_LEAST, FLOOR_MOST);
	heap->granules = calloc((end - start) / GRANULE + 2, 1);
	heap->nodes = malloc(nodes);
	if (!heap->granules || !heap->nodes) {
		fprintf(stderr, "extent_sim: no memory for a pool of %zu bytes\n", (size_t)(end - start));
		exit(EXIT_FAILURE);
	}
	if (policy->from_top)
		heap->top = heap->metadata = end - start > metadata ? round_down(end - metadata, HEAP_PIECE) : start;
	if (heap->top < start)
		heap->top = heap->metadata = start;
	ranges_init(&heap->free, heap->nodes, nodes);
	if (heap->top - start >= STEP_LEAST) {
		heap->low += STEP_LEAST;
		(void)ranges_add(&heap->free, start, STEP_LEAST);
	}
	count_touched(heap);
}

void extent_heap_drop(struct extent_heap *heap)
{
	free(heap->granules);
	free(heap->nodes);
}

/* The lower end of what grows from the other side. */
static uintptr_t ceiling(const struct extent_heap *heap)
{
	return heap->metadata ? heap->top : heap->high;
}

static uintptr_t block_limit(const struct extent_heap *heap)
{
	size_t kept = heap->metadata ? 0 : heap->floor;

	return ceiling(heap) - heap->start > kept ? ceiling(heap) - kept : heap->start;
}

/* Moves `low` to `need` at least. */
static bool grow_up(struct extent_heap *heap, uintptr_t need)
{
	size_t reserved = heap->low - heap->start;
	uintptr_t end = need + step_of(heap, reserved);

	if (need <= heap->low || need > block_limit(heap))
		return false;
	if (heap->huge_pages && reserved >= HUGE_FROM)
		end = round_down(end, HEAP_PIECE);
	if (end > ceiling(heap) || (!heap->metadata && heap->high - end < heap->floor))
		end = ceiling(heap);
	(void)ranges_add(&heap->free, heap->low, end - heap->low);
	heap->low = end;
	heap->has_grown = true;
	count_touched(heap);
	return true;
}

static bool grow_for(struct extent_heap *heap, size_t bytes, size_t align)
{
	const struct range *last = ranges_ending_at(&heap->free, heap->low);

	return grow_up(heap, round_up(last ? last->start : heap->low, align) + bytes);
}

/* Moves `top` down, for a block that ends where the free range at `top` does. */
static bool grow_down(struct extent_heap *heap, size_t bytes, size_t align)
{
	const struct range *first = ranges_at(&heap->free, heap->top);
	uintptr_t end = first ? first->start + first->length : heap->top, need, to;

	if (end - heap->low < bytes + align)
		return false;
	need = round_down(end - bytes, align);
	to = need - heap->low > HEAP_PIECE ? need - step_of(heap, heap->metadata - heap->top) : heap->low;
	if (heap->huge_pages && heap->metadata - heap->top >= HUGE_FROM && to > heap->low + HEAP_PIECE)
		to = round_down(to + HEAP_PIECE - 1, HEAP_PIECE);
	if (to >= heap->top)
		return false;
	(void)ranges_add(&heap->free, to, heap->top - to);
	heap->top = to;
	heap->has_grown = true;
	count_touched(heap);
	return true;
}

static void fill_holes(struct extent_heap *heap, uintptr_t start, size_t bytes)
{
	for (size_t i = granule_of(heap, start); i <= granule_of(heap, start + bytes - 1); i++) {
		heap->holes -= heap->granules[i] & HOLE;
		heap->granules[i] = 0;
	}
	count_touched(heap);
}

static void hand_out(struct extent_heap *heap, uintptr_t start, size_t bytes)
{
	size_t span = start < ceiling(heap) ? start + bytes - heap->start : 0;

	fill_holes(heap, start, bytes);
	count_used(heap, bytes);
	if (heap->metadata)
		span = heap->low - heap->start + heap->metadata - heap->top;
	if (span > heap->peak.span)
		heap->peak.span = span;
	if (heap->has_grown)
		note_ranges(heap);
}

static bool is_in_floor(const struct extent_heap *heap, uintptr_t start, size_t bytes)
{
	return start < heap->high && start + bytes > block_limit(heap) && !heap->metadata;
}

/* From the free ranges as they are. A place in the floor goes back, for one above `high`. */
static bool take_free(struct extent_heap *heap, const struct extent_request *request, uintptr_t *ret_start)
{
	uintptr_t to = heap->metadata ? heap->low : UINTPTR_MAX, start;

	if (!heap->policy->place(heap, request, 0, to, &start))
		return false;
	if (is_in_floor(heap, start, request->bytes)) {
		(void)ranges_add(&heap->free, start, request->bytes);
		if (!ranges_take_highest(&heap->free, request->bytes, request->align, heap->high, UINTPTR_MAX, &start))
			return false;
	}
	*ret_start = start;
	return true;
}

static bool take_from_top(struct extent_heap *heap, const struct extent_request *request, uintptr_t *ret_start)
{
	return heap->metadata &&
	       ranges_take_highest(&heap->free, request->bytes, request->align, heap->top, heap->metadata, ret_start);
}

bool extent_heap_take(struct extent_heap *heap, const struct extent_request *request, uintptr_t *ret_start)
{
	size_t bytes = request->bytes, align = request->align;
	bool large = heap->metadata && !request->slab && bytes >= heap->policy->from_top, taken;

	taken = large && (take_from_top(heap, request, ret_start) ||
			  (grow_down(heap, bytes, align) && take_from_top(heap, request, ret_start)));
	taken = taken || take_free(heap, request, ret_start) ||
		(grow_for(heap, bytes, align) && take_free(heap, request, ret_start)) ||
		take_from_top(heap, request, ret_start);
	if (taken)
		hand_out(heap, *ret_start, bytes);
	return taken;
}

bool extent_heap_take_at(struct extent_heap *heap, uintptr_t start, size_t bytes)
{
	const struct range *last = ranges_ending_at(&heap->free, heap->low);
	uintptr_t lowest = last ? last->start : heap->low;

	if (is_in_floor(heap, start, bytes))
		return false;
	if (start >= lowest && start <= heap->low && start + bytes > heap->low && !grow_up(heap, start + bytes))
		return false;
	if (!ranges_take_at(&heap->free, start, bytes))
		return false;
	hand_out(heap, start, bytes);
	return true;
}

bool extent_heap_take_metadata(struct extent_heap *heap, size_t bytes, size_t align, uintptr_t *ret_start)
{
	uintptr_t start, least = heap->metadata ? heap->metadata : heap->low;

	if (ranges_take_highest(&heap->free, bytes, align, heap->high, UINTPTR_MAX, ret_start))
		return true;
	if (bytes > heap->high - least || round_down(heap->high - bytes, align) < least)
		return ranges_take_highest(&heap->free, bytes, align, 0, UINTPTR_MAX, ret_start);
	start = round_down(heap->high - bytes, align);
	if (start + bytes < heap->high)
		(void)ranges_add(&heap->free, start + bytes, heap->high - (start + bytes));
	heap->high = *ret_start = start;
	heap->top = heap->metadata ? heap->top : start;
	return true;
}

void extent_heap_reserve_metadata(struct extent_heap *heap, size_t bytes)
{
	heap->metadata_bytes += bytes;
	count_used(heap, bytes);
	count_touched(heap);
}

void extent_heap_give(struct extent_heap *heap, uintptr_t start, size_t bytes)
{
	(void)ranges_add(&heap->free, start, bytes);
	heap->now.used -= bytes;
}

void extent_heap_look(struct extent_heap *heap)
{
	const struct range *range;

	for (uintptr_t at = 0; (range = ranges_next(&heap->free, at)); at = range->start + range->length) {
		size_t last = granule_of(heap, range->start + range->length);

		for (size_t i = granule_of(heap, range->start + GRANULE - 1); i < last; i++) {
			if (heap->granules[i] == IDLE) {
				heap->granules[i] |= HOLE;
				heap->holes++;
			}
			heap->granules[i] |= IDLE;
		}
	}
	count_touched(heap);
}
