/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * front -- malloc and free in front of jemalloc's: what a thread's cache has room for, or has, and nothing else.
 *
 * jemalloc's own functions keep accounts for each block that goes through a thread's cache: of bytes, which tell it
 * when to look after other things, and of requests; and free() finds a block's size class in an index of all addresses,
 * of several levels. Here free() finds it in one table, of a byte for each page of the pool, which the arenas fill as
 * they take slabs; nothing is counted but calls, to look after other things after some of them. All else is jemalloc's:
 * its caches, how they are filled and flushed, and whatever they have not. So its figures of what a thread allocated
 * and freed (thread.allocated, requests of a bin) know nothing of what went through here.
 *
 * A thread's cache is known here from the first time on that jemalloc fills it for malloc(), until jemalloc does
 * something to the thread that is not for its cache to serve: takes the cache away, as at the thread's end, or calls
 * the program's own functions for extents, which may allocate and free while a cache is half filled.
 */
#ifndef LIBVMMALLOC_JEMALLOC_FRONT_H
#define LIBVMMALLOC_JEMALLOC_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libvmmalloc/jemalloc/transfer.h"

#define FRONT_BYTES_MOST 4096  /* jemalloc's table of size classes ends there (SC_LOOKUP_MAXCLASS) */
#define FRONT_CALLS 2048       /* of free(): of blocks of 32 bytes, the 64 KiB that jemalloc waits for */

/* Size classes of the pool's pages: 0 if no small block begins there, else one more than jemalloc's number. */
struct vmm_front {
	uintptr_t base;
	size_t pages;            /* that the table has; more as extents come. Atomic */
	unsigned char *classes;  /* NULL: there is no table */
};

struct vmm_front_thread {
	struct vmm_cache_bin *bins;  /* the thread's cache, by size class; NULL if jemalloc is to be asked */
	int calls_left;              /* of free(), until other things are looked after */
	bool asks;                   /* by malloc(): what is filled for it is the thread's own cache */
};

extern struct vmm_front vmm_front;
extern __thread struct vmm_front_thread vmm_front_thread;

/* jemalloc's, for each eight bytes. */
extern const unsigned char je_sz_size2index_tab[];

/* What the cache has not. */
void *vmm_front_ask(size_t bytes);

/* With the pool, before there are extents. */
void vmm_front_start(void);

/* An arena took an extent, and nobody has a block of it yet. `size_class` is of a slab's objects. */
void vmm_front_note(uintptr_t address, size_t bytes, bool slab, unsigned size_class);

/* Any object but tcache.o: around tcache_alloc_small_hard(), tcache_cleanup() and tsd_slow_update() */
void *vmm_front_fill(void *tsdn, void *arena, void *cache, struct vmm_cache_bin *bin, unsigned size_class,
		     bool *success);
void vmm_front_end_cache(void *tsd);
void vmm_front_update_thread(void *tsd);

#endif
