/* SPDX-License-Identifier: BSD-3-Clause */
/* front -- see front.h. */
#include "libvmmalloc/jemalloc/front.h"

#include <string.h>
#include <sys/mman.h>

#include "common/base/round.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/context/context.h"
#include "libvmmalloc/jemalloc/jemalloc.h"

#define PIECE ((size_t)64 << 10)  /* of the table: 256 MiB of a pool, whose pages have 4 KiB */

/* jemalloc's internals, as in its include/jemalloc/internal (tcache_externs.h). */
void *je_tcache_alloc_small_hard(void *tsdn, void *arena, void *cache, struct vmm_cache_bin *bin, unsigned size_class,
				 bool *success);
void je_tcache_cleanup(void *tsd);
void je_tsd_slow_update(void *tsd);

void *vmm_front_ask(size_t bytes)
{
	void *pointer;

	vmm_front_thread.asks = true;
	pointer = je_malloc(bytes);
	vmm_front_thread.asks = false;
	return pointer;
}

/* A program's own functions may be called meanwhile, and ask for blocks. */
void *vmm_front_fill(void *tsdn, void *arena, void *cache, struct vmm_cache_bin *bin, unsigned size_class,
		     bool *success)
{
	bool asks = vmm_front_thread.asks;
	void *pointer;

	vmm_front_thread.asks = false;
	pointer = je_tcache_alloc_small_hard(tsdn, arena, cache, bin, size_class, success);
	if (asks && vmm_front.pages && !vmm_front_thread.bins) {
		vmm_front_thread.bins = bin - size_class;
		vmm_front_thread.calls_left = FRONT_CALLS;
	}
	return pointer;
}

void vmm_front_end_cache(void *tsd)
{
	vmm_front_thread.bins = NULL;
	je_tcache_cleanup(tsd);
}

void vmm_front_update_thread(void *tsd)
{
	vmm_front_thread.bins = NULL;
	je_tsd_slow_update(tsd);
}

/*
 * A byte for each page of the pool: ordinary memory, like jemalloc's index (seam.c), whose addresses are taken at the
 * start, too. So mlockall() touches no more of it than there are extents for.
 */
void vmm_front_start(void)
{
	size_t pages = vmm.heap.pool.room >> JEMALLOC_LG_PAGE;
	unsigned char *classes;

	classes = kernel_mmap(NULL, pages, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (kernel_error(classes))
		return;
	(void)kernel_madvise(classes, pages, MADV_DONTDUMP);
	vmm_front.base = (uintptr_t)vmm.heap.pool.base;
	vmm_front.classes = classes;
}

/*
 * Has the table reach to `end`, in pages, and returns what it does reach to. Where a limit or a filter is against it,
 * jemalloc serves what lies above.
 */
static size_t reach(size_t end)
{
	size_t pages = __atomic_load_n(&vmm_front.pages, __ATOMIC_RELAXED);
	size_t all = vmm.heap.pool.room >> JEMALLOC_LG_PAGE;
	size_t wanted = end + PIECE < all ? round_up(end, PIECE) : all;

	if (end <= pages || kernel_mprotect(vmm_front.classes, wanted, PROT_READ | PROT_WRITE) < 0)
		return pages;
	while (pages < wanted && !__atomic_compare_exchange_n(&vmm_front.pages, &pages, wanted, false, __ATOMIC_RELEASE,
							      __ATOMIC_RELAXED))
		;
	return pages < wanted ? wanted : pages;
}

/* Blocks begin in each page of a slab, and at the start alone of an extent that is none. */
void vmm_front_note(uintptr_t address, size_t bytes, bool slab, unsigned size_class)
{
	size_t page = (address - vmm_front.base) >> JEMALLOC_LG_PAGE;
	size_t end = page + (slab ? bytes >> JEMALLOC_LG_PAGE : 1), reached;

	if (!vmm_front.classes || !vmm_pool_contains(&vmm.heap.pool, (const void *)address))
		return;
	reached = reach(end);
	if (end > reached)
		end = reached;
	if (page < end && (slab || vmm_front.classes[page] != 0))
		memset(vmm_front.classes + page, slab ? (int)size_class + 1 : 0, end - page);
}
