/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * info -- glibc's and jemalloc's ways to ask about the heap, and our own (libvmmalloc(3)).
 *
 * glibc's structures speak of its own allocator; the fields that have a meaning here are filled, the others are 0.
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/text.h"
#include "include/libvmmalloc.h"
#include "libvmmalloc/base/write.h"
#include "libvmmalloc/context/context.h"
#include "libvmmalloc/fork/comeback.h"
#include "libvmmalloc/heap/files.h"
#include "libvmmalloc/jemalloc/jemalloc.h"
#include "libvmmalloc/jemalloc/seam.h"

#pragma GCC visibility push(default)

#define CTL_READ_ONLY "background_thread"  /* the manual page promises that we never create threads */

static uint64_t figure(const uint64_t *figure)
{
	return __atomic_load_n(figure, __ATOMIC_RELAXED);
}

static uint64_t mode_of(uint64_t header_mode)
{
	switch (header_mode) {
	case POOL_HEADER_PRIVATE:
		return VMMALLOC_MODE_PRIVATE;
	case POOL_HEADER_RETURNING:
		return VMMALLOC_MODE_RETURNING;
	default:
		return VMMALLOC_MODE_POOL;
	}
}

static void add_reasons(const uint64_t bytes[POOL_OUTSIDE_REASONS], struct vmmalloc_stats *stats)
{
	stats->outside_metadata_bytes = figure(&bytes[POOL_OUTSIDE_METADATA_FULL]) +
					figure(&bytes[POOL_OUTSIDE_METADATA_SPACE]);
	stats->outside_early_bytes = figure(&bytes[POOL_OUTSIDE_EARLY]);
	stats->outside_full_bytes = figure(&bytes[POOL_OUTSIDE_FULL]);
	stats->outside_space_bytes = figure(&bytes[POOL_OUTSIDE_SPACE]);
	stats->outside_large_bytes = figure(&bytes[POOL_OUTSIDE_LARGE]);
}

int vmmalloc_stats(struct vmmalloc_stats *stats, size_t bytes)
{
	struct vmmalloc_stats now = { .mode = VMMALLOC_MODE_ORDINARY };

	if (!stats)
		return -1;
	now.outside_bytes = __atomic_load_n(&vmm.outside_bytes, __ATOMIC_RELAXED);
	if (vmm.has_pool) {
		const struct pool_header *header = vmm.heap.pool.header;

		now.mode = mode_of(figure(&header->mode));
		now.pool_bytes = header->pool_bytes;
		now.reserved_bytes = figure(&header->reserved_bytes);
		now.used_bytes = figure(&header->used_bytes);
		now.peak_bytes = figure(&header->peak_bytes);
		now.metadata_bytes = figure(&header->metadata_bytes);
		now.outside_bytes = figure(&header->outside_bytes);
		now.failed_requests = figure(&header->failed_requests);
		now.forks = figure(&header->forks);
		now.private_bytes = figure(&header->private_bytes);
		add_reasons(vmm_outside_figures(header)->bytes, &now);
	} else {
		now.outside_early_bytes = now.outside_bytes;
	}
	memcpy(stats, &now, bytes < sizeof(now) ? bytes : sizeof(now));
	return 0;
}

int vmmalloc_contains(const void *pointer)
{
	return vmm.has_pool && vmm_pool_contains(&vmm.heap.pool, pointer);
}

const char *vmmalloc_version(void)
{
	return VMMALLOC_VERSION;
}

/* Bytes that the program holds, as jemalloc counts them when its epoch is advanced. */
static size_t allocated_bytes(void)
{
	uint64_t epoch = 1;
	size_t allocated = 0, length = sizeof(allocated);

	(void)je_mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
	(void)je_mallctl("stats.allocated", &allocated, &length, NULL, 0);
	return allocated;
}

struct mallinfo2 mallinfo2(void)
{
	struct vmmalloc_stats stats;
	size_t allocated = allocated_bytes(), held;

	(void)vmmalloc_stats(&stats, sizeof(stats));
	held = stats.used_bytes + stats.outside_bytes;
	if (held < allocated)
		held = allocated;
	return (struct mallinfo2){
		.arena = held,                                     /* taken from the pool */
		.uordblks = allocated,                             /* in use by the program */
		.fordblks = held - allocated,                      /* cached, fragments and metadata */
		.keepcost = stats.reserved_bytes > stats.used_bytes ? stats.reserved_bytes - stats.used_bytes : 0,
	};
}

static int as_int(size_t value)
{
	return value > INT_MAX ? INT_MAX : (int)value;
}

