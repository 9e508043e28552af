/* SPDX-License-Identifier: BSD-3-Clause */
/* holes -- see holes.h. */
#include "libvmmalloc/heap/holes.h"

#include "common/base/round.h"
#include "libvmmalloc/heap/bits.h"

static uintptr_t granule_address(const struct vmm_holes *holes, size_t granule)
{
	return holes->base + granule * holes->granule;
}

/* The whole granules in [start, end), as numbers: [*ret_first, *ret_end). */
static void granules_inside(const struct vmm_holes *holes, uintptr_t start, uintptr_t end, size_t *ret_first,
			    size_t *ret_end)
{
	*ret_first = (start - holes->base + holes->granule - 1) / holes->granule;
	*ret_end = (end - holes->base) / holes->granule;
}

void vmm_holes_init(struct vmm_holes *holes, char *base, size_t granule, uint64_t *bits)
{
	*holes = (struct vmm_holes){ .base = (uintptr_t)base, .granule = granule, .bits = bits };
}

void vmm_holes_make(struct vmm_holes *holes, uintptr_t start, uintptr_t end)
{
	size_t first, last;

	granules_inside(holes, start, end, &first, &last);
	if (first < last) {
		bits_set(holes->bits, first, last, true);
		holes->any = true;
	}
}

void vmm_holes_fill(struct vmm_holes *holes, uintptr_t start, uintptr_t end)
{
	size_t first, last;

	granules_inside(holes, start, end, &first, &last);
	bits_set(holes->bits, first, last, false);
}

bool vmm_holes_next(const struct vmm_holes *holes, uintptr_t start, uintptr_t end, uintptr_t *ret_start,
		    uintptr_t *ret_end)
{
	size_t last = (end - holes->base + holes->granule - 1) / holes->granule;
	size_t first = (start - holes->base) / holes->granule;

	if (!holes->any || (first = bits_find(holes->bits, first, last, true)) >= last)
		return false;
	*ret_start = granule_address(holes, first);
	*ret_end = granule_address(holes, bits_find(holes->bits, first, last, false));
	return true;
}

size_t vmm_holes_bytes(const struct vmm_holes *holes, uintptr_t start, uintptr_t end)
{
	size_t first, last, bytes = 0;

	if (!holes->any)
		return 0;
	granules_inside(holes, start, end, &first, &last);
	while ((first = bits_find(holes->bits, first, last, true)) < last) {
		size_t after = bits_find(holes->bits, first, last, false);

		bytes += (after - first) * holes->granule;
		first = after;
	}
	return bytes;
}

void vmm_holes_each_other(const struct vmm_holes *holes, uintptr_t start, uintptr_t end,
			  void (*visit)(void *context, char *start, size_t bytes), void *context)
{
	uintptr_t hole, hole_end;

	while (start < end && vmm_holes_next(holes, start, end, &hole, &hole_end)) {
		if (hole > start)
			visit(context, (char *)start, hole - start);
		start = hole_end;
	}
	if (start < end)
		visit(context, (char *)start, end - start);
}
