/* SPDX-License-Identifier: BSD-3-Clause */
/* thaw -- see thaw.h. */
#include "libvmmalloc/fork/thaw.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/round.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/mapping.h"
#include "libvmmalloc/heap/space.h"
#include "libvmmalloc/heap/walk.h"

/* /proc/PID/pagemap: one word a page. Documentation/admin-guide/mm/pagemap.rst */
#define PAGE_PRESENT ((uint64_t)1 << 63)
#define PAGE_SWAPPED ((uint64_t)1 << 62)
#define PAGE_OF_FILE ((uint64_t)1 << 61)
#define PAGE_EXCLUSIVE ((uint64_t)1 << 56)
#define PAGES_AT_ONCE 128               /* their words are on the stack, which may be a small one of signal handlers */

/*
 * A step ends with the huge page in which it has written so many pages, or looked at so many: a millisecond or two.
 * Where nobody has anything a look costs little, but not nothing.
 */
#define STEP_WRITTEN 512
#define STEP_LOOKED 32768
#define LOOK_LEAST 16

struct thaw {
	struct vmm_pool *pool;
	int pagemap;
	size_t written, looked;  /* pages, in this step */
	int error;  /* of the first step that failed: -errno */
};

static bool is_changed(uint64_t page)
{
	return (page & (PAGE_PRESENT | PAGE_SWAPPED)) && !(page & PAGE_OF_FILE);
}

/* Older kernels (6.1) do not say of DAX memory that it is a file's. But they do not call it exclusive either. */
static bool is_doubtful(uint64_t page)
{
	return (page & PAGE_PRESENT) && !(page & (PAGE_OF_FILE | PAGE_EXCLUSIVE));
}

/* The program may have made them inaccessible, and reading them would end it. The kernel says whether that is so. */
static bool are_readable(char *start, size_t bytes)
{
	return bytes > 0 && kernel_madvise(start, bytes, MADV_POPULATE_READ) == 0;
}

static bool is_as_frozen(const struct vmm_pool *pool, const char *page)
{
	const char *frozen = vmm_pool_frozen(pool, page);

	return frozen && memcmp(page, frozen, kernel_page()) == 0;
}

/* Compares pages that are doubtful with the file, and marks those that are alike as the file's. */
static void resolve_doubts(const struct vmm_pool *pool, char *start, uint64_t *pages, size_t count)
{
	for (size_t i = 0; pool->mapping.shadow && i < count;) {
		size_t first = i;
		bool readable;

		while (i < count && is_doubtful(pages[i]))
			i++;
		readable = are_readable(start + first * kernel_page(), (i - first) * kernel_page());
		for (size_t page = first; readable && page < i; page++)
			if (is_as_frozen(pool, start + page * kernel_page()))
				pages[page] |= PAGE_OF_FILE;
		while (i < count && !is_doubtful(pages[i]))
			i++;
	}
}

/* Writes the runs of changed pages among `count` pages from `start`. */
static int write_changed(struct thaw *thaw, const char *start, const uint64_t *pages, size_t count)
{
	const struct vmm_pool *pool = thaw->pool;
	const size_t page = kernel_page();

	for (size_t i = 0; i < count;) {
		size_t first = i;
		int r;

		while (i < count && is_changed(pages[i]))
			i++;
		r = vmm_pool_write(pool, (size_t)(start - pool->base) + first * page, start + first * page,
				   (i - first) * page);
		if (r < 0)
			return r;
		thaw->written += i - first;
		while (i < count && !is_changed(pages[i]))
			i++;
	}
	return 0;
}

static void thaw_stretch(void *context, char *start, size_t bytes)
{
	struct thaw *thaw = context;
	uint64_t pages[PAGES_AT_ONCE];

	for (size_t done = 0; done < bytes && thaw->error == 0;) {
		size_t left = (bytes - done) / kernel_page(), count = left < PAGES_AT_ONCE ? left : PAGES_AT_ONCE;
		ssize_t want = (ssize_t)(count * sizeof(*pages));
		off_t offset = (off_t)((uintptr_t)(start + done) / kernel_page() * sizeof(*pages));

		if (kernel_pread(thaw->pagemap, pages, (size_t)want, offset) != want) {
			thaw->error = -EIO;
		} else {
			resolve_doubts(thaw->pool, start + done, pages, count);
			thaw->error = write_changed(thaw, start + done, pages, count);
		}
		thaw->looked += count;
		done += count * kernel_page();
	}
}

static size_t longest_file(const struct vmm_pool *pool)
{
	size_t longest = 0;

	for (size_t i = 0; i < pool->files; i++) {
		const struct vmm_pool_file *file = vmm_pool_file(pool, i);
		size_t bytes = file->end - file->start + file->skip;

		longest = bytes > longest ? bytes : longest;
	}
	return longest;
}

static bool has_done_enough(const struct thaw *thaw)
{
	return thaw->written >= STEP_WRITTEN || thaw->looked >= STEP_LOOKED;
}

/* Where the stretch ends that is looked at in one go: a huge page, whose table can be moved as a whole. */
static uintptr_t stretch_end(const struct vmm_heap *heap, uintptr_t address)
{
	uintptr_t end = round_down(address, POOL_HUGE_PAGE) + POOL_HUGE_PAGE;

	if (address >= heap->low && address < heap->high)
		return heap->high;
	return address < heap->low && end > heap->low ? heap->low : end;
}

/* Writes what has changed in [start, end), which is private, or in the first part of it. Returns where that ends. */
static uintptr_t write_step(struct thaw *thaw, const struct vmm_heap *heap, uintptr_t start, uintptr_t end,
			    bool in_steps)
{
	while (start < end && thaw->error == 0 && !(in_steps && has_done_enough(thaw))) {
		uintptr_t next = stretch_end(heap, start);

		next = next < end ? next : end;
		if (start < heap->low || start >= heap->high)
			vmm_walk_used_between(heap, start, next, thaw_stretch, thaw);
		thaw->looked += LOOK_LEAST;
		start = next;
	}
	return start;
}

/* Writes and maps what is private, in order of address, as much as a step is. */
static void thaw_some(struct thaw *thaw, struct vmm_heap *heap)
{
	struct vmm_pool *pool = thaw->pool;
	bool in_steps = vmm_mapping_has_parts(pool);
	size_t offset = pool->grain, bytes;

	while (thaw->error == 0 && !(in_steps && has_done_enough(thaw)) &&
	       (bytes = vmm_mapping_next_private(pool, &offset)) > 0) {
		uintptr_t start = (uintptr_t)pool->base + offset;
		uintptr_t end = write_step(thaw, heap, start, start + bytes, in_steps);

		if (thaw->error == 0)
			thaw->error = vmm_mapping_thaw(pool, offset, end - start);
		if (thaw->error == 0)
			vmm_dump_again(&heap->dump, start, end);
		offset += end - start;
	}
}

int vmm_thaw(struct vmm_heap *heap)
{
	struct thaw thaw = { .pool = &heap->pool };

	if (!vmm_pool_has_fd(&heap->pool))
		return -EBADF;
	if (vmm_space_exceeds_file_limit(longest_file(&heap->pool)))
		return -EFBIG;
	thaw.pagemap = kernel_open("/proc/thread-self/pagemap", O_RDONLY | O_CLOEXEC, 0);
	if (thaw.pagemap < 0)
		return thaw.pagemap;
	thaw_some(&thaw, heap);
	(void)kernel_close(thaw.pagemap);
	return thaw.error < 0 ? thaw.error : vmm_mapping_is_back(&heap->pool) ? 0 : -EINPROGRESS;
}
