/* SPDX-License-Identifier: BSD-3-Clause */
/* seam -- see seam.h. The build checks that jemalloc is one that this is written against (references.txt). */
#include "libvmmalloc/jemalloc/seam.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>

#include "common/base/round.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/report.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/context/context.h"
#include "libvmmalloc/jemalloc/front.h"
#include "libvmmalloc/jemalloc/jemalloc.h"
#include "libvmmalloc/jemalloc/libc.h"
#include "libvmmalloc/jemalloc/transfer.h"

/* jemalloc's internals, as in its include/jemalloc/internal (arena_externs.h, extent_mmap.h, tcache_externs.h). */
extern __thread bool je_tsd_tls[];  /* struct tsd_s, whose first field is tcache_enabled: whether there is a cache */
extern void *je_arenas[];
extern bool je_opt_cache_oblivious, je_opt_abort, je_opt_junk_alloc, je_opt_junk_free;
unsigned je_narenas_total_get(void);
void je_arena_decay(void *tsdn, void *arena, bool is_background_thread, bool all);
void je_arena_basic_stats_merge(void *tsdn, void *arena, unsigned *nthreads, const char **dss,
				ssize_t *dirty_decay_ms, ssize_t *muzzy_decay_ms, size_t *nactive, size_t *ndirty,
				size_t *nmuzzy);
void *je_extent_alloc_mmap(void *at, size_t bytes, size_t align, bool *zero, bool *commit);
bool je_extent_dalloc_mmap(void *address, size_t bytes);
bool je_tsd_tcache_enabled_data_init(void *tsd);
void je_tsd_slow_update(void *tsd);
void *je_tsd_fetch_slow(void *tsd, bool only_frees);
void *je_arena_palloc(void *tsdn, void *arena, size_t bytes, size_t align, bool zero SLAB(bool slab),
		      void *tcache);
void *je_arena_choose_hard(void *tsd, bool internal);
void je_tcache_flush(void *tsd);
void je_tcache_arena_associate(void *tsdn, void *cache_slow CACHE(void *cache), void *arena);
void je_tcache_arena_reassociate(void *tsdn, void *cache_slow CACHE(void *cache), void *arena);
void je_arena_reset(void *tsd, void *arena);
void je_arena_destroy(void *tsd, void *arena);
void *je_arena_malloc_hard(void *tsdn, void *arena, size_t bytes, unsigned size_class, bool zero SLAB(bool slab));
void *je_pa_alloc(void *tsdn, void *shard, size_t bytes, size_t align, bool slab, unsigned size_class, bool zero,
		  bool guarded, bool *deferred);
bool je_pa_expand(void *tsdn, void *shard, void *extent, size_t old_bytes, size_t bytes, unsigned size_class, bool zero,
		  bool *deferred);
void *je_large_palloc(void *tsdn, void *arena, size_t bytes, size_t align, bool zero);
void je_te_event_trigger(void *tsd, void *context);
#ifdef JEMALLOC_FILLS_ARRAY
extern struct {
	int (*is_enabled)(void);
	uint64_t (*wait[2])(void *tsd);
	void (*handle)(void *tsd);
} je_tcache_gc_te_handler;
#else
void je_tcache_gc_event_handler(void *tsd, uint64_t elapsed);
#endif
void *je_base_alloc(void *tsdn, void *base, size_t bytes, size_t align);
void je_jemalloc_prefork(void);
void je_jemalloc_postfork_parent(void);
void je_jemalloc_postfork_child(void);
void je_inspect_extent_util_stats_get(void *tsdn, const void *pointer, size_t *free_regions, size_t *regions,
				      size_t *bytes);

#define ARENAS_PER_CPU 4                     /* jemalloc's own rule */
#define POOL_BYTES_PER_ARENA ((size_t)16 << 20)  /* every arena takes 2 MiB of metadata: no more than 1/8 of the pool */
#define LARGE_LEAST ((size_t)1 << 20)        /* requests this large never come from inside a thread cache */
#define CACHE_LINE 64
#define FREES_WITHOUT_CACHE 128              /* as in 5.3.1 */
#define JEMALLOC_PAGE ((size_t)1 << JEMALLOC_LG_PAGE)  /* what it was built for: the kernel's page, or larger */

