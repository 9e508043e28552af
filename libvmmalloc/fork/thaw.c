/* SPDX-License-Identifier: BSD-3-Clause */
/* thaw -- see thaw.h. */
#include "libvmmalloc/fork/thaw.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

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

struct thaw {
	struct vmm_pool *pool;
	int pagemap;
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
static int write_changed(const struct vmm_pool *pool, const char *start, const uint64_t *pages, size_t count)
{
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
			thaw->error = write_changed(thaw->pool, start + done, pages, count);
		}
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
	vmm_walk_used(heap, thaw_stretch, &thaw);
	(void)kernel_close(thaw.pagemap);
	if (thaw.error == 0)
		thaw.error = vmm_mapping_thaw(&heap->pool);
	if (thaw.error == 0)
		vmm_heap_mapped_anew(heap);
	return thaw.error;
}
