/* SPDX-License-Identifier: BSD-3-Clause */
/* release -- see release.h. */
#include "libvmmalloc/heap/release.h"

#include "libvmmalloc/base/clock.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/heap/bits.h"
#include "libvmmalloc/heap/heap.h"
#include "libvmmalloc/heap/reserve.h"

#define SLICE ((size_t)16 << 20)   /* of a free range: no more goes back at once, */
#define SLICES_AT_ONCE 64          /* and no more are looked at, before others have their turn */

void vmm_release_init(struct vmm_release *release, uint64_t *idle)
{
	*release = (struct vmm_release){ .idle = idle, .unused_from = UINTPTR_MAX, .idle_from = UINTPTR_MAX };
}

/*
 * Whether anything of the granule is in a file that is kept reserved, or it is in two tiers: the end of the one would
 * need space of the other when it is in use again.
 */
static bool is_kept(const struct vmm_heap *heap, size_t granule)
{
	size_t bytes = heap->holes.granule, start = granule * bytes, end = start + bytes, tier = 0;
	bool kept = false;

	for (; !kept && start < end; start += bytes, bytes = end - start) {
		const struct vmm_pool_file *file = vmm_pool_file_at(&heap->pool, start, &bytes);

		kept = file->is_kept || (end - start < heap->holes.granule && file->tier != tier);
		tier = file->tier;
	}
	return kept;
}

/* The first in [first, last) that is kept, or not; `last` if there is none. */
static size_t find_kept(const struct vmm_heap *heap, size_t first, size_t last, bool kept)
{
	if (!heap->any_kept && heap->tiers.count <= 1)
		return kept ? last : first;
	while (first < last && is_kept(heap, first) != kept)
		first++;
	return first;
}

/* Gives back what is no hole, nor kept, of the granules [first, last), which are free. Returns bytes, or -errno. */
static ssize_t release_granules(struct vmm_heap *heap, size_t first, size_t last)
{
	const struct vmm_holes *holes = &heap->holes;
	size_t punched = 0;

	while ((first = bits_find(holes->bits, first, last, false)) < last) {
		size_t end = bits_find(holes->bits, first, last, true);
		int r = 0;

		first = find_kept(heap, first, end, false);
		end = find_kept(heap, first, end, true);
		if (first < end)
			r = vmm_reserve_punch(heap, holes->base + first * holes->granule,
					      holes->base + end * holes->granule);
		if (r < 0)
			return r;
		punched += (end - first) * holes->granule;
		first = end;
	}
	return (ssize_t)punched;
}

/* A copy on another kind of file system may have larger units than granules: vmm_heap_forget_free. */
static bool may_release(const struct vmm_heap *heap)
{
	return !heap->all_reserved && !heap->pool.mapping.is_private && heap->pool.unit <= heap->holes.granule;
}

/* The granules that lie wholly in [start, end), as numbers: none if *ret_first >= *ret_last. */
static void granules_of(const struct vmm_heap *heap, uintptr_t start, uintptr_t end, size_t *ret_first,
			size_t *ret_last)
{
	*ret_first = (start - heap->holes.base + heap->holes.granule - 1) / heap->holes.granule;
	*ret_last = (end - heap->holes.base) / heap->holes.granule;
}

size_t vmm_release_all(struct vmm_heap *heap)
{
	const struct vmm_pool *pool = &heap->pool;
	uintptr_t last_file = (uintptr_t)pool->base + vmm_pool_file(pool, pool->files - 1)->start;
	const struct range *range;
	size_t released = 0;

	if (!may_release(heap))
		return 0;
	for (uintptr_t at = 0; (range = ranges_next(&heap->free, at)); at = range->start + range->length) {
		uintptr_t end = range->start + range->length;
		size_t first, last;
		ssize_t n;

		/* of several tiers the trim of what ends at low leaves all but the last file to this */
		if (end == heap->low && heap->tiers.count > 1 && range->start < last_file)
			end = last_file;
		else if (end == heap->low)
			continue;
		granules_of(heap, range->start, end, &first, &last);
		n = release_granules(heap, first, last);
		if (n < 0)
			break;
		released += (size_t)n;
	}
	return released;
}

