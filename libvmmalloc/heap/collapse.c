/* SPDX-License-Identifier: BSD-3-Clause */
/* collapse -- see collapse.h. */
#include "libvmmalloc/heap/collapse.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/madvise.h"
#include "common/base/round.h"
#include "libvmmalloc/base/clock.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/heap/pool.h"

#define TOUCH 2                              /* times what fallocate() takes, if the touch comes as well: 2.0 to 2.4 */
#define SMALL_MOST ((uint64_t)16 << 20)      /* bytes of which the measure is made; after that it fades */
#define HUGE_ENOUGH ((uint64_t)8 << 20)      /* to be judged */
#define PAUSE_LEAST ((size_t)64 << 20)
#define PAUSE_MOST ((size_t)4 << 30)

bool vmm_collapse_is_likely(const struct vmm_pool *pool, const struct vmm_pool_file *file)
{
	/* kernels with larger pages say that it is done, and do nothing (doc/arm64.md) */
	return pool->collapse.wait == 0 && file->is_tmpfs && vmm_collapse_choice != ENVIRONMENT_HUGE_PAGES_NEVER &&
	       !pool->mapping.is_private && !kernel_is_confined() && vmm_pool_table_bytes() == POOL_HUGE_PAGE;
}

/* A hole alone is not collapsed: there must be one page in each. 0 or -errno. */
static int collapse_pages(char *start, char *end)
{
	int r = 0;

	for (char *at = start; at < end && r == 0; at += POOL_HUGE_PAGE)
		r = kernel_madvise(at, kernel_page(), MADV_POPULATE_WRITE);
	if (r < 0)
		return r;
	r = kernel_madvise(start, (size_t)(end - start), MADV_COLLAPSE);
	/* a page may be busy for a moment */
	return r == -EAGAIN ? kernel_madvise(start, (size_t)(end - start), MADV_COLLAPSE) : r;
}

static void add_cost(struct vmm_collapse_cost *cost, size_t bytes, uint64_t ns)
{
	cost->bytes += bytes;
	cost->ns += ns;
}

void vmm_collapse_note_small(struct vmm_pool *pool, size_t bytes, uint64_t ns, bool touched)
{
	struct vmm_collapse *collapse = &pool->collapse;

	collapse->wait -= bytes < collapse->wait ? bytes : collapse->wait;
	add_cost(&collapse->small, bytes, touched ? ns : TOUCH * ns);
	while (collapse->small.bytes > SMALL_MOST) {
		collapse->small.bytes /= 2;
		collapse->small.ns /= 2;
	}
}

/*
 * Whether huge pages take longer than small ones would. The kernel may have to move others' pages to make one. And in a
 * virtual machine that reports its free memory to the host, it is in huge pages that it has none: page_reporting of the
 * kernel's mm is by pages of that size. Then the host has to find it first, and small pages are made of what is left.
 */
static bool is_slow(const struct vmm_collapse *collapse)
{
	/* in microseconds, so that no product is too large */
	uint64_t huge = collapse->huge.ns / 1000, small = collapse->small.ns / 1000;

	return huge * collapse->small.bytes > small * collapse->huge.bytes;
}

static void lengthen_pause(struct vmm_collapse *collapse)
{
	if (collapse->pause == 0)
		collapse->pause = PAUSE_LEAST;
	else if (collapse->pause < PAUSE_MOST)
		collapse->pause *= 2;
	collapse->wait = collapse->pause;
}

static void judge_cost(struct vmm_collapse *collapse)
{
	bool slow = vmm_collapse_choice == ENVIRONMENT_HUGE_PAGES_AUTO && is_slow(collapse);

	if (slow && collapse->was_slow)
		lengthen_pause(collapse);
	else if (!slow)
		collapse->pause = 0;
	collapse->was_slow = slow;
	collapse->huge = (struct vmm_collapse_cost){ 0 };
}

bool vmm_collapse(struct vmm_pool *pool, const struct vmm_pool_file *file, size_t offset, size_t bytes)
{
	struct vmm_collapse *collapse = &pool->collapse;
	char *start = (char *)round_up((uintptr_t)pool->base + offset, POOL_HUGE_PAGE);
	char *end = (char *)round_down((uintptr_t)pool->base + offset + bytes, POOL_HUGE_PAGE);
	uint64_t began;
	int r;

	if (start >= end || !vmm_collapse_is_likely(pool, file))
		return false;
	began = clock_now_ns();
	r = collapse_pages(start, end);
	TRACE(r < 0 ? 2 : 3, "huge pages at %p, %zu bytes: %s", (void *)start, (size_t)(end - start),
	      r < 0 ? strerrordesc_np(-r) : "done");
	add_cost(&collapse->huge, (size_t)(end - start), clock_now_ns() - began);
	if (r < 0)
		lengthen_pause(collapse);
	else if (collapse->huge.bytes >= HUGE_ENOUGH)
		judge_cost(collapse);
	return true;
}
