/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * seam -- the seam between jemalloc and the heap. The only files that know jemalloc's internals are seam.c, and front.c
 * and transfer.c for threads' caches.
 *
 * The build takes the distribution's static jemalloc apart and gives some references in some of its objects new names
 * (libvmmalloc/jemalloc/references.txt): where jemalloc would map, unmap or purge memory, read options, or start
 * threads, it calls the functions below. They are not for anybody else.
 */
#ifndef LIBVMMALLOC_JEMALLOC_SEAM_H
#define LIBVMMALLOC_JEMALLOC_SEAM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Arguments, with the comma before them, that only some versions of jemalloc have: the traits of references.txt. */
#ifdef JEMALLOC_SAYS_SLAB
#define SLAB(argument) , argument
#else
#define SLAB(argument)
#endif
#ifdef JEMALLOC_FINDS_CACHE
#define CACHE(argument)
#else
#define CACHE(argument) , argument
#endif

#define SEAM_CPU_WORDS 1024  /* of 64 processors each: more than any kernel is built for */

/* seam.c's own. */
struct vmm_seam {
	uint64_t processors[SEAM_CPU_WORDS];  /* those that this process may run on, while they are counted */
	char options[448];                    /* jemalloc's, from its start on */
	/*
	 * Who empties the caches of arenas looks at arenas that are not its own, and nothing but this lock keeps them
	 * alive. It is taken after jemalloc's locks of its control interface and of background threads, and before
	 * those of arenas. A fork does not take it: it guards no state that those do not guard. In the child nobody
	 * has it.
	 */
	pthread_mutex_t arenas_stay;
	/* Of the index's address space what no part of it has yet. Guarded by jemalloc's lock of its index. */
	char *index_next, *index_end;
	bool locked_for_fork;                 /* vmm_seam_before_fork took jemalloc's locks; guarded by them */
};

extern struct vmm_seam vmm_seam;

/* What a call of ours higher up in this thread's stack wants those below it to know. */
struct vmm_seam_thread {
	unsigned frees;        /* of a thread that had nothing to do with jemalloc before */
	bool starting;         /* this thread's cache is being made: it may use the floor */
	bool cache_missing;    /* there was no room for it */
	bool slab;             /* an extent is for blocks that are smaller */
	bool shorter_follows;  /* a request for a whole size class: if it fails, one for fewer bytes follows */
	size_t grows_to;       /* 0, or what a large block is to have at least that grows where it is */
	bool keeps_class;      /* that is in its size class */
	bool has_grown;
};

extern __thread struct vmm_seam_thread vmm_seam_thread;

/* ehooks.o: extents of every arena */
void *vmm_seam_map_extent(void *at, size_t bytes, size_t align, bool *zero, bool *commit);
bool vmm_seam_unmap_extent(void *address, size_t bytes);
void vmm_seam_destroy_extent(void *address, size_t bytes);

/* ehooks.o, in place of extent_dss_mergeable(): no block may lie in two tiers */
bool vmm_seam_may_merge(void *low, void *high);

/* arena.o, around pa_alloc(): what an arena's extents are for */
void *vmm_seam_pages(void *tsdn, void *shard, size_t bytes, size_t align, bool slab, unsigned size_class, bool zero,
		     bool guarded, bool *deferred);

/* For arenas that are bound to a tier: tier_arenas.c. NULL if it is full, whatever room others have. */
void *vmm_seam_map_in_tier(size_t tier, void *at, size_t bytes, size_t align, bool *zero, bool *commit);

/* ehooks.o, base.o: true for "not done": the pool's pages stay as they are */
bool vmm_seam_keep_pages(void *address, size_t bytes);

/* base.o: jemalloc's metadata */
void *vmm_seam_map_metadata(void *at, size_t bytes, size_t align, bool *zero, bool *commit);
bool vmm_seam_unmap_metadata(void *address, size_t bytes);

/* arena.o, ctl.o, ...: in place of base_alloc(); edata_cache.o: in place of base_alloc_edata() */
void *vmm_seam_metadata(void *tsdn, void *base, size_t bytes, size_t align);
void *vmm_seam_extent_metadata(void *tsdn, void *base);

