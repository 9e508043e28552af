/* SPDX-License-Identifier: BSD-3-Clause */
/* dump -- see dump.h. */
#include "libvmmalloc/heap/dump.h"

#include <sys/mman.h>

#include "libvmmalloc/heap/bits.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/pool.h"

#define RUNS_MOST 1024  /* each is two mappings, of the 65530 that a process may have */

static size_t round_down(uintptr_t address, size_t unit)
{
	return address & ~(unit - 1);
}

static size_t round_up(uintptr_t address, size_t unit)
{
	return round_down(address + unit - 1, unit);
}

static size_t granule_at(const struct vmm_dump *dump, uintptr_t address)
{
	return (address - dump->base) / dump->granule;
}

/* Of granules [first, last); the last one of all may not be whole. */
static int advise(const struct vmm_dump *dump, size_t first, size_t last, int advice)
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

/* Stretches of hidden granules that begin in [first, last), and one that goes on there. */
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
	if (runs > RUNS_MOST || advise(dump, first, last, MADV_DONTDUMP) < 0)
		return;
	bits_set(dump->hidden, first, last, true);
	dump->runs = runs;
}

bool vmm_dump_hides(const struct vmm_dump *dump, uintptr_t start, uintptr_t end)
{
	size_t first = granule_at(dump, start), last = granule_at(dump, end + dump->granule - 1);

	return dump->runs > 0 && bits_find(dump->hidden, first, last, true) < last;
}

/* To split a mapping may be one too many. To make one of all is always possible. */
static void show_all(struct vmm_dump *dump)
{
	size_t granules = granule_at(dump, dump->end + dump->granule - 1);

	(void)advise(dump, 0, granules, MADV_DODUMP);
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
	if (advise(dump, first, last, MADV_DODUMP) < 0) {
		show_all(dump);
		return;
	}
	/* what is left of a run on either side is one */
	left = first > 0 && bits_has(dump->hidden, first - 1) && bits_has(dump->hidden, first);
	left += bits_has(dump->hidden, last - 1) && bits_has(dump->hidden, last);
	dump->runs = dump->runs - runs_in(dump, first, last) + left;
	bits_set(dump->hidden, first, last, false);
}

void vmm_dump_again(const struct vmm_dump *dump, uintptr_t start, uintptr_t end)
{
	size_t first = granule_at(dump, start), granules = granule_at(dump, end + dump->granule - 1);

	while (dump->runs > 0 && (first = bits_find(dump->hidden, first, granules, true)) < granules) {
		size_t last = bits_find(dump->hidden, first, granules, false);

		(void)advise(dump, first, last, MADV_DONTDUMP);
		first = last;
	}
}
