/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * entry -- allocation functions that jemalloc has not, or not as C, POSIX and glibc want them, or that must know of
 * short blocks (seam.h).
 *
 * The others (calloc, ...) are jemalloc's own, under an alias: libvmmalloc/jemalloc/jemalloc.mk.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/pool_header.h"
#include "include/libvmmalloc.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/jemalloc/front_calls.h"
#include "libvmmalloc/jemalloc/jemalloc.h"
#include "libvmmalloc/jemalloc/seam.h"
#include "libvmmalloc/jemalloc/tier_arenas.h"

#pragma GCC visibility push(default)

void *malloc(size_t size)
{
	void *pointer = vmm_front_malloc(size);

	TRACE(4, "size %zu = %p", size, pointer);
	return pointer;
}

void free(void *pointer)
{
	TRACE(4, "ptr %p", pointer);
	ASSERT(vmm_seam_has_block(pointer));
	vmm_front_free(pointer);
}

/* jemalloc's own memalign and valloc leave errno alone when they fail; its aligned_alloc does not. */
void *memalign(size_t align, size_t size)
{
	TRACE(4, "alignment %zu, size %zu", align, size);
	return je_aligned_alloc(align ? align : 1, size);
}

void *valloc(size_t size)
{
	TRACE(4, "size %zu", size);
	return je_aligned_alloc(kernel_page(), size);
}

void *pvalloc(size_t size)
{
	size_t page = kernel_page(), whole;

	TRACE(4, "size %zu", size);
	if (__builtin_add_overflow(size, page - 1, &whole)) {
		errno = ENOMEM;
		return NULL;
	}
	return je_aligned_alloc(page, whole & ~(page - 1));
}

/* Only blocks that begin a page can be large ones; all others need no second look. */
static inline size_t short_bytes_of(const void *pointer, size_t class_bytes)
{
	return (size_t)pointer % POOL_PAGE_LEAST ? 0 : vmm_seam_short_bytes(pointer, class_bytes);
}

static inline size_t short_bytes(const void *pointer)
{
	if (!pointer || (size_t)pointer % POOL_PAGE_LEAST)
		return 0;
	return short_bytes_of(pointer, je_malloc_usable_size(pointer));
}

size_t malloc_usable_size(void *pointer)
{
	size_t bytes = short_bytes(pointer);

	return bytes ? bytes : je_malloc_usable_size(pointer);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static __attribute__((noinline, cold)) void *realloc_by_copy(void *pointer, size_t old_bytes, size_t size)
{
	void *moved = vmm_front_malloc(size);

	if (!moved)
		return NULL;
	memcpy(moved, pointer, smaller(old_bytes, size));
	vmm_front_free(pointer);
	return moved;
}

/*
 * Where the size class has no room, or the block is short: where it is, else elsewhere, which may empty the arenas'
 * caches, and so make room behind it.
 */
static __attribute__((noinline, cold)) void *realloc_short(void *pointer, size_t class_bytes, size_t old_bytes,
							   size_t size)
{
	int saved_errno = errno;
	void *moved;

	if (size > old_bytes && vmm_seam_grow(pointer, class_bytes, size))
		return pointer;
	moved = realloc_by_copy(pointer, old_bytes, size);
	if (!moved && size > old_bytes && vmm_seam_grow(pointer, class_bytes, size)) {
		errno = saved_errno;
		return pointer;
	}
	return moved;
}

void *realloc(void *pointer, size_t size)
{
	size_t class_bytes = pointer ? je_malloc_usable_size(pointer) : 0;
	size_t bytes = pointer ? short_bytes_of(pointer, class_bytes) : 0;
	void *moved;

	TRACE(4, "ptr %p, size %zu", pointer, size);
	if (!pointer || !size)
		return je_realloc(pointer, size);
	if (bytes) {
		if (size <= bytes && size > bytes / 2)
			return pointer;
		return realloc_short(pointer, class_bytes, bytes, size);
	}
	/* jemalloc would count it as a new block of that size, and look after other things every 64 KiB */
	if (vmm_front_keeps(class_bytes, size))
		return pointer;
	moved = vmm_seam_realloc(pointer, size);
	/* no room for the new size class: malloc knows how to do with less */
	return moved ? moved : realloc_short(pointer, class_bytes, class_bytes, size);
}

void *reallocarray(void *pointer, size_t number, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(number, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(pointer, bytes);
}

void cfree(void *pointer)
{
	TRACE(4, "ptr %p", pointer);
	free(pointer);
}

/*
 * C23: glibc has them since 2.43, jemalloc since 5.3.1, which a program may be linked with. As in glibc the sizes are
 * of no matter: a program that is wrong about them frees its block all the same.
 */
void free_sized(void *pointer, size_t size);
void free_aligned_sized(void *pointer, size_t align, size_t size);

void free_sized(void *pointer, size_t size)
{
	TRACE(4, "ptr %p, size %zu", pointer, size);
	(void)size;
	free(pointer);
}

void free_aligned_sized(void *pointer, size_t align, size_t size)
{
	TRACE(4, "ptr %p, alignment %zu, size %zu", pointer, align, size);
	(void)align, (void)size;
	free(pointer);
}

/* --- jemalloc(3): declared in <jemalloc/jemalloc.h> --- */

void *mallocx(size_t size, int flags);
void *rallocx(void *pointer, size_t size, int flags);
size_t xallocx(void *pointer, size_t size, size_t extra, int flags);
size_t sallocx(const void *pointer, int flags);

/* A thread's cache has blocks of its own arena: none of it comes from an arena that the flags name for a tier. */
static inline int past_cache(int flags)
{
	return (unsigned)flags >> FLAGS_ARENA_SHIFT ? vmm_tier_flags(flags) : flags;
}

void *mallocx(size_t size, int flags)
{
	void *pointer = je_mallocx(size, past_cache(flags));

	TRACE(4, "size %zu, flags 0x%x: %p", size, (unsigned)flags, pointer);
	return pointer;
}

void *rallocx(void *pointer, size_t size, int flags)
{
	size_t bytes = short_bytes(pointer);
	void *moved;

	TRACE(4, "ptr %p, size %zu, flags 0x%x", pointer, size, (unsigned)flags);
	flags = past_cache(flags);
	if (!bytes)
		return je_rallocx(pointer, size, flags);
	moved = je_mallocx(size, flags);
	if (moved) {
		memcpy(moved, pointer, smaller(bytes, size));
		je_dallocx(pointer, flags);
	}
	return moved;
}

size_t xallocx(void *pointer, size_t size, size_t extra, int flags)
{
	size_t bytes = short_bytes(pointer);

	return bytes ? bytes : je_xallocx(pointer, size, extra, flags);
}

size_t sallocx(const void *pointer, int flags)
{
	size_t bytes = short_bytes(pointer);

	return bytes ? bytes : je_sallocx(pointer, flags);
}
