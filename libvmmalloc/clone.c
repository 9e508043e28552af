/* SPDX-License-Identifier: BSD-3-Clause */
/* clone -- see clone.h. */
#include "libvmmalloc/clone.h"

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

struct stretches {
	const char *from;
	char *to;
};

static void copy_stretch(void *context, char *start, size_t bytes)
{
	struct stretches *stretches = context;

	memcpy(stretches->to + (start - stretches->from), start, bytes);
}

int vmm_clone_fill(const struct vmm_heap *heap, struct vmm_pool *clone)
{
	struct stretches stretches = { .from = heap->pool.base, .to = clone->base };
	const struct pool_header *header = heap->pool.header;
	int r = reserve_like(heap, clone);

	if (r < 0)
		return r;
	vmm_heap_each_used(heap, copy_stretch, &stretches);
	clone->header->used_bytes = header->used_bytes;
	clone->header->peak_bytes = header->used_bytes;
	clone->header->metadata_bytes = header->metadata_bytes;
	clone->header->outside_bytes = header->outside_bytes;
	return 0;
}