/* rtree.o: the page index, in place of base_alloc() or base_alloc_rtree() */
void *vmm_seam_map_index(void *tsdn, void *base, size_t bytes);

/* tsd.o: a thread's first call, in place of tsd_tcache_enabled_data_init() */
bool vmm_seam_start_thread(void *tsd);

/* tcache.o: memory for a cache, in place of arena_palloc() */
void *vmm_seam_cache_memory(void *tsdn, void *arena, size_t bytes, size_t align, bool zero SLAB(bool slab),
			    void *tcache);

/* tcache.o: in place of malloc_write(), of a thread that gets no cache */
void vmm_seam_be_silent(const char *text);

/*
 * Any object: around arena_choose_hard(). All but tcache.o: around tcache_arena_associate() and
 * tcache_arena_reassociate().
 */
void *vmm_seam_choose_arena(void *tsd, bool internal);
void vmm_seam_associate_cache(void *tsdn, void *cache_slow CACHE(void *cache), void *arena);
void vmm_seam_reassociate_cache(void *tsdn, void *cache_slow CACHE(void *cache), void *arena);

/* ctl.o: around arena_reset() and arena_destroy() */
void vmm_seam_reset(void *tsd, void *arena);
void vmm_seam_destroy(void *tsd, void *arena);

/* jemalloc.o: requests beyond the thread's cache, in place of arena_malloc_hard() */
void *vmm_seam_malloc_hard(void *tsdn, void *arena, size_t bytes, unsigned size_class, bool zero SLAB(bool slab));

/* large.o: a large block that grows where it is, around pa_expand() */
bool vmm_seam_expand(void *tsdn, void *shard, void *extent, size_t old_bytes, size_t bytes, unsigned size_class,
		     bool zero, bool *deferred);

/* jemalloc.o: a call of a thread that jemalloc is not ready to serve fast, around tsd_fetch_slow() */
void *vmm_seam_fetch_thread(void *tsd, bool only_frees);

/* jemalloc.o: now and then while a thread allocates and frees, every 64 KiB or so; around te_event_trigger() */
void vmm_seam_event(void *tsd, void *context);

/* The same after some calls of free() that jemalloc does not know of. */
void vmm_seam_look_after(void);

/* Around a fork, before and after the heap's own lock. Async-signal-safe while the process has one thread. */
void vmm_seam_before_fork(void);
void vmm_seam_after_fork(bool in_child);

/*
 * jemalloc.o or jemalloc_init.o: in place of pthread_mutex_trylock(). The first lock that jemalloc takes is the one of
 * its own start: the pool is made before it, so that whoever allocates meanwhile finds no lock held.
 */
int vmm_seam_trylock(pthread_mutex_t *mutex);

/* jemalloc.o or conf.o: in place of secure_getenv() */
char *vmm_seam_options(const char *name);

/* Empties the arenas' caches of free extents into the heap. True if there was anything in them. */
bool vmm_seam_reclaim(void);

/* For assertions: whether a block, rather than free space or the inside of a large block, is at `pointer`. */
bool vmm_seam_has_block(const void *pointer);

/*
 * jemalloc rounds a large request up to its size class, by up to a quarter. Where the pool has no room for that, but
 * for the request itself, the block is as short as the request, in whole pages. jemalloc does not know: it takes the
 * block for one of its class. Returns the real size of such a block, or 0 for any other. `class_bytes` is
 * what jemalloc says of `pointer`.
 */
size_t vmm_seam_short_bytes(const void *pointer, size_t class_bytes);

/*
 * realloc() of a block that is not short, and of a size that is not 0. NULL may mean that there is no room for a whole
 * size class only, and leaves errno alone: vmm_seam_grow() or malloc() is to follow.
 */
void *vmm_seam_realloc(void *pointer, size_t bytes);

/*
 * Has a block of the pool grow to so many bytes where it is, if what lies behind it is free: to its size class, or to a
 * short block. Only this lets one block have more than half of the pool, and grow. False, and nothing changed, if not.
 */
bool vmm_seam_grow(void *pointer, size_t class_bytes, size_t bytes);

#endif