struct mallinfo mallinfo(void)
{
	struct mallinfo2 info = mallinfo2();

	return (struct mallinfo){
		.arena = as_int(info.arena),
		.uordblks = as_int(info.uordblks),
		.fordblks = as_int(info.fordblks),
		.keepcost = as_int(info.keepcost),
	};
}

/* glibc's tunables have no counterpart here; 1 says "done", and programs take it so. */
int mallopt(int parameter, int value)
{
	(void)parameter, (void)value;
	return 1;
}

/* Whether it gave anything back. */
int malloc_trim(size_t pad)
{
	int saved_errno = errno;
	struct vmmalloc_stats before, after;
	size_t released = 0;

	(void)vmmalloc_stats(&before, sizeof(before));
	(void)je_mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
	(void)vmm_seam_reclaim();
	if (vmm.grow && vmm_comeback_is_same_process())
		released = vmm_files_leave(&vmm.heap);
	if (vmm.has_pool)
		released += vmm_heap_trim(&vmm.heap, pad);
	(void)vmmalloc_stats(&after, sizeof(after));
	errno = saved_errno;
	return released > 0 || after.outside_bytes < before.outside_bytes;
}

void malloc_stats(void)
{
	struct vmmalloc_stats stats;
	char lines[768];
	struct text text = TEXT_INIT(lines);

	(void)vmmalloc_stats(&stats, sizeof(stats));
	text_add(&text, "libvmmalloc %s\n", VMMALLOC_VERSION);
	text_add(&text, "pool:      %lu bytes, %lu reserved\n", stats.pool_bytes, stats.reserved_bytes);
	text_add(&text, "used:      %lu bytes, %lu at the peak, %lu of it metadata\n", stats.used_bytes,
		 stats.peak_bytes, stats.metadata_bytes);
	text_add(&text, "in use:    %lu bytes\n", allocated_bytes());
	text_add(&text, "outside:   %lu bytes: %lu early, %lu full, %lu space, %lu large, %lu metadata\n",
		 stats.outside_bytes, stats.outside_early_bytes, stats.outside_full_bytes, stats.outside_space_bytes,
		 stats.outside_large_bytes, stats.outside_metadata_bytes);
	text_add(&text, "failed:    %lu requests\n", stats.failed_requests);
	(void)write_all(STDERR_FILENO, text.data, text.length, WRITE_IN_ORDER);
}

int malloc_info(int options, FILE *stream)
{
	struct vmmalloc_stats stats;

	if (options != 0) {
		errno = EINVAL;
		return -1;
	}
	(void)vmmalloc_stats(&stats, sizeof(stats));
	fprintf(stream,
		"<malloc version=\"libvmmalloc-%s\">\n"
		"<pool size=\"%lu\" reserved=\"%lu\" used=\"%lu\" peak=\"%lu\" metadata=\"%lu\" outside=\"%lu\"/>\n"
		"<outside early=\"%lu\" full=\"%lu\" space=\"%lu\" large=\"%lu\" metadata=\"%lu\"/>\n"
		"<system type=\"current\" size=\"%lu\"/>\n"
		"<system type=\"max\" size=\"%lu\"/>\n"
		"<requests failed=\"%lu\"/>\n"
		"</malloc>\n",
		VMMALLOC_VERSION, stats.pool_bytes, stats.reserved_bytes, stats.used_bytes, stats.peak_bytes,
		stats.metadata_bytes, stats.outside_bytes, stats.outside_early_bytes, stats.outside_full_bytes,
		stats.outside_space_bytes, stats.outside_large_bytes, stats.outside_metadata_bytes,
		stats.used_bytes + stats.outside_bytes,
		stats.peak_bytes + stats.outside_bytes, stats.failed_requests);
	return 0;
}

/* --- jemalloc's control interface, less what would break a promise of ours: declared in <jemalloc/jemalloc.h> --- */

int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes);
int mallctlbymib(const size_t *mib, size_t mib_length, void *old, size_t *old_bytes, void *new, size_t new_bytes);

int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes)
{
	if (new && strcmp(name, CTL_READ_ONLY) == 0)
		return EPERM;
	return je_mallctl(name, old, old_bytes, new, new_bytes);
}

int mallctlbymib(const size_t *mib, size_t mib_length, void *old, size_t *old_bytes, void *new, size_t new_bytes)
{
	size_t refused[1], length = 1;

	if (new && mib_length == 1 && je_mallctlnametomib(CTL_READ_ONLY, refused, &length) == 0 && mib[0] == refused[0])
		return EPERM;
	return je_mallctlbymib(mib, mib_length, old, old_bytes, new, new_bytes);
}
