/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libvmmalloc.h -- the heap of a program on a memory-mapped file.
 *
 * A program that is linked with -lvmmalloc, or run with LD_PRELOAD=libvmmalloc.so.1, gets its heap from a pool
 * file that the environment names: libvmmalloc(7). The allocation functions keep their declarations in <stdlib.h>
 * and <malloc.h>; this header adds the constants and a small interface to the pool: libvmmalloc(3).
 *
 * All functions may be called from any thread, allocate nothing, leave errno alone, and may be called in a child
 * after fork(2): they then speak of the child's own heap.
 */
#ifndef LIBVMMALLOC_H
#define LIBVMMALLOC_H 1

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <malloc.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header: major.minor.patch. Minor versions add, major versions break. */
#define VMMALLOC_MAJOR_VERSION 1
#define VMMALLOC_MINOR_VERSION 3
#define VMMALLOC_PATCH_VERSION 0
#define VMMALLOC_VERSION "1.3.0"

/* The least that VMMALLOC_POOL_SIZE may be: 14 MiB. */
#define VMMALLOC_MIN_POOL ((size_t)(1024 * 1024 * 14))

/* Where the heap is: struct vmmalloc_stats, mode. */
#define VMMALLOC_MODE_ORDINARY 0  /* no pool: a set-uid program, or none could be made: VMMALLOC_ON_FAIL */
#define VMMALLOC_MODE_POOL 1      /* on the pool file */
#define VMMALLOC_MODE_PRIVATE 2   /* a private copy of the pool since a fork */
#define VMMALLOC_MODE_RETURNING 3 /* after a fork: what is new is on the pool file, what is older may not be */

/* Figures of the pool. Bytes, unless it says otherwise. */
struct vmmalloc_stats {
	uint64_t mode;             /* VMMALLOC_MODE_* */
	uint64_t pool_bytes;       /* size of the pool file */
	uint64_t reserved_bytes;   /* of it, allocated by the file system so far */
	uint64_t used_bytes;       /* of it, handed to the allocator, whose metadata are included */
	uint64_t peak_bytes;       /* the most that used_bytes ever was */
	uint64_t metadata_bytes;   /* of used_bytes, the allocator's own bookkeeping */
	uint64_t outside_bytes;    /* ordinary memory in use: the sum of the outside_*_bytes below */
	uint64_t failed_requests;  /* requests for space that the pool could not serve (count) */
	uint64_t forks;            /* forks of this process (count) */
	uint64_t private_bytes;    /* of the pool, in use or not, what is private memory since a fork */
	uint64_t outside_metadata_bytes;  /* the allocator's own bookkeeping that had no room; since 1.3 */
	uint64_t outside_early_bytes;     /* what was asked for while there was no pool; since 1.3, as all below */
	uint64_t outside_full_bytes;      /* VMMALLOC_ON_FULL=dram: the pool was full, */
	uint64_t outside_space_bytes;     /*   or the file system, */
	uint64_t outside_large_bytes;     /*   or it is larger than the pool */
};

/*
 * Fills the first `bytes` bytes of `stats`: pass sizeof(struct vmmalloc_stats), so that a program built against an
 * older header goes on working. Each figure is read whole, but they need not all be of the same moment.
 * Returns 0, or -1 and does nothing if `stats` is NULL.
 */
int vmmalloc_stats(struct vmmalloc_stats *stats, size_t bytes);

/* 1 if the byte at `pointer` lies in the pool's mapping, else 0. */
int vmmalloc_contains(const void *pointer);

/*
 * Tiers: a heap on several kinds of memory, VMMALLOC_POOL and VMMALLOC_POOL_DIR in libvmmalloc(7). They are numbered
 * from 0 on, in the order in which the environment names them. Since 1.3.
 */
struct vmmalloc_tier_stats {
	uint64_t pool_bytes;       /* size of the tier's pools, less their headers */
	uint64_t used_bytes;       /* of it, handed to the allocator, whose metadata are included */
	uint64_t peak_bytes;       /* the most that used_bytes ever was */
	uint64_t pools;            /* how many pool files it has (count) */
};

/* How many tiers the heap has: 1 or more; 0 if there is no pool. */
unsigned vmmalloc_tiers(void);

/* As vmmalloc_stats, for a tier. Returns 0, or -1 and does nothing if `stats` is NULL or there is no such tier. */
int vmmalloc_tier_stats(unsigned tier, struct vmmalloc_tier_stats *stats, size_t bytes);

/* The tier that the byte at `pointer` lies in; -1 if it is in none. */
int vmmalloc_tier_of(const void *pointer);

/*
 * The number of an arena for mallocx(size, MALLOCX_ARENA(n)), jemalloc(3): its blocks lie in that tier, or there are
 * none. They can be freed like any other. It is made when it is first asked for, takes 2 MiB of the pool, and is the
 * same one in all threads. -1 if there is no such tier, or no memory for it.
 */
int vmmalloc_arena(unsigned tier);

/* The version of the library that runs, as "1.2.0"; static storage. */
const char *vmmalloc_version(void);

/* Older programs call it; it is free(). glibc no longer declares it. */
void cfree(void *pointer);

#ifdef __cplusplus
}
#endif

#endif
