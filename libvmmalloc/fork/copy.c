/* SPDX-License-Identifier: BSD-3-Clause */
/* copy -- see copy.h. */
#include "libvmmalloc/fork/copy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/round.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/space.h"
#include "libvmmalloc/heap/walk.h"

struct reserving {
	const struct vmm_heap *heap;
	struct vmm_pool *copy;
	size_t start, end;  /* offsets of what is to be reserved next */
	int error;
};

/* In whole units: where a file ended in the heap `low` may be between two. */
static void reserve_pending(struct reserving *reserving)
{
	struct vmm_pool *copy = reserving->copy;
	size_t start = round_down(reserving->start, copy->unit), end = round_up(reserving->end, copy->unit);

	if (reserving->end > reserving->start && reserving->error == 0)
		reserving->error = vmm_space_reserve(copy, start, (end < copy->size ? end : copy->size) - start);
}

/* Joins stretches that touch, and reserves each that is whole: the fewer steps, the faster. */
static void reserve_stretch(void *context, char *start, size_t bytes)
{
	struct reserving *reserving = context;
	size_t first = (size_t)(start - reserving->heap->pool.base);

	if (first > reserving->end) {
		reserve_pending(reserving);
		reserving->start = first;
	}
	reserving->end = first + bytes;
}

static int reserve_used(const struct vmm_heap *heap, struct vmm_pool *copy)
{
	struct reserving reserving = { .heap = heap, .copy = copy, .start = copy->grain, .end = copy->grain };

	if (copy->header->reserved_bytes == copy->size)
		return 0;  /* VMMALLOC_RESERVE=full */
	if (copy->unit <= heap->holes.granule) {
		vmm_walk_kept(heap, reserve_stretch, &reserving);
	} else {
		/* the copy is on another kind of file system, which reserves no pieces as small as the heap's */
		reserving.end = heap->low - (uintptr_t)heap->pool.base;
		reserve_stretch(&reserving, (char *)heap->high, (uintptr_t)heap->pool.base + copy->size - heap->high);
	}
	reserve_pending(&reserving);
	return reserving.error;
}

/* Of the files from `first` on, those that are in the same tier and side by side: where they end, and the next one. */
static size_t run_end(const struct vmm_pool *pool, size_t first, size_t *ret_next)
{
	size_t i = first, tier = vmm_pool_file(pool, first)->tier;

	while (i < pool->files && vmm_pool_file(pool, i)->tier == tier)
		i++;
	*ret_next = i;
	return vmm_pool_file(pool, i - 1)->end;
}

/* One file for what lies side by side in a tier. */
static int add_runs(const struct vmm_pool *pool, size_t next, const struct vmm_config *config, struct vmm_pool *copy)
{
	int r;

	copy->unit = pool->unit;
	copy->is_late = pool->is_late;
	r = vmm_pool_make_room(copy, pool->size);
	while (r == 0 && next < pool->files) {
		size_t tier = vmm_pool_file(pool, next)->tier, start = copy->size, end = run_end(pool, next, &next);
		struct vmm_pool_file *file;

		r = vmm_pool_grow(copy, config->tiers[tier].dir, end - start);
		if (r < 0)
			break;
		file = vmm_pool_file(copy, copy->files - 1);
		file->tier = tier;
		if (!config->reserve_all)
			continue;
		r = vmm_space_reserve_if_there(copy, start, end - start);
		file->header->reserved_bytes = file->header->pool_bytes;
	}
	copy->header->pool_bytes = copy->size;
	if (config->reserve_all)
		copy->header->reserved_bytes = copy->size;
	return r;
}