/*
 * sizeof(edata_t), or a little more: it ends in a map of a slab's objects, a bit for each eight bytes of a page. More
 * than 512 bits are a tree, with a word for each 64 words below it.
 */
#define SLAB_MAP_WORDS (JEMALLOC_PAGE / 8 / 64)
#define SLAB_TREE_WORDS (SLAB_MAP_WORDS > 8 ? SLAB_MAP_WORDS / 64 + 2 : 0)
#define EXTENT_METADATA_BYTES (64 + 8 * (SLAB_MAP_WORDS + SLAB_TREE_WORDS))
#define EXTENT_METADATA_ALIGN 128            /* EDATA_ALIGNMENT */
#define ADDRESSES ((uintptr_t)1 << 48)       /* that a kernel gives to who does not ask for more (x86-64: half of it) */
#define ANY_TIER ENVIRONMENT_TIERS_MOST
#define RECLAIM_ATTEMPTS 8                   /* while another thread has an arena's free extents in its hands */
#define GROW_MOST 64                         /* pools that others may take before us, or a file system that lies */

/*
 * Pages of a slab, by size class. jemalloc's own are as few as hold whole objects, down to one: then the metadata of
 * each are 2 or 3 % of the pool. More of them, still without a remainder worth speaking of, refill faster; but one
 * object that stays keeps them all. With 16 pages, heaps whose sizes change took a tenth more than with 8, for 0 to 3 %
 * less instructions: doc/benchmarks.md.
 */
#if JEMALLOC_LG_PAGE == 12
#define SLAB_OPTIONS ",slab_sizes:8-1024:8|1280-1280:10|1536-1536:9|1792-1792:7|2048-2048:8|2560-2560:10|" \
	"3072-3072:9|3584-3584:7|4096-4096:8|5120-5120:10|6144-6144:9|7168-7168:7|8192-8192:8|10240-10240:10|" \
	"12288-12288:9|14336-14336:7"
#elif JEMALLOC_LG_PAGE == 14
#define SLAB_OPTIONS ",slab_sizes:8-1024:4|2048-2048:4|4096-4096:4|8192-8192:4|16384-16384:4"
#else
#define SLAB_OPTIONS ",slab_sizes:8-1024:2|2048-2048:2|4096-4096:2|8192-8192:2|16384-16384:2|32768-32768:2|" \
	"65536-65536:2"
#endif

/*
 * Since 5.3.1: page by page instead of by size class, large sizes would keep more of the pool in each arena. And calloc
 * would clear a large block itself, as a whole of its size class: a short block has less, and behind it lies another.
 * So whoever makes the extent clears it, as in 5.3.0.
 */
#define OPTIONS_SINCE_5_3_1 "disable_large_size_classes:false,calloc_madvise_threshold:0,"
#ifdef JEMALLOC_MAY_BATCH
#define NEWER_OPTIONS OPTIONS_SINCE_5_3_1
#else
#define NEWER_OPTIONS ""
#endif

/*
 * retain:false gives freed extents back to the heap, where other arenas find them; an arena of its own for large
 * requests would be another 2 MiB of metadata.
 */
#define OPTIONS NEWER_OPTIONS "retain:false,dss:disabled,oversize_threshold:0" SLAB_OPTIONS ",narenas:"

/*
 * Where blocks are placed by their size, what a large one leaves is not for small ones, nor the other way round: an
 * arena's cache would give either to whom it fits, so nothing stays there.
 */
#define LARGE_OPTIONS ",dirty_decay_ms:0"

_Static_assert(sizeof(OPTIONS) + sizeof(OPTIONS_SINCE_5_3_1) + 20 + sizeof(LARGE_OPTIONS) <= sizeof(vmm_seam.options),
	       "the options are whole, whatever the number and the version");

static size_t arena_count(void)
{
	size_t arenas = ARENAS_PER_CPU * vmm_libc_processors();

	if (vmm.config.arenas)
		return vmm.config.arenas;
	/* their metadata lie in the first tier */
	if (vmm.has_pool && arenas > vmm.heap.tiers.tier[0].bytes / POOL_BYTES_PER_ARENA)
		arenas = vmm.heap.tiers.tier[0].bytes / POOL_BYTES_PER_ARENA;
	return arenas < 1 ? 1 : arenas < ENVIRONMENT_ARENAS_MOST ? arenas : ENVIRONMENT_ARENAS_MOST;
}

