/* SPDX-License-Identifier: BSD-3-Clause */
/* dump -- see dump.h. */
#include "libvmmalloc/heap/dump.h"

#include <sys/mman.h>

#include "common/base/round.h"
#include "libvmmalloc/base/clock.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/bits.h"
#include "libvmmalloc/heap/pool.h"

#define RUNS_MOST 1024                  /* each is two mappings, of the 65530 that a process may have */
#define HIDE_LEAST ((size_t)4 << 20)    /* free space in one piece is hidden if it is so much */
#define HIDE_REACH ((size_t)16 << 20)   /* more of it, in the neighbourhood of what was given back */
#define HIDE_SHARE 64                   /* what was hidden and had to be shown: at most this part of the time */
#define HIDE_AT_ONCE 64                 /* free ranges that are looked at for that */
#define SHOW_AHEAD ((size_t)8 << 20)    /* more is shown than is needed at once */

static uintptr_t lower_of(uintptr_t a, uintptr_t b)
{
	return a < b ? a : b;
}

static size_t granule_at(const struct vmm_dump *dump, uintptr_t address)
{
	return (address - dump->base) / dump->granule;
}

/* Of granules [first, last); the last one of all may not be whole. */
static int advise_granules(const struct vmm_dump *dump, size_t first, size_t last, int advice)
{
	uintptr_t start = dump->base + first * dump->granule, end = dump->base + last * dump->granule;

	return kernel_madvise((void *)start, (end < dump->end ? end : dump->end) - start, advice);
}

void vmm_dump_init(struct vmm_dump *dump, char *base, size_t bytes, size_t granule, uint64_t *hidden)
{
	*dump = (struct vmm_dump){ .base = (uintptr_t)base, .end = (uintptr_t)base + bytes, .granule = granule,
				   .unit = granule > POOL_HUGE_PAGE ? granule : POOL_HUGE_PAGE, .hidden = hidden };
	/* there are kinds of mappings that may be hidden, but never shown again */
	dump->is_off = kernel_madvise(base, bytes, MADV_DODUMP) < 0;
}

void vmm_dump_grow(struct vmm_dump *dump, size_t bytes)
{
	dump->end = dump->base + bytes;
}

/* Counts the stretches of hidden granules that begin in [first, last), and one that goes on there. */
static size_t runs_in(const struct vmm_dump *dump, size_t first, size_t last)
{
	size_t runs = 0;

	while ((first = bits_find(dump->hidden, first, last, true)) < last) {
		first = bits_find(dump->hidden, first, last, false);
		runs++;
	}
	return runs;
}

static size_t shown_granules(const struct vmm_dump *dump, size_t first, size_t last)
{
	size_t shown = 0;

	while ((first = bits_find(dump->hidden, first, last, false)) < last) {
		size_t after = bits_find(dump->hidden, first, last, true);

		shown += after - first;
		first = after;
	}
	return shown;
}

void vmm_dump_hide(struct vmm_dump *dump, uintptr_t start, uintptr_t end, size_t least)
{
	size_t first = granule_at(dump, round_up(start, dump->unit));
	size_t last = granule_at(dump, round_down(end, dump->unit));
	size_t runs;

	if (dump->is_off || first >= last || shown_granules(dump, first, last) < least / dump->granule ||
	    bits_find(dump->hidden, first, last, false) == last)
		return;
	/* what it touches becomes one with it */
	runs = dump->runs - runs_in(dump, first - (first > 0), last + 1) + 1;
	if (runs > RUNS_MOST || advise_granules(dump, first, last, MADV_DONTDUMP) < 0)
		return;
	bits_set(dump->hidden, first, last, true);
	dump->runs = runs;
}

bool vmm_dump_hides(const struct vmm_dump *dump, uintptr_t start, uintptr_t end)
{
	size_t first = granule_at(dump, start), last = granule_at(dump, end + dump->granule - 1);

	return dump->runs > 0 && bits_find(dump->hidden, first, last, true) < last;
}

