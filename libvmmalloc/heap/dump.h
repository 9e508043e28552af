/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dump -- keeps what nobody has out of core dumps.
 *
 * For a dump the kernel, and debuggers, read all of a shared mapping, and so make the file system allocate all of the
 * pool. What is not handed out is hidden from them (MADV_DONTDUMP), in whole granules. Each hidden stretch is a mapping
 * of its own to the kernel, which limits their number. So only large stretches are hidden, and those that have no
 * space.
 *
 * A new mapping hides nothing: a caller that maps the heap anew calls vmm_dump_again. The caller locks. Allocates
 * nothing; async-signal-safe.
 */
#ifndef LIBVMMALLOC_HEAP_DUMP_H
#define LIBVMMALLOC_HEAP_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libvmmalloc/heap/ranges.h"

struct vmm_dump {
	uintptr_t base, end;  /* of the mapping; the granules are counted from its base */
	size_t granule;       /* bytes */
	size_t unit;          /* bytes: extents are hidden in these, so that no page of 2 MiB is split */
	uint64_t *hidden;     /* bits.h: the granules */
	size_t runs;          /* how many stretches they make */
	bool is_off;          /* the kernel does not take it back: nothing is hidden any more */
	uint64_t hide_ns;     /* free space is not hidden before this time, CLOCK_MONOTONIC: */
	uintptr_t to_hide, to_hide_end;  /* where there is some to be looked at later; equal: nowhere */
};

/* `hidden` has room for a bit for each granule and one more, all zero. Nothing is hidden yet. */
void vmm_dump_init(struct vmm_dump *dump, char *base, size_t bytes, size_t granule, uint64_t *hidden);

/* The pool has so many bytes now. */
void vmm_dump_grow(struct vmm_dump *dump, size_t bytes);

/* Hides the whole units in [start, end), if that many bytes of them are not hidden yet. */
void vmm_dump_hide(struct vmm_dump *dump, uintptr_t start, uintptr_t end, size_t least);

/* Whether any granule that [start, end) touches is hidden. */
bool vmm_dump_hides(const struct vmm_dump *dump, uintptr_t start, uintptr_t end);

/* Shows all granules that [start, end) touches. */
void vmm_dump_show(struct vmm_dump *dump, uintptr_t start, uintptr_t end);

/* [start, end) is somebody's now, and shown. What follows it, up to `limit`, may be handed out soon. */
void vmm_dump_taken(struct vmm_dump *dump, uintptr_t start, uintptr_t end, uintptr_t limit);

/* [start, start + bytes) was given back and is in `free`: hides large free space around it, at once or later. */
void vmm_dump_freed(struct vmm_dump *dump, const struct ranges *free, uintptr_t start, size_t bytes);

/* [start, end) was mapped anew: hides what was hidden of it. */
void vmm_dump_again(const struct vmm_dump *dump, uintptr_t start, uintptr_t end);

#endif