char *vmm_seam_options(const char *name)
{
	struct text text = TEXT_INIT(vmm_seam.options);

	(void)name;  /* MALLOC_CONF, the only one that it ever asks for: our options are its value */
	if (kernel_page() > JEMALLOC_PAGE)
		vmm_report_fatal("this kernel has pages of %zu bytes, and the library was built with a jemalloc for "
				 "pages of %zu: expected one configured with --with-lg-page=%d", kernel_page(),
				 JEMALLOC_PAGE, __builtin_ctzl(kernel_page()));
	vmm_start();
	if (vmm.has_pool)
		vmm_front_start();

	text_add(&text, OPTIONS "%zu", arena_count());
	if (vmm.config.place.rule == ENVIRONMENT_PLACE_LARGE)
		text_add(&text, LARGE_OPTIONS);

	/* Rounding large sizes up by a random offset costs a page for each; 5.3.0 refuses this one as an option. */
	je_opt_cache_oblivious = false;

	/*
	 * Built with --enable-debug it would fill a block as a whole of its size class, though a short one has less,
	 * and end the process where a call fails that may.
	 */
	je_opt_junk_alloc = je_opt_junk_free = je_opt_abort = false;
	return text.data;
}

int vmm_seam_trylock(pthread_mutex_t *mutex)
{
	vmm_start();
	return pthread_mutex_trylock(mutex);
}

/*
 * jemalloc takes and releases the locks of all its arenas around a fork, which touches dozens of pages in the parent
 * and once more in the child. Where no other thread ever was, nobody can hold a lock, and there is nothing to do.
 */
void vmm_seam_before_fork(void)
{
	bool lock = !__libc_single_threaded;

	if (lock)
		je_jemalloc_prefork();
	vmm_seam.locked_for_fork = lock;
}

void vmm_seam_after_fork(bool in_child)
{
	if (!vmm_seam.locked_for_fork)
		return;
	vmm_seam.locked_for_fork = false;
	if (!in_child) {
		je_jemalloc_postfork_parent();
		return;
	}
	vmm_seam.arenas_stay = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	je_jemalloc_postfork_child();
}

void vmm_seam_reset(void *tsd, void *arena)
{
	(void)vmm_transfer_empty();
	pthread_mutex_lock(&vmm_seam.arenas_stay);
	je_arena_reset(tsd, arena);
	pthread_mutex_unlock(&vmm_seam.arenas_stay);
}

/* jemalloc has emptied its cache before, but for what another thread had in its hands. */
void vmm_seam_destroy(void *tsd, void *arena)
{
	(void)vmm_transfer_empty();
	pthread_mutex_lock(&vmm_seam.arenas_stay);
	je_arena_decay(tsd, arena, false, true);
	je_arena_destroy(tsd, arena);
	pthread_mutex_unlock(&vmm_seam.arenas_stay);
}

static bool in_pool(const void *address)
{
	return vmm.has_pool && vmm_pool_contains(&vmm.heap.pool, address);
}

/* Memory from the system, because there is no pool, or for another reason is better than failing. */
static void *map_outside(void *at, size_t bytes, size_t align, bool *zero, bool *commit,
			 enum pool_outside_reason reason)
{
	void *address = je_extent_alloc_mmap(at, bytes, align, zero, commit);

	TRACE(3, "%zu bytes of ordinary memory at %p", bytes, address);
	if (address && vmm.has_pool)
		vmm_outside_add(&vmm.heap, address, bytes, reason);
	else if (address)
		__atomic_add_fetch(&vmm.outside_bytes, bytes, __ATOMIC_RELAXED);
	return address;
}

/* Before it is unmapped: then the addresses may be another's at once. */
static void count_unmapped(const void *address, size_t bytes)
{
	if (vmm.has_pool)
		vmm_outside_remove(&vmm.heap, address, bytes);
	else
		__atomic_sub_fetch(&vmm.outside_bytes, bytes, __ATOMIC_RELAXED);
}

