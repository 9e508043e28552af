/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * jemalloc -- jemalloc's public functions under the private names that the build gives them.
 *
 * malloc, calloc, free, posix_memalign, aligned_alloc and some of the *allocx family are these functions themselves:
 * the linker makes them aliases (libvmmalloc/jemalloc/jemalloc.mk), so they cost nothing extra.
 */
#ifndef LIBVMMALLOC_JEMALLOC_JEMALLOC_H
#define LIBVMMALLOC_JEMALLOC_JEMALLOC_H

#include <stdbool.h>
#include <stddef.h>

void *je_malloc(size_t size);
void *je_calloc(size_t number, size_t size);
void *je_realloc(void *pointer, size_t size);
void je_free(void *pointer);
int je_posix_memalign(void **pointer, size_t align, size_t size);
void *je_aligned_alloc(size_t align, size_t size);
size_t je_malloc_usable_size(const void *pointer);
void *je_mallocx(size_t size, int flags);
void *je_rallocx(void *pointer, size_t size, int flags);
size_t je_xallocx(void *pointer, size_t size, size_t extra, int flags);
size_t je_sallocx(const void *pointer, int flags);
void je_dallocx(void *pointer, int flags);
void je_sdallocx(void *pointer, size_t size, int flags);
int je_mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes);
int je_mallctlnametomib(const char *name, size_t *mib, size_t *mib_length);
int je_mallctlbymib(const size_t *mib, size_t mib_length, void *old, size_t *old_bytes, void *new, size_t new_bytes);
void je_malloc_stats_print(void (*write)(void *, const char *), void *context, const char *options);

#endif