bool vmm_release_has_idle_files(const struct vmm_release *release)
{
	return __atomic_load_n(&release->any_idle, __ATOMIC_RELAXED);
}

bool vmm_release_is_due(const struct vmm_release *release)
{
	return release->period_ns && clock_now_ns() >= __atomic_load_n(&release->next_ns, __ATOMIC_RELAXED);
}

/* What is idle of the range goes back, and the rest is idle from now on; of a large range a slice. Bytes, or -errno. */
static ssize_t look_at_range(struct vmm_heap *heap, const struct range *range)
{
	struct vmm_release *release = &heap->release;
	size_t granule = heap->holes.granule, most = SLICE > granule ? SLICE / granule : 1, first, last, done = 0;
	uintptr_t end = range->start + range->length;

	granules_of(heap, range->start > release->at ? range->start : release->at, end, &first, &last);
	release->at = end;
	if (last > first + most) {
		last = first + most;
		release->at = heap->holes.base + last * granule;
	}
	for (size_t i = first; (i = bits_find(release->idle, i, last, true)) < last;) {
		size_t after = bits_find(release->idle, i, last, false);
		ssize_t n = release_granules(heap, i, after);

		if (n < 0)
			return n;
		done += (size_t)n;
		i = after;
	}
	bits_set(release->idle, first, last, true);
	return (ssize_t)done;
}

static const struct range *next_range(const struct vmm_heap *heap)
{
	const struct range *range = ranges_at(&heap->free, heap->release.at);

	return range ? range : ranges_next(&heap->free, heap->release.at);
}

/* Nobody has anything at or above this. */
static uintptr_t unused_tail(const struct vmm_heap *heap)
{
	uintptr_t end = vmm_heap_end(heap);
	const struct range *last = ranges_ending_at(&heap->free, end);
	uintptr_t start = last ? last->start : end;

	if (start > heap->high)
		return start;
	last = ranges_ending_at(&heap->free, heap->low);
	return last ? last->start : heap->low;
}

static void end_period(struct vmm_heap *heap)
{
	struct vmm_release *release = &heap->release;
	const struct vmm_pool *pool = &heap->pool;
	const struct vmm_pool_file *last = vmm_pool_file(pool, pool->files - 1);

	release->idle_from = release->unused_from;
	release->unused_from = unused_tail(heap);
	__atomic_store_n(&release->any_idle, pool->files > 1 && !pool->mapping.is_private &&
			 (uintptr_t)pool->base + last->start >= release->idle_from, __ATOMIC_RELAXED);
}

bool vmm_release_idle(struct vmm_heap *heap)
{
	struct vmm_release *release = &heap->release;
	const struct range *range = NULL;
	ssize_t n = 0, done = 0;

	if (release->at == 0)
		release->began_ns = clock_now_ns();
	for (int i = 0; may_release(heap) && n >= 0 && i < SLICES_AT_ONCE && done < (ssize_t)SLICE; i++) {
		range = next_range(heap);
		if (!range)
			break;
		n = look_at_range(heap, range);
		done += n;
	}
	if (range && n >= 0)
		return false;
	/* all is looked at, or nothing can be given back now */
	TRACE(3, "all free ranges are looked at");
	end_period(heap);
	release->at = 0;
	__atomic_store_n(&release->next_ns, release->began_ns + release->period_ns, __ATOMIC_RELAXED);
	return true;
}

void vmm_release_taken(struct vmm_heap *heap, uintptr_t start, uintptr_t end)
{
	const struct vmm_holes *holes = &heap->holes;
	struct vmm_release *release = &heap->release;

	if (release->period_ns == 0)
		return;
	if (end > release->unused_from)
		release->unused_from = end;
	if (end > release->idle_from)
		release->idle_from = end;
	bits_set(release->idle, (start - holes->base) / holes->granule, (end - 1 - holes->base) / holes->granule + 1,
		 false);
}