static size_t cached_pages(void *arena)
{
	size_t active = 0, dirty = 0, muzzy = 0;
	unsigned threads = 0;
	ssize_t decay_ms[2];
	const char *dss;

	je_arena_basic_stats_merge(NULL, arena, &threads, &dss, &decay_ms[0], &decay_ms[1], &active, &dirty, &muzzy);
	return dirty + muzzy;
}

static bool empty_caches(void)
{
	unsigned arenas = je_narenas_total_get();
	bool found = false;

	for (int attempt = 0; attempt < RECLAIM_ATTEMPTS; attempt++) {
		bool again = false;

		for (unsigned i = 0; i < arenas; i++) {
			void *arena = __atomic_load_n(&je_arenas[i], __ATOMIC_ACQUIRE);

			if (!arena || cached_pages(arena) == 0)
				continue;
			je_arena_decay(NULL, arena, false, true);
			found = true;
			again |= cached_pages(arena) != 0;
		}
		if (!again)
			break;
		(void)kernel_sched_yield();
	}
	return found;
}

/*
 * Runs inside a request for an extent. jemalloc holds no lock of an arena then, and decay takes only locks that are
 * never held while jemalloc asks for an extent. If we waited for another thread, what that emptied is as good as found.
 */
bool vmm_seam_reclaim(void)
{
	bool found = vmm_transfer_empty(), waited = pthread_mutex_trylock(&vmm_seam.arenas_stay) != 0;

	if (waited)
		pthread_mutex_lock(&vmm_seam.arenas_stay);
	found |= empty_caches();
	pthread_mutex_unlock(&vmm_seam.arenas_stay);
	return found || waited;
}

/*
 * Not by jemalloc's control interface: that would begin by making a copy of all statistics, in a pool that is full.
 */
static bool reclaim_for(size_t bytes)
{
	struct pool_header *header = vmm.heap.pool.header;

	if (bytes >= LARGE_LEAST && je_tsd_tls[0])
		je_tcache_flush(je_tsd_tls);
	if (!vmm_seam_reclaim())
		return false;
	vmm_heap_count(&vmm.heap, &header->reclaims, 1);
	TRACE(2, "the arenas' caches are empty now");
	return true;
}

/* What is taken from the pool, but for where. */
struct request {
	size_t bytes, align;
	enum vmm_heap_use use;
	bool *zero;
};

/* The heap takes pools until there is room in the tier, or no pool more. */
static void *map_from_grown(const struct request *request, size_t tier)
{
	void *address = NULL;
	size_t files;

	for (int i = 0; !address && i < GROW_MOST; i++) {
		files = vmm_heap_files(&vmm.heap);
		address = vmm_heap_take(&vmm.heap, tier, NULL, request->bytes, request->align, request->use,
					request->zero);
		if (!address && !vmm_grow(request->bytes + request->align, tier, files))
			break;
	}
	return address;
}

/* From a tier, or from the first `count` of those that are to serve if that is ANY_TIER. */
static void *map_from_tiers(const struct request *request, size_t tier, size_t count, bool grows)
{
	unsigned char order[ENVIRONMENT_TIERS_MOST] = { (unsigned char)tier };
	void *address = NULL;

	if (tier == ANY_TIER)
		vmm_tiers_order(&vmm.heap.tiers, vmm_seam_thread.slab ? 0 : request->bytes, order);
	for (size_t i = 0; i < count && !address; i++)
		address = grows ? map_from_grown(request, order[i])
				: vmm_heap_take(&vmm.heap, order[i], NULL, request->bytes, request->align, request->use,
						request->zero);
	return address;
}

