/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * entry -- allocation functions that jemalloc has not, or not as C, POSIX and glibc want them.
 *
 * The others (malloc, free, ...) are jemalloc's own, under an alias: libvmmalloc/jemalloc.mk.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "libvmmalloc/engine.h"
#include "libvmmalloc/pool.h"

#pragma GCC visibility push(default)

/* jemalloc's own memalign and valloc leave errno alone when they fail; its aligned_alloc does not. */
void *memalign(size_t align, size_t size)
{
	return je_aligned_alloc(align ? align : 1, size);
}

void *valloc(size_t size)
{
	return je_aligned_alloc(POOL_PAGE, size);
}

void *pvalloc(size_t size)
{
	size_t whole;

	if (__builtin_add_overflow(size, POOL_PAGE - 1, &whole)) {
		errno = ENOMEM;
		return NULL;
	}
	return je_aligned_alloc(POOL_PAGE, whole & ~(POOL_PAGE - 1));
}

void *reallocarray(void *pointer, size_t number, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(number, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return je_realloc(pointer, bytes);
}
