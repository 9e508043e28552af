/* SPDX-License-Identifier: BSD-3-Clause */
/* bookkeeping -- see bookkeeping.h. */
#include "libvmmalloc/heap/bookkeeping.h"

#include <stdint.h>

#include "common/base/round.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/bits.h"
#include "libvmmalloc/heap/mapping.h"
#include "libvmmalloc/heap/table.h"

#define SETS 3
#define ROOM_SHARE 4

/*
 * Free ranges never touch, so there are at most half as many as pages of a pool of that size. Their nodes lie in
 * ordinary memory, of which only what is needed is ever touched: in the pool each page of them would stand in the way
 * of the heap.
 */
static size_t nodes_bytes(size_t pool_bytes)
{
	return pool_bytes / kernel_page() / 2 * sizeof(struct range);
}

/* Of each of the sets of granules: holes, what a dump does not show, what is idle. */
static size_t set_bytes(size_t pool_bytes, size_t granule)
{
	return bits_bytes(pool_bytes / granule + 2);
}

/* From the beginning of one set to that of the next. The nodes are behind the last. */
static size_t set_room(const struct vmm_pool *pool, size_t granule)
{
	return round_up(set_bytes(pool->room, granule), kernel_page());
}

static size_t tables_bytes(const struct vmm_pool *pool, size_t granule)
{
	return SETS * set_room(pool, granule) + nodes_bytes(pool->room);
}

/* They are for a pool of `before` bytes, and shall be for one of `bytes`. 0 or -errno. */
static int open_tables(const struct vmm_pool *pool, char *tables, size_t granule, size_t before, size_t bytes)
{
	int r = 0;

	for (size_t i = 0; i < SETS && r == 0; i++)
		r = vmm_table_open(tables + i * set_room(pool, granule), before ? set_bytes(before, granule) : 0,
				   set_bytes(bytes, granule));
	return r < 0 ? r : vmm_table_open(tables + SETS * set_room(pool, granule), nodes_bytes(before),
					  nodes_bytes(bytes));
}

/* For a pool as large as it is now. kernel_error() tells of a failure. */
static char *map_tables(const struct vmm_pool *pool, size_t granule)
{
	size_t bytes = tables_bytes(pool, granule);
	char *tables = vmm_table_map(bytes, pool->room == pool->size);
	int r = kernel_error(tables);

	if (r < 0 || pool->room == pool->size)
		return tables;
	r = open_tables(pool, tables, granule, 0, pool->size);
	if (r == 0)
		return tables;
	vmm_table_drop(tables, bytes);
	return (char *)(intptr_t)r;
}

int vmm_bookkeeping_make(struct vmm_heap *heap, size_t granule)
{
	struct vmm_pool *pool = &heap->pool;
	char *tables;
	size_t set;

	while (kernel_error(tables = map_tables(pool, granule))) {
		if (pool->room == pool->size)
			return kernel_error(tables);
		pool->room = pool->room / ROOM_SHARE > pool->size ? round_down(pool->room / ROOM_SHARE, pool->grain)
								  : pool->size;
	}
	set = set_room(pool, granule);
	vmm_holes_init(&heap->holes, pool->base, granule, (uint64_t *)tables);
	vmm_dump_init(&heap->dump, pool->base, pool->size, granule, (uint64_t *)(tables + set));
	vmm_release_init(&heap->release, (uint64_t *)(tables + 2 * set));
	ranges_init(&heap->free, tables + SETS * set, nodes_bytes(pool->size));
	return 0;
}

void vmm_bookkeeping_drop(struct vmm_heap *heap)
{
	vmm_table_drop(heap->holes.bits, tables_bytes(&heap->pool, heap->holes.granule));
}

int vmm_bookkeeping_extend(struct vmm_heap *heap, size_t before)
{
	struct vmm_pool *pool = &heap->pool;
	int r = 0;

	if (pool->size > pool->most)
		r = open_tables(pool, (char *)heap->holes.bits, heap->holes.granule, pool->most, pool->size);
	if (r == 0)
		r = vmm_mapping_add(pool, before);
	if (r < 0 || pool->size <= pool->most)
		return r;
	ranges_extend(&heap->free, nodes_bytes(pool->size) - nodes_bytes(pool->most));
	pool->most = pool->size;
	return 0;
}