/* Runs on slow paths only. */
static void *map_from_pool(size_t tier, void *at, size_t bytes, size_t align, bool *zero)
{
	struct request request = { bytes, align, HEAP_FOR_PROGRAM, zero };
	size_t count = tier == ANY_TIER ? vmm.heap.tiers.count : 1;
	/* of several tiers one is full only when it cannot grow, and then the next one has room for all */
	bool grows = vmm.grow && (count > 1 || !vmm_seam_thread.shorter_follows);
	void *address;

	if (vmm_seam_thread.starting)
		request.use = HEAP_FOR_JEMALLOC;
	address = at ? vmm_heap_take(&vmm.heap, 0, at, bytes, align, request.use, zero)
		     : map_from_tiers(&request, tier, grows ? 1 : count, false);
	if (address || at || (vmm_seam_thread.starting && vmm_seam_thread.cache_missing))
		return address;
	if (reclaim_for(bytes))
		address = map_from_tiers(&request, tier, grows ? 1 : count, false);
	if (!address && grows)
		address = map_from_tiers(&request, tier, count, true);
	if (!address && !vmm_seam_thread.shorter_follows && !vmm_seam_thread.starting) {
		vmm_heap_count(&vmm.heap, &vmm.heap.pool.header->failed_requests, 1);
		TRACE(1, "no room for %zu bytes, aligned to %zu", bytes, align);
	}
	return address;
}

/*
 * Of what the pool could not serve, since a file system had refused space to this thread so many times. What grows
 * stays what it was.
 */
static enum pool_outside_reason find_reason(const char *at, size_t bytes, size_t align, uint64_t refusals)
{
	if (at)
		return vmm_outside_reason_of(&vmm.heap, at - 1);
	if (vmm_outside_is_too_large(&vmm.heap, bytes, align))
		return POOL_OUTSIDE_LARGE;
	return vmm_heap_thread.space_refusals == refusals ? POOL_OUTSIDE_FULL : POOL_OUTSIDE_SPACE;
}

void *vmm_seam_map_extent(void *at, size_t bytes, size_t align, bool *zero, bool *commit)
{
	int saved_errno = errno;
	uint64_t refusals = vmm_heap_thread.space_refusals;
	void *address = NULL;

	if (!vmm.has_pool)
		return map_outside(at, bytes, align, zero, commit, POOL_OUTSIDE_EARLY);
	if (vmm_come_back())
		(void)vmm_seam_reclaim();
	if (!at || in_pool(at))
		address = map_from_pool(ANY_TIER, at, bytes, align, zero);
	if (address && vmm_seam_thread.slab)
		TRACE(3, "for a slab: %p", address);
	if (address)
		*commit = true;
	else if (!in_pool(at) && vmm.config.on_full == ENVIRONMENT_ON_FULL_DRAM && !vmm_seam_thread.shorter_follows)
		address = map_outside(at, bytes, align, zero, commit, find_reason(at, bytes, align, refusals));
	errno = saved_errno;
	return address;
}

void *vmm_seam_map_in_tier(size_t tier, void *at, size_t bytes, size_t align, bool *zero, bool *commit)
{
	int saved_errno = errno;
	void *address;

	if (vmm_come_back())
		(void)vmm_seam_reclaim();
	address = map_from_pool(tier, at, bytes, align, zero);
	*commit = true;
	errno = saved_errno;
	return address;
}

/* jemalloc's edata_s, as it begins. */
struct extent {
	uint64_t bits;
	uintptr_t address;
};

void *vmm_seam_pages(void *tsdn, void *shard, size_t bytes, size_t align, bool slab, unsigned size_class, bool zero,
		     bool guarded, bool *deferred)
{
	const struct extent *extent;

	vmm_seam_thread.slab = slab;
	extent = je_pa_alloc(tsdn, shard, bytes, align, slab, size_class, zero, guarded, deferred);
	vmm_seam_thread.slab = false;
	if (extent)
		vmm_front_note(extent->address & ~(JEMALLOC_PAGE - 1), bytes, slab, size_class);
	return (void *)extent;
}

bool vmm_seam_may_merge(void *low, void *high)
{
	const struct vmm_heap *heap = &vmm.heap;

	if (!vmm.has_pool || heap->tiers.count == 1 || !in_pool(low) || !in_pool(high))
		return true;
	return vmm_tiers_of(&heap->tiers, &heap->pool, (uintptr_t)low) ==
	       vmm_tiers_of(&heap->tiers, &heap->pool, (uintptr_t)high);
}

bool vmm_seam_unmap_extent(void *address, size_t bytes)
{
	int saved_errno = errno;
	bool kept = false;

	if (in_pool(address)) {
		vmm_heap_give(&vmm.heap, address, bytes);
	} else {
		count_unmapped(address, bytes);
		kept = je_extent_dalloc_mmap(address, bytes);
	}
	errno = saved_errno;
	return kept;
}

