/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * outside -- ordinary memory that is in use in place of the pool's: how much, and why (enum pool_outside_reason).
 *
 * jemalloc joins neighbours and gives back parts, so what is given back may have come for several reasons. Which part
 * for which is known by address: for each reason but the first there is a set of ranges. What is in none of them is of
 * the first. The header has the figures.
 *
 * All functions may be called from any thread. They lock the heap's mutex, call nothing of jemalloc and may change
 * errno.
 */
#ifndef LIBVMMALLOC_HEAP_OUTSIDE_H
#define LIBVMMALLOC_HEAP_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/pool_header.h"
#include "libvmmalloc/heap/ranges.h"

struct vmm_heap;

struct vmm_outside {
	struct ranges ranges[POOL_OUTSIDE_REASONS];  /* by reason; the first stays empty */
};

/* Beside a header, which is at the beginning of its page. */
static inline struct pool_outside *vmm_outside_figures(const struct pool_header *header)
{
	return &((struct pool_page *)(uintptr_t)header)->outside;
}

/* A heap begins, and so many bytes of ordinary memory were in use before. */
void vmm_outside_begin(struct vmm_heap *heap, size_t bytes);

/* The heap goes on with another header. */
void vmm_outside_carry(const struct pool_header *from, struct pool_header *to);

/* [address, address + bytes) was mapped for that reason. */
void vmm_outside_add(struct vmm_heap *heap, const void *address, size_t bytes, enum pool_outside_reason reason);

/* It is to be unmapped, and still is mapped: nobody else can have the addresses yet. */
void vmm_outside_remove(struct vmm_heap *heap, const void *address, size_t bytes);

/* For what reason the byte at `address` is outside. */
enum pool_outside_reason vmm_outside_reason_of(struct vmm_heap *heap, const void *address);

/* Whether the pool had no room for a block if it had nothing but jemalloc's metadata. */
bool vmm_outside_is_too_large(struct vmm_heap *heap, size_t bytes, size_t align);

#endif
