/* SPDX-License-Identifier: BSD-3-Clause */
/* clone -- see clone.h. */
#include "libvmmalloc/clone.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* What is reserved in the original: [heap, low) and [high, end). */
static int reserve_like(const struct vmm_heap *heap, struct vmm_pool *clone)
{
	size_t low = heap->low - (uintptr_t)heap->pool.base;
	size_t high = heap->high - (uintptr_t)heap->pool.base;
	size_t bytes = heap->all_reserved ? clone->size : low + clone->size - high;
	int r;

	if (clone->header->reserved_bytes == bytes)
		return 0;
	r = vmm_pool_reserve(clone, clone->grain, low - clone->grain);
	if (r == 0 && high < clone->size)
		r = vmm_pool_reserve(clone, high, clone->size - high);
	if (r == 0)
		clone->header->reserved_bytes = bytes;
	return r;
}

int vmm_clone_make(const struct vmm_heap *heap, const char *dir, struct vmm_pool *ret_clone)
{
	char message[256];
	struct text unused = TEXT_INIT(message);
	int r = vmm_pool_create(dir, heap->pool.size, heap->all_reserved, ret_clone, &unused);

	if (r < 0)
		return r;
	r = reserve_like(heap, ret_clone);
	if (r < 0)
		vmm_pool_drop(ret_clone);
	return r;
}

struct filling {
	const char *from;
	struct vmm_pool *to;
	int error;
};

static bool is_zero(const char *page)
{
	const uint64_t *words = (const uint64_t *)page;

	for (size_t i = 0; i < POOL_PAGE / sizeof(*words); i++)
		if (words[i])
			return false;
	return true;
}

static int copy_run(struct filling *filling, const char *start, size_t bytes)
{
	size_t offset = (size_t)(start - filling->from);

	/* writing is faster than touching a new mapping page by page; but hugetlbfs has no write */
	if (filling->to->grain == POOL_PAGE)
		return vmm_pool_write(filling->to, offset, start, bytes);
	memcpy(filling->to->base + offset, start, bytes);
	return 0;
}

/* The new file reads as zero already: much of the metadata, and many a fresh block, need no copying. */
static void copy_stretch(void *context, char *start, size_t bytes)
{
	struct filling *filling = context;

	for (size_t done = 0; done < bytes && filling->error == 0;) {
		size_t first = done;

		while (done < bytes && !is_zero(start + done))
			done += POOL_PAGE;
		if (done > first)
			filling->error = copy_run(filling, start + first, done - first);
		while (done < bytes && is_zero(start + done))
			done += POOL_PAGE;
	}
}

int vmm_clone_fill(const struct vmm_heap *heap, struct vmm_pool *clone)
{
	struct filling filling = { .from = heap->pool.base, .to = clone };
	const struct pool_header *header = heap->pool.header;
	int r = reserve_like(heap, clone);

	if (r < 0)
		return r;
	vmm_heap_each_used(heap, copy_stretch, &filling);
	if (filling.error < 0)
		return filling.error;
	clone->header->used_bytes = header->used_bytes;
	clone->header->peak_bytes = header->used_bytes;
	clone->header->metadata_bytes = header->metadata_bytes;
	clone->header->outside_bytes = header->outside_bytes;
	return 0;
}