/* Splitting a mapping may need one more than the kernel allows. Making one of all of them is always possible. */
static void show_all(struct vmm_dump *dump)
{
	size_t granules = granule_at(dump, dump->end + dump->granule - 1);

	(void)advise_granules(dump, 0, granules, MADV_DODUMP);
	bits_set(dump->hidden, 0, granules, false);
	dump->runs = 0;
	dump->is_off = true;
}

void vmm_dump_show(struct vmm_dump *dump, uintptr_t start, uintptr_t end)
{
	size_t first = granule_at(dump, start), last = granule_at(dump, end + dump->granule - 1);
	size_t left;

	if (!vmm_dump_hides(dump, start, end))
		return;
	if (advise_granules(dump, first, last, MADV_DODUMP) < 0) {
		show_all(dump);
		return;
	}
	/* what is left of a run on either side is one */
	left = first > 0 && bits_has(dump->hidden, first - 1) && bits_has(dump->hidden, first);
	left += bits_has(dump->hidden, last - 1) && bits_has(dump->hidden, last);
	dump->runs = dump->runs - runs_in(dump, first, last) + left;
	bits_set(dump->hidden, first, last, false);
}

/* A little of what will be handed out next is shown too, so that this is not done for each. */
void vmm_dump_taken(struct vmm_dump *dump, uintptr_t start, uintptr_t end, uintptr_t limit)
{
	uintptr_t ahead = round_up(end, dump->unit) + SHOW_AHEAD;
	uint64_t began;

	if (!vmm_dump_hides(dump, start, end))
		return;
	ahead = lower_of(ahead, limit);
	began = clock_now_ns();
	vmm_dump_show(dump, round_down(start, dump->unit), ahead > end ? ahead : end);
	dump->hide_ns = clock_now_ns() + HIDE_SHARE * (clock_now_ns() - began);
}

/* The free space in [dump->to_hide, dump->to_hide_end); what is left of that is for the next time. */
static void hide_free(struct vmm_dump *dump, const struct ranges *free)
{
	uintptr_t end = dump->to_hide_end;
	const struct range *range = ranges_at(free, dump->to_hide);

	for (int i = 0; dump->to_hide < end && i < HIDE_AT_ONCE; i++) {
		if (!range || range->start + range->length <= dump->to_hide)
			range = ranges_next(free, dump->to_hide);
		if (!range || range->start >= end) {
			dump->to_hide = end;
			return;
		}
		if (range->start > dump->to_hide)
			dump->to_hide = range->start;
		vmm_dump_hide(dump, dump->to_hide, lower_of(range->start + range->length, end), HIDE_LEAST);
		dump->to_hide = range->start + range->length;
	}
}

/*
 * A program that takes and gives the same large block again and again would pay each time: what had to be shown again
 * puts it off for a while.
 */
void vmm_dump_freed(struct vmm_dump *dump, const struct ranges *free, uintptr_t start, size_t bytes)
{
	const struct range *range = ranges_at(free, start);
	bool none = dump->to_hide >= dump->to_hide_end;
	uintptr_t first, last;

	if (!range || range->length < HIDE_LEAST)
		return;
	first = start - range->start > HIDE_REACH ? start - HIDE_REACH : range->start;
	last = lower_of(range->start + range->length, start + bytes + HIDE_REACH);
	dump->to_hide = none || first < dump->to_hide ? first : dump->to_hide;
	dump->to_hide_end = none || last > dump->to_hide_end ? last : dump->to_hide_end;
	if (dump->hide_ns == 0 || clock_now_ns() >= dump->hide_ns) {
		dump->hide_ns = 0;
		hide_free(dump, free);
	}
}

void vmm_dump_again(const struct vmm_dump *dump, uintptr_t start, uintptr_t end)
{
	size_t first = granule_at(dump, start), granules = granule_at(dump, end + dump->granule - 1);

	while (dump->runs > 0 && (first = bits_find(dump->hidden, first, granules, true)) < granules) {
		size_t last = bits_find(dump->hidden, first, granules, false);

		(void)advise_granules(dump, first, last, MADV_DONTDUMP);
		first = last;
	}
}
