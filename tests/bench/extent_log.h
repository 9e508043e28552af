/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * extent_log -- what a program asked of its heap: read from a log of the debug library, of level 3 and of one process
 * that keeps to one pool.
 *
 * The heap traces what it gives and takes back while it has its lock: the lines stand in the order in which it did so,
 * also with several threads.
 */
#ifndef TESTS_BENCH_EXTENT_LOG_H
#define TESTS_BENCH_EXTENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXTENT_PAGE ((size_t)4096)

enum extent_kind {
	EXTENT_TAKE,      /* an extent */
	EXTENT_GROW,      /* one more behind another one, there or nowhere */
	EXTENT_GIVE,
	EXTENT_METADATA,  /* a block of them, at the top */
	EXTENT_RESERVE,   /* file space for such */
	EXTENT_LOOK,      /* a period of VMMALLOC_RELEASE has passed */
};

struct extent_event {
	enum extent_kind kind;
	bool slab;
	uintptr_t address;
	size_t bytes, align;
};

struct extent_log {
	uintptr_t base;             /* of the pool */
	uintptr_t start;            /* behind its header */
	size_t pool_bytes;
	uintptr_t metadata;         /* the lowest */
	bool huge_pages;            /* the heap grew by such */
	size_t reserved_peak;       /* what was reserved at most */
	size_t reserved;
	struct extent_event *events;
	size_t count, room;
};

/* Exits with a line on standard error if the file is no such log. */
void extent_log_read(struct extent_log *log, const char *path);
void extent_log_drop(struct extent_log *log);

#endif