/* When an arena is destroyed. */
bool vmm_seam_unmap_metadata(void *address, size_t bytes)
{
	if (in_pool(address)) {
		vmm_heap_give_metadata(&vmm.heap, address, bytes);
		return false;
	}
	return vmm_seam_unmap_extent(address, bytes);
}

void vmm_seam_destroy_extent(void *address, size_t bytes)
{
	(void)vmm_seam_unmap_extent(address, bytes);
}

bool vmm_seam_keep_pages(void *address, size_t bytes)
{
	(void)address, (void)bytes;
	return true;
}

/*
 * Without its metadata jemalloc would not fail but crash. So metadata may use the floor, and ordinary memory at last.
 */
static void *map_metadata_outside(size_t bytes, size_t align, enum pool_outside_reason reason)
{
	bool zero = true, commit = true;

	return map_outside(NULL, bytes, align, &zero, &commit, reason);
}

/* In whichever tier there is room, and the first that can grow. */
static void *metadata_from_pool(size_t bytes, size_t align)
{
	void *address = NULL;
	size_t files, tier = 0;

	for (int i = 0; !address && i < GROW_MOST; i++) {
		files = vmm_heap_files(&vmm.heap);
		address = vmm_heap_take_metadata(&vmm.heap, bytes, align);
		while (!address && !vmm_grow(bytes + align, tier, files))
			if (++tier == vmm.heap.tiers.count)
				return NULL;
	}
	return address;
}

void *vmm_seam_map_metadata(void *at, size_t bytes, size_t align, bool *zero, bool *commit)
{
	int saved_errno = errno;
	uint64_t refusals = vmm_heap_thread.space_refusals;
	void *address = vmm.has_pool ? metadata_from_pool(bytes, align) : NULL;

	(void)at;  /* jemalloc does not say where */
	if (!address)
		address = map_metadata_outside(bytes, align, vmm_heap_thread.space_refusals == refusals ?
					       POOL_OUTSIDE_METADATA_FULL : POOL_OUTSIDE_METADATA_SPACE);
	*zero = *commit = true;
	errno = saved_errno;
	return address;
}

/*
 * Metadata come from blocks of 2 MiB and more, which are not reserved as a whole. Where the file system has no space
 * left for a piece of one, the piece is ordinary memory.
 */
static void *reserved_metadata(void *address, size_t bytes)
{
	int saved_errno = errno;

	if (address && in_pool(address) && vmm_heap_reserve_metadata(&vmm.heap, address, bytes) < 0)
		address = map_metadata_outside(round_up(bytes, JEMALLOC_PAGE), JEMALLOC_PAGE,
					       POOL_OUTSIDE_METADATA_SPACE);
	errno = saved_errno;
	return address;
}

void *vmm_seam_metadata(void *tsdn, void *base, size_t bytes, size_t align)
{
	return reserved_metadata(je_base_alloc(tsdn, base, bytes, align), bytes);
}

/*
 * jemalloc's own function writes a serial number into it, by which extents are reused. Without one they are reused by
 * address.
 */
void *vmm_seam_extent_metadata(void *tsdn, void *base)
{
	return vmm_seam_metadata(tsdn, base, EXTENT_METADATA_BYTES, EXTENT_METADATA_ALIGN);
}

/*
 * Address space for the index of all of the pool, when the first part of it, of `bytes`, is asked for. How many levels
 * it has, and what a part covers, depends on the bits of an address that jemalloc was built for: 1 GiB for each leaf
 * if 48, 128 MiB if 57. A leaf has 8 or 16 bytes for each page, a node above it 8 for each part below.
 */
static size_t index_bytes(size_t bytes)
{
	uintptr_t first = (uintptr_t)vmm.heap.pool.base, last = first + vmm.heap.pool.room - 1;
	size_t entries = bytes / sizeof(void *), most = 0;

	for (uintptr_t covered = entries * JEMALLOC_PAGE; covered < ADDRESSES; covered *= entries)
		most += (last / covered - first / covered + 1) * 2 * bytes;
	return most;
}

static void *map_index(size_t bytes, int protection)
{
	void *address = kernel_mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (kernel_error(address))
		return NULL;
	(void)kernel_madvise(address, bytes, MADV_DONTDUMP);
	return address;
}

