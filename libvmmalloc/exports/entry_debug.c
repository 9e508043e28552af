/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * entry_debug -- the debug build's entry points, with a trace, where the normal build has aliases of jemalloc's; and
 * jemalloc's statistics at the end.
 */
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>

#include "include/libvmmalloc.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/jemalloc/jemalloc.h"
#include "libvmmalloc/jemalloc/seam.h"

#pragma GCC visibility push(default)

void *calloc(size_t number, size_t size)
{
	void *pointer = je_calloc(number, size);

	TRACE(4, "number %zu, size %zu = %p", number, size, pointer);
	return pointer;
}

int posix_memalign(void **pointer, size_t align, size_t size)
{
	int r = je_posix_memalign(pointer, align, size);

	TRACE(4, "alignment %zu, size %zu = %d, %p", align, size, r, r == 0 ? *pointer : NULL);
	return r;
}

void *aligned_alloc(size_t align, size_t size)
{
	void *pointer = je_aligned_alloc(align, size);

	TRACE(4, "alignment %zu, size %zu = %p", align, size, pointer);
	return pointer;
}

void dallocx(void *pointer, int flags);
void sdallocx(void *pointer, size_t size, int flags);

void dallocx(void *pointer, int flags)
{
	TRACE(4, "ptr %p", pointer);
	je_dallocx(pointer, flags);
}

void sdallocx(void *pointer, size_t size, int flags)
{
	TRACE(4, "ptr %p, size %zu", pointer, size);
	je_sdallocx(pointer, size, flags);
}

static void log_stats(void *unused, const char *string)
{
	(void)unused;
	vmm_trace_text(string);
}

__attribute__((destructor(102))) static void destructor(void)
{
	if (vmm_trace_wants_stats()) {
		vmm_trace_text("\n=========    vmem pool   ========\n");
		je_malloc_stats_print(log_stats, NULL, "gba");
	}
	TRACE(3, "the end");
}
