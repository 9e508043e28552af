/* SPDX-License-Identifier: BSD-3-Clause */
/* collapse -- see collapse.h. */
#include "libvmmalloc/heap/collapse.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/round.h"
#include "libvmmalloc/base/clock.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/heap/pool.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define PIECE ((size_t)16 << 20)             /* for each the kernel waits until all processors have looked up */
#define SLOW 3                               /* times what fallocate() takes: as long as it and the touch together */
#define SLOW_LEAST_NS 20000000u              /* of a piece: less is not looked at, it may be anything */
#define MEASURED ((uint64_t)16 << 20)        /* bytes of which the measure is made; after that it fades */
#define PAUSE_LEAST ((size_t)8 << 20)
#define PAUSE_MOST ((size_t)4 << 30)

/* Kernels with larger pages say that it is done, and do nothing (doc/arm64.md). */
static bool is_possible(const struct vmm_pool *pool, const struct vmm_pool_file *file)
{
	return file->is_tmpfs && !vmm_collapse_is_off && !pool->mapping.is_private && !kernel_is_confined() &&
	       vmm_pool_table_bytes() == POOL_HUGE_PAGE;
}

bool vmm_collapse_is_likely(const struct vmm_pool *pool, const struct vmm_pool_file *file)
{
	return pool->collapse.wait == 0 && is_possible(pool, file);
}

/* A hole alone is not collapsed: there must be one page in each. 0 or -errno. */
static int collapse_piece(char *start, char *end)
{
	int r = 0;

	for (char *at = start; at < end && r == 0; at += POOL_HUGE_PAGE)
		r = kernel_madvise(at, kernel_page(), MADV_POPULATE_WRITE);
	/* a page may be busy for a moment */
	for (int i = 0; i < 2 && (r == 0 || r == -EAGAIN); i++) {
		r = kernel_madvise(start, (size_t)(end - start), MADV_COLLAPSE);
		if (r == 0)
			break;
	}
	return r;
}

void vmm_collapse_note_small(struct vmm_pool *pool, size_t bytes, uint64_t ns)
{
	struct vmm_collapse *collapse = &pool->collapse;

	collapse->wait -= bytes < collapse->wait ? bytes : collapse->wait;
	collapse->small_bytes += bytes;
	collapse->small_ns += ns;
	while (collapse->small_bytes > MEASURED) {
		collapse->small_bytes /= 2;
		collapse->small_ns /= 2;
	}
}

/* Where the kernel has no huge page at hand it may move others' pages to make one, for as long as it likes. */
static bool is_slow(const struct vmm_collapse *collapse, size_t bytes, uint64_t ns)
{
	return ns > SLOW_LEAST_NS && ns / SLOW * collapse->small_bytes > collapse->small_ns * bytes;
}

static void reconsider(struct vmm_collapse *collapse, bool went_well)
{
	collapse->was_slow = false;
	if (went_well)
		collapse->pause = 0;
	else if (collapse->pause == 0)
		collapse->pause = PAUSE_LEAST;
	else if (collapse->pause < PAUSE_MOST)
		collapse->pause *= 2;
	collapse->wait = collapse->pause;
}

bool vmm_collapse(struct vmm_pool *pool, const struct vmm_pool_file *file, size_t offset, size_t bytes)
{
	char *start = (char *)round_up((uintptr_t)pool->base + offset, POOL_HUGE_PAGE);
	char *end = (char *)round_down((uintptr_t)pool->base + offset + bytes, POOL_HUGE_PAGE);

	if (start >= end || !vmm_collapse_is_likely(pool, file))
		return false;
	while (start < end) {
		char *to = (size_t)(end - start) < PIECE ? end : start + PIECE;
		uint64_t began = clock_now_ns();
		int r = collapse_piece(start, to);
		bool slow = is_slow(&pool->collapse, (size_t)(to - start), clock_now_ns() - began);
		bool goes_on = r == 0 && (!slow || !pool->collapse.was_slow);

		TRACE(r < 0 ? 2 : 3, "huge pages at %p, %zu bytes: %s", (void *)start, (size_t)(to - start),
		      r < 0 ? strerrordesc_np(-r) : slow ? "slow" : "done");
		reconsider(&pool->collapse, goes_on);
		pool->collapse.was_slow = goes_on && slow;
		if (!goes_on)
			break;
		start = to;
	}
	return true;
}