/*
 * The index has eight bytes or more for each page of the pool, in leaves that are touched here and there. In the pool
 * each leaf would have to be reserved as a whole. And free() looks into it first, so it is better off in fast memory.
 *
 * Its address space is taken at the start. A process that has a limit of it later (RLIMIT_AS) would get no more of its
 * own pool than the leaves cover that it has by then. Unused, it counts in no other limit.
 */
void *vmm_seam_map_index(void *tsdn, void *base, size_t bytes)
{
	char *part = vmm_seam.index_next;

	(void)tsdn, (void)base;  /* 5.3.0 also asks for the alignment of a cache line */
	if (!part && vmm.has_pool) {
		size_t all = index_bytes(bytes);

		part = map_index(all, PROT_NONE);
		vmm_seam.index_next = part;
		vmm_seam.index_end = part ? part + all : NULL;
	}
	/* a filter may refuse the one call, and let the other pass */
	if (!part || (size_t)(vmm_seam.index_end - part) < bytes ||
	    kernel_mprotect(part, bytes, PROT_READ | PROT_WRITE) < 0)
		return map_index(bytes, PROT_READ | PROT_WRITE);
	vmm_seam.index_next = part + bytes;
	return part;
}

void *vmm_seam_cache_memory(void *tsdn, void *arena, size_t bytes, size_t align, bool zero SLAB(bool slab),
			    void *tcache)
{
	void *memory = je_arena_palloc(tsdn, arena, bytes, align, zero SLAB(slab), tcache);

	if (vmm_seam_thread.starting)
		vmm_seam_thread.cache_missing = !memory;
	return memory;
}

/*
 * jemalloc 5.3.0 does not notice that it got no memory for the cache, and would crash at its first use; later versions
 * write a line. There is another kind of thread that has none: the first field of struct tsd_s says so,
 * tcache_enabled. It begins anew when the pool has room again.
 */
bool vmm_seam_start_thread(void *tsd)
{
	bool *has_cache = tsd, failed;

	vmm_seam_thread.starting = true;
	failed = je_tsd_tcache_enabled_data_init(tsd);
	vmm_seam_thread.starting = false;
	if (*has_cache && vmm_seam_thread.cache_missing) {
		*has_cache = false;
		je_tsd_slow_update(tsd);
	}
	return failed;
}

void vmm_seam_be_silent(const char *text)
{
	(void)text;
}

/*
 * A cache must have an arena, and since 5.3.1 a request, too. Where there is no memory for the metadata of another, it
 * is the first one. The thread is not bound to that, so the next call tries again.
 */
void *vmm_seam_choose_arena(void *tsd, bool internal)
{
	void *arena = je_arena_choose_hard(tsd, internal);

	return arena ? arena : __atomic_load_n(&je_arenas[0], __ATOMIC_ACQUIRE);
}

/* For whatever arena is found by other ways: a cache would be moved to none. */
void vmm_seam_associate_cache(void *tsdn, void *cache_slow CACHE(void *cache), void *arena)
{
	if (arena)
		je_tcache_arena_associate(tsdn, cache_slow CACHE(cache), arena);
}

void vmm_seam_reassociate_cache(void *tsdn, void *cache_slow CACHE(void *cache), void *arena)
{
	if (arena)
		je_tcache_arena_reassociate(tsdn, cache_slow CACHE(cache), arena);
}

void *vmm_seam_malloc_hard(void *tsdn, void *arena, size_t bytes, unsigned size_class, bool zero SLAB(bool slab))
{
	void *pointer;

	if (bytes < LARGE_LEAST || !vmm.has_pool || bytes > vmm.heap.pool.room)
		return je_arena_malloc_hard(tsdn, arena, bytes, size_class, zero SLAB(slab));
	vmm_seam_thread.shorter_follows = true;
	pointer = je_arena_malloc_hard(tsdn, arena, bytes, size_class, zero SLAB(slab));
	vmm_seam_thread.shorter_follows = false;
	if (!pointer)
		pointer = je_large_palloc(tsdn, arena, round_up(bytes, JEMALLOC_PAGE), CACHE_LINE, zero);
	return pointer;
}

