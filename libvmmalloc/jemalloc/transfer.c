/* SPDX-License-Identifier: BSD-3-Clause */
/* transfer -- see transfer.h. The locks are leaves: nothing is called while one is held. */
#include "libvmmalloc/jemalloc/transfer.h"

#include <string.h>
#include <sys/single_threaded.h>

#include "libvmmalloc/context/context.h"

/* jemalloc's internals, as in its include/jemalloc/internal (arena_externs.h, tcache_externs.h). */
extern size_t je_sz_index2size_tab[];
extern unsigned je_manual_arena_base;
unsigned je_narenas_total_get(void);
void je_tcache_bin_flush_small(void *tsd, void *cache, struct vmm_cache_bin *bin, unsigned size_class, unsigned kept);
#ifdef JEMALLOC_FILLS_ARRAY
uint16_t je_arena_ptr_array_fill_small(void *tsdn, void *arena, unsigned size_class, struct vmm_cache_array *array,
				       uint16_t least, uint16_t wanted, uint64_t requests);
#else
void je_arena_cache_bin_fill_small(void *tsdn, void *arena, struct vmm_cache_bin *bin, const void *bin_info,
				   unsigned size_class, unsigned wanted);
#endif
void je_arena_dalloc_small(void *tsdn, void *pointer);

#define CLASS_BYTES_MOST ((size_t)256 << 10)  /* that lie here of one size class, */
#define CLASS_POOL_SHARE 1024                 /* and no more than this part of the pool */
#define HANDFUL 64

/* Who made an arena of its own may destroy it, and everything that comes from it. */
static bool is_used(void)
{
	return !__libc_single_threaded && vmm.has_pool && je_narenas_total_get() <= je_manual_arena_base;
}

static unsigned room(const struct vmm_transfer_class *class, size_t block_bytes)
{
	size_t bytes = vmm.heap.pool.room / CLASS_POOL_SHARE;
	size_t most = (bytes < CLASS_BYTES_MOST ? bytes : CLASS_BYTES_MOST) / block_bytes;

	if (most > TRANSFER_BLOCKS_MOST)
		most = TRANSFER_BLOCKS_MOST;
	return most > class->count ? (unsigned)most - class->count : 0;
}

static void set_count(struct vmm_transfer_class *class, unsigned count)
{
	__atomic_store_n(&class->count, count, __ATOMIC_RELAXED);
	if (count < class->unused)
		__atomic_store_n(&class->unused, count, __ATOMIC_RELAXED);
}

/* All of them, or none. */
static bool leave_blocks(unsigned size_class, void *const *blocks, unsigned count)
{
	struct vmm_transfer_class *class = &vmm_transfer.classes[size_class];
	bool fits;

	if (!is_used() || pthread_mutex_trylock(&class->lock) != 0)
		return false;
	fits = count <= room(class, je_sz_index2size_tab[size_class]);
	if (fits) {
		memcpy(vmm_transfer.blocks[size_class] + class->count, blocks, count * sizeof(*blocks));
		set_count(class, class->count + count);
	}
	pthread_mutex_unlock(&class->lock);
	return fits;
}

/* As many as are wanted, or at least `least`: those that came last, likely to be in a processor's cache. */
static unsigned take_blocks(unsigned size_class, void **blocks, unsigned least, unsigned wanted)
{
	struct vmm_transfer_class *class = &vmm_transfer.classes[size_class];

	if (__atomic_load_n(&class->count, __ATOMIC_RELAXED) < least || !is_used() ||
	    pthread_mutex_trylock(&class->lock) != 0)
		return 0;
	if (wanted > class->count)
		wanted = class->count < least ? 0 : class->count;
	set_count(class, class->count - wanted);
	memcpy(blocks, vmm_transfer.blocks[size_class] + class->count, wanted * sizeof(*blocks));
	pthread_mutex_unlock(&class->lock);
	return wanted;
}

