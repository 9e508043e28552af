/* SPDX-License-Identifier: BSD-3-Clause */
/* extent_places -- see extent_places.h. */
#include "tests/bench/extent_places.h"

#include "common/base/round.h"

#define LARGE ((size_t)256 << 10)

static bool lowest(struct extent_heap *heap, const struct extent_request *request, uintptr_t from, uintptr_t to,
		   uintptr_t *ret_start)
{
	return ranges_take_lowest(&heap->free, request->bytes, request->align, from, to, ret_start);
}

/* From where the last one ended on, and then from the beginning. */
static bool next_fit(struct extent_heap *heap, const struct extent_request *request, uintptr_t from, uintptr_t to,
		     uintptr_t *ret_start)
{
	if (!lowest(heap, request, heap->cursor > from ? heap->cursor : from, to, ret_start) &&
	    !lowest(heap, request, from, to, ret_start))
		return false;
	heap->cursor = *ret_start + request->bytes;
	return true;
}

struct place {
	uintptr_t from, to, start;
	size_t length;             /* of the range that it is in; SIZE_MAX: none is found */
};

/* Where it would begin in the range. 0: it does not fit. */
static uintptr_t start_in(const struct range *range, const struct extent_request *request, const struct place *place)
{
	uintptr_t end = range->start + range->length < place->to ? range->start + range->length : place->to;
	uintptr_t start = round_up(range->start > place->from ? range->start : place->from, request->align);

	return start <= end && end - start >= request->bytes ? start : 0;
}

static void look_for_best(const struct range *tree, const struct extent_request *request, struct place *best)
{
	uintptr_t start;

	if (!tree || tree->longest < request->bytes)
		return;
	look_for_best(tree->left, request, best);
	if (tree->length < best->length && (start = start_in(tree, request, best))) {
		best->start = start;
		best->length = tree->length;
	}
	look_for_best(tree->right, request, best);
}

/* The shortest range that it fits into, the lowest of those. */
static bool best_fit(struct extent_heap *heap, const struct extent_request *request, uintptr_t from, uintptr_t to,
		     uintptr_t *ret_start)
{
	struct place best = { .from = from, .to = to, .length = SIZE_MAX };

	look_for_best(heap->free.root, request, &best);
	if (best.length == SIZE_MAX)
		return false;
	*ret_start = best.start;
	return ranges_take_at(&heap->free, best.start, request->bytes);
}

static bool best_small(struct extent_heap *heap, const struct extent_request *request, uintptr_t from, uintptr_t to,
		       uintptr_t *ret_start)
{
	return (request->bytes < LARGE ? best_fit : lowest)(heap, request, from, to, ret_start);
}

static bool best_large(struct extent_heap *heap, const struct extent_request *request, uintptr_t from, uintptr_t to,
		       uintptr_t *ret_start)
{
	return (request->bytes < LARGE ? lowest : best_fit)(heap, request, from, to, ret_start);
}

/* The end of a range behind its last whole huge page, or its beginning before the first. 0: it fits into neither. */
static uintptr_t start_in_part(const struct range *range, const struct extent_request *request)
{
	uintptr_t end = range->start + range->length, first = round_up(range->start, HEAP_PIECE);
	uintptr_t start = round_up(range->start, request->align), last = round_down(end, HEAP_PIECE);

	if (first + HEAP_PIECE > end)
		return start <= end && end - start >= request->bytes ? start : 0;
	if (start <= first && first - start >= request->bytes)
		return start;
	start = round_up(last, request->align);
	return start <= end && end - start >= request->bytes ? start : 0;
}

static uintptr_t look_for_part(const struct range *tree, const struct extent_request *request)
{
	uintptr_t start;

	if (!tree || tree->longest < request->bytes)
		return 0;
	start = look_for_part(tree->left, request);
	start = start ? start : start_in_part(tree, request);
	return start ? start : look_for_part(tree->right, request);
}

/* Huge pages of which something is in use come first; what is as large as one is aligned to one. */
static bool pieces(struct extent_heap *heap, const struct extent_request *request, uintptr_t from, uintptr_t to,
		   uintptr_t *ret_start)
{
	uintptr_t start = request->bytes < HEAP_PIECE ? look_for_part(heap->free.root, request) : 0;

	if (start) {
		*ret_start = start;
		return ranges_take_at(&heap->free, start, request->bytes);
	}
	if (request->bytes >= HEAP_PIECE && request->align < HEAP_PIECE &&
	    ranges_take_lowest(&heap->free, request->bytes, HEAP_PIECE, from, to, ret_start))
		return true;
	return lowest(heap, request, from, to, ret_start);
}

const struct extent_policy extent_policies[] = {
	{ "lowest", "the lowest address: as the library does", lowest, 0 },
	{ "next", "the next free range behind the last extent", next_fit, 0 },
	{ "best", "the shortest free range", best_fit, 0 },
	{ "best-small", "the shortest for less than 256 KiB, the lowest for more", best_small, 0 },
	{ "best-large", "the lowest for less than 256 KiB, the shortest for more", best_large, 0 },
	{ "pieces", "huge pages that are partly used first; from 2 MiB on aligned to them", pieces, 0 },
	{ "ends", "slabs from the bottom, all else from the top", lowest, 1 },
	{ "ends-large", "less than 256 KiB from the bottom, more from the top", lowest, LARGE },
};

const size_t extent_policy_count = sizeof(extent_policies) / sizeof(extent_policies[0]);