/*
 * Whoever frees a block is no user of memory yet: 5.3.0 gives such a thread no cache, however many blocks it frees, and
 * looks for what is to be done now and then at each of them. It gets one after some.
 */
void *vmm_seam_fetch_thread(void *tsd, bool only_frees)
{
	if (only_frees && vmm_seam_thread.frees < FREES_WITHOUT_CACHE)
		vmm_seam_thread.frees++;
	else
		only_frees = false;
	return je_tsd_fetch_slow(tsd, only_frees);
}

static void look_after(void)
{
	(void)vmm_come_back();
	if (vmm.has_pool && vmm_heap_release(&vmm.heap))
		vmm_transfer_age();
	if (vmm.grow && vmm_release_has_idle_files(&vmm.heap.release))
		vmm.leave();
}

void vmm_seam_event(void *tsd, void *context)
{
	look_after();
	if (vmm_seam_thread.cache_missing)
		(void)vmm_seam_start_thread(tsd);
	je_te_event_trigger(tsd, context);
}

/* jemalloc knows nothing of these calls. What it would do is to empty a part of the thread's cache that is not used. */
void vmm_seam_look_after(void)
{
	int saved_errno = errno;

	vmm_front_thread.calls_left = FRONT_CALLS;
	look_after();
#ifdef JEMALLOC_FILLS_ARRAY
	je_tcache_gc_te_handler.handle(je_tsd_tls);
#else
	je_tcache_gc_event_handler(je_tsd_tls, UINT64_MAX);
#endif
	errno = saved_errno;
}

bool vmm_seam_has_block(const void *pointer)
{
	size_t free_regions, regions, bytes = 1;

	if (in_pool(pointer))
		je_inspect_extent_util_stats_get(NULL, pointer, &free_regions, &regions, &bytes);
	return bytes != 0;
}

size_t vmm_seam_short_bytes(const void *pointer, size_t class_bytes)
{
	size_t free_regions, regions, bytes;

	if (class_bytes < LARGE_LEAST)
		return 0;
	je_inspect_extent_util_stats_get(NULL, pointer, &free_regions, &regions, &bytes);
	return bytes < class_bytes ? bytes : 0;
}

void *vmm_seam_realloc(void *pointer, size_t bytes)
{
	int saved_errno = errno;
	void *moved;

	vmm_seam_thread.shorter_follows = bytes >= LARGE_LEAST && in_pool(pointer) && bytes <= vmm.heap.pool.room;
	moved = je_realloc(pointer, bytes);
	vmm_seam_thread.shorter_follows = false;
	errno = saved_errno;
	return moved;
}

/* jemalloc wants a whole size class. That is tried first, of the one that is really wanted. */
bool vmm_seam_expand(void *tsdn, void *shard, void *extent, size_t old_bytes, size_t bytes, unsigned size_class,
		     bool zero, bool *deferred)
{
	struct vmm_seam_thread *thread = &vmm_seam_thread;

	if (!thread->grows_to)
		return je_pa_expand(tsdn, shard, extent, old_bytes, bytes, size_class, zero, deferred);
	if (thread->keeps_class)
		size_class--;
	else if (!je_pa_expand(tsdn, shard, extent, old_bytes, bytes, size_class, zero, deferred))
		thread->has_grown = true;
	if (!thread->has_grown)
		thread->has_grown = !je_pa_expand(tsdn, shard, extent, old_bytes, thread->grows_to, size_class, zero,
						  deferred);
	return !thread->has_grown;
}

/* jemalloc is asked for a larger size class than the block's, so that it finds the extent and asks for more of it. */
bool vmm_seam_grow(void *pointer, size_t class_bytes, size_t bytes)
{
	struct vmm_seam_thread *thread = &vmm_seam_thread;
	int saved_errno = errno;

	if (class_bytes < LARGE_LEAST || !in_pool(pointer) || bytes > vmm.heap.pool.room)
		return false;
	thread->keeps_class = bytes <= class_bytes;
	thread->grows_to = round_up(bytes, JEMALLOC_PAGE);
	thread->has_grown = false;
	(void)je_xallocx(pointer, thread->keeps_class ? class_bytes + 1 : bytes, 0, 0);
	thread->grows_to = 0;
	errno = saved_errno;
	return thread->has_grown;
}
