/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * transfer -- small blocks on their way from threads that free more than they allocate to those that allocate more.
 *
 * A thread whose cache is full gives half of it back: to jemalloc each block goes by itself, into the slab that it came
 * from, under the lock of that slab's arena. Where one thread allocates what another frees, all blocks go that way. So
 * a cache that is full leaves its blocks here, as they are, and one that is empty takes them from here, many at a time.
 *
 * What lies here is allocated as far as jemalloc knows, as is what lies in a thread's cache. There is not much of it,
 * nothing in a process of one thread, and nothing once there are arenas that the program made itself: those it may
 * destroy. Nobody waits for another thread: who finds a class's lock held goes to jemalloc. So a fork takes none of the
 * locks: what somebody was about to change stays locked in the child, and its class is not used there.
 *
 * Any thread may call these, none of them in a signal handler.
 */
#ifndef LIBVMMALLOC_JEMALLOC_TRANSFER_H
#define LIBVMMALLOC_JEMALLOC_TRANSFER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRANSFER_CLASSES 64       /* more than there are small size classes, for any size of page */
#define TRANSFER_BLOCKS_MOST 2048 /* of one class */

struct vmm_transfer_class {
	_Alignas(64) pthread_mutex_t lock;
	unsigned count;   /* atomic, for who only looks */
	unsigned unused;  /* the least that there were since vmm_transfer_age */
};

struct vmm_transfer {
	struct vmm_transfer_class classes[TRANSFER_CLASSES];
	void *blocks[TRANSFER_CLASSES][TRANSFER_BLOCKS_MOST];
};

extern struct vmm_transfer vmm_transfer;

/* A thread's cache of one size class, as jemalloc lays it out (cache_bin_s). It grows down, from `empty`. */
struct vmm_cache_bin {
	void **head;
	uint64_t requests;
	uint16_t low_water, full, empty;  /* low bits of addresses; low_water: the least that there was, for a while */
};

/* Any object but tcache.o: around tcache_bin_flush_small(). All but `kept` of the cache's blocks leave it. */
void vmm_transfer_flush(void *tsd, void *cache, struct vmm_cache_bin *bin, unsigned size_class, unsigned kept);

/* tcache.o: around what fills a cache that is empty, arena_cache_bin_fill_small() or arena_ptr_array_fill_small() */
#ifdef JEMALLOC_FILLS_ARRAY
/* Where the blocks go (cache_bin_ptr_array_s). */
struct vmm_cache_array {
	uint16_t room;
	void **blocks;
};

uint16_t vmm_transfer_fill(void *tsdn, void *arena, unsigned size_class, struct vmm_cache_array *array, uint16_t least,
			   uint16_t wanted, uint64_t requests);
#else
void vmm_transfer_fill(void *tsdn, void *arena, struct vmm_cache_bin *bin, const void *bin_info, unsigned size_class,
		       unsigned wanted);
#endif

/* All that lies here goes back to jemalloc, but for what is in other threads' hands. True if there was anything. */
bool vmm_transfer_empty(void);

/* What nobody has taken since this was last called goes back. */
void vmm_transfer_age(void);

#endif