static unsigned blocks_between(uint16_t low, uint16_t high)
{
	return (uint16_t)(high - low) / sizeof(void *);
}

/* Those that have been in the cache for longest leave it, the others move into their places. */
void vmm_transfer_flush(void *tsd, void *cache, struct vmm_cache_bin *bin, unsigned size_class, unsigned kept)
{
	unsigned count = blocks_between((uint16_t)(uintptr_t)bin->head, bin->empty) - kept;

	if (!leave_blocks(size_class, bin->head + kept, count)) {
		je_tcache_bin_flush_small(tsd, cache, bin, size_class, kept);
		return;
	}
	memmove(bin->head + count, bin->head, kept * sizeof(*bin->head));
	bin->head += count;
	if (kept < blocks_between(bin->low_water, bin->empty))
		bin->low_water = (uint16_t)(uintptr_t)bin->head;
}

#ifdef JEMALLOC_FILLS_ARRAY
uint16_t vmm_transfer_fill(void *tsdn, void *arena, unsigned size_class, struct vmm_cache_array *array, uint16_t least,
			   uint16_t wanted, uint64_t requests)
{
	unsigned taken = take_blocks(size_class, array->blocks, least, wanted);

	return taken ? (uint16_t)taken :
		je_arena_ptr_array_fill_small(tsdn, arena, size_class, array, least, wanted, requests);
}
#else
void vmm_transfer_fill(void *tsdn, void *arena, struct vmm_cache_bin *bin, const void *bin_info, unsigned size_class,
		       unsigned wanted)
{
	void **blocks = bin->head - wanted;
	unsigned taken = take_blocks(size_class, blocks, 1, wanted);

	if (taken == 0) {
		je_arena_cache_bin_fill_small(tsdn, arena, bin, bin_info, size_class, wanted);
		return;
	}
	memmove(bin->head - taken, blocks, taken * sizeof(*blocks));
	bin->head -= taken;
}
#endif

/* Those that came first go back, until `left` are there: a handful at a time, as others may want the lock. */
static bool give_back(unsigned size_class, unsigned left)
{
	struct vmm_transfer_class *class = &vmm_transfer.classes[size_class];
	void **first = vmm_transfer.blocks[size_class], *blocks[HANDFUL];
	bool any = false;
	unsigned n = 1;

	while (n > 0 && __atomic_load_n(&class->count, __ATOMIC_RELAXED) > left &&
	       pthread_mutex_trylock(&class->lock) == 0) {
		n = class->count > left ? class->count - left : 0;
		if (n > HANDFUL)
			n = HANDFUL;
		memcpy(blocks, first, n * sizeof(*blocks));
		memmove(first, first + n, (class->count - n) * sizeof(*blocks));
		set_count(class, class->count - n);
		pthread_mutex_unlock(&class->lock);
		for (unsigned i = 0; i < n; i++)
			je_arena_dalloc_small(NULL, blocks[i]);
		any |= n > 0;
	}
	return any;
}

bool vmm_transfer_empty(void)
{
	bool any = false;

	for (unsigned i = 0; i < TRANSFER_CLASSES; i++)
		any |= give_back(i, 0);
	return any;
}

/* Others may put and take meanwhile: then a few more or less go back. */
void vmm_transfer_age(void)
{
	for (unsigned i = 0; i < TRANSFER_CLASSES; i++) {
		struct vmm_transfer_class *class = &vmm_transfer.classes[i];
		unsigned count = __atomic_load_n(&class->count, __ATOMIC_RELAXED);
		unsigned unused = __atomic_load_n(&class->unused, __ATOMIC_RELAXED);

		if (unused > 0 && unused <= count)
			(void)give_back(i, count - unused);
		if (count == 0 || pthread_mutex_trylock(&class->lock) != 0)
			continue;
		__atomic_store_n(&class->unused, class->count, __ATOMIC_RELAXED);
		pthread_mutex_unlock(&class->lock);
	}
}