int vmm_copy_make(const struct vmm_heap *heap, const struct vmm_config *config, struct vmm_pool *ret_copy)
{
	const struct vmm_pool *pool = &heap->pool;
	size_t next = pool->files, end = heap->tiers.count == 1 ? pool->size : run_end(pool, 0, &next);
	char message[256];
	struct text unused = TEXT_INIT(message);
	int r = vmm_pool_create(config->tiers[0].dir, end, config->reserve_all, ret_copy, &unused);

	if (r < 0)
		return r;
	if (next < pool->files)
		r = add_runs(pool, next, config, ret_copy);
	if (r == 0)
		r = reserve_used(heap, ret_copy);
	if (r < 0)
		vmm_pool_drop(ret_copy);
	return r;
}

bool vmm_copy_fits(const struct vmm_heap *heap, const struct vmm_pool *copy)
{
	const struct vmm_pool *pool = &heap->pool;
	size_t next = 0;

	if (copy->size != pool->size)
		return false;
	for (size_t i = 0; heap->tiers.count > 1 && i < copy->files && next < pool->files; i++) {
		const struct vmm_pool_file *file = vmm_pool_file(copy, i);

		if (file->tier != vmm_pool_file(pool, next)->tier || file->end != run_end(pool, next, &next))
			return false;
	}
	return true;
}

struct filling {
	const char *from;
	struct vmm_pool *to;
	int error;
};

static bool is_zero(const char *page)
{
	const uint64_t *words = (const uint64_t *)page;
	const size_t count = kernel_page() / sizeof(*words);

	for (size_t i = 0; i < count; i++)
		if (words[i])
			return false;
	return true;
}

static int copy_run(struct filling *filling, const char *start, size_t bytes)
{
	size_t offset = (size_t)(start - filling->from);

	/* writing is faster than touching a new mapping page by page; but hugetlbfs has no write */
	if (!filling->to->is_huge)
		return vmm_pool_write(filling->to, offset, start, bytes);
	memcpy(filling->to->base + offset, start, bytes);
	return 0;
}

/*
 * The program may have made pages of the heap inaccessible, and reading them would end it. The kernel says EINVAL for
 * them. A kernel that is too old for the question says EINVAL for any page, and then nothing is known.
 */
static bool is_readable(const struct filling *filling, char *start, size_t bytes)
{
	int r = kernel_madvise(start, bytes, MADV_POPULATE_READ);

	return r != -EINVAL || kernel_madvise((void *)filling->from, kernel_page(), MADV_POPULATE_READ) < 0;
}

/* The new file reads as zero already: pages of zeros, as in metadata and fresh blocks, are not copied. */
static void copy_stretch(void *context, char *start, size_t bytes)
{
	struct filling *filling = context;

	if (!is_readable(filling, start, bytes)) {
		filling->error = -EFAULT;
		return;
	}
	for (size_t done = 0; done < bytes && filling->error == 0;) {
		size_t first = done;

		while (done < bytes && !is_zero(start + done))
			done += kernel_page();
		if (done > first)
			filling->error = copy_run(filling, start + first, done - first);
		while (done < bytes && is_zero(start + done))
			done += kernel_page();
	}
}

/* The header of each file behind the first has its own figures. */
static void count_in_copy(const struct vmm_heap *heap, struct vmm_pool *copy)
{
	uintptr_t base = (uintptr_t)heap->pool.base;

	for (size_t i = 1; i < copy->files; i++) {
		struct vmm_pool_file *file = vmm_pool_file(copy, i);

		file->header->used_bytes = vmm_walk_used_bytes(heap, base + file->start, base + file->end);
		file->header->peak_bytes = file->header->used_bytes;
	}
}

int vmm_copy_fill(const struct vmm_heap *heap, struct vmm_pool *copy)
{
	struct filling filling = { .from = heap->pool.base, .to = copy };
	const struct pool_header *header = heap->pool.header;
	int r = reserve_used(heap, copy);

	if (r < 0)
		return r;
	vmm_walk_used(heap, copy_stretch, &filling);
	if (filling.error < 0)
		return filling.error;
	count_in_copy(heap, copy);
	copy->header->used_bytes = header->used_bytes;
	copy->header->peak_bytes = header->used_bytes;
	copy->header->metadata_bytes = header->metadata_bytes;
	return 0;
}
