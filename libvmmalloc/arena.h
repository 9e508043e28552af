/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * arena -- the seam between jemalloc and the heap. The only file that knows jemalloc's internals is arena.c.
 *
 * The build takes the distribution's static jemalloc apart and gives some references in some of its objects new
 * names (libvmmalloc/jemalloc.mk): where jemalloc would map, unmap or purge memory, read options, or start threads, it calls the
 * functions below. They are not for anybody else.
 */
#ifndef LIBVMMALLOC_ARENA_H
#define LIBVMMALLOC_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ehooks.o: extents of every arena */
void *vmm_arena_map_extent(void *at, size_t bytes, size_t align, bool *zero, bool *commit);
bool vmm_arena_unmap_extent(void *address, size_t bytes);
void vmm_arena_destroy_extent(void *address, size_t bytes);

/* ehooks.o, base.o: true for "not done": the pool's pages stay as they are */
bool vmm_arena_keep_pages(void *address, size_t bytes);

/* base.o: jemalloc's metadata */
void *vmm_arena_map_metadata(void *at, size_t bytes, size_t align, bool *zero, bool *commit);

/* rtree.o: the page index, in place of base_alloc() */
void *vmm_arena_map_index(void *tsdn, void *base, size_t bytes, size_t align);

/* tsd.o: a thread's first call, in place of tsd_tcache_enabled_data_init() */
bool vmm_arena_start_thread(void *tsd);

/* all objects: in place of secure_getenv(), readlink(), sbrk() and dlsym() */
char *vmm_arena_options(const char *name);
ssize_t vmm_arena_no_readlink(const char *path, char *buffer, size_t bytes);
void *vmm_arena_no_sbrk(intptr_t bytes);
void *vmm_arena_no_dlsym(void *handle, const char *name);

/* Empties the arenas' caches of free extents into the heap. True if there was anything in them. */
bool vmm_arena_reclaim(void);

#endif
