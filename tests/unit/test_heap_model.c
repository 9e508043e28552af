/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_heap_model -- the heap on a real file against an array of pages that says whose each is and what is in it.
 *
 * A walk takes, grows, gives back in parts and trims at random, for the program and for jemalloc. On its way the heap
 * takes files more and leaves the last, becomes private, returns in parts or wholly, moves to another file, and the
 * file system and the kernel refuse now and then. What is handed out must be nobody else's, lie as low as it can, hold
 * zeros where zeros are promised, and keep its bytes through all of that. After each step the free ranges must be a
 * treap of just what nobody has, what was ever handed out must lie below `fresh`, what can be touched must be reserved,
 * and the figures must be those of the pages.
 * model.h says how a walk is repeated.
 */
/* objects: libvmmalloc/heap/ libvmmalloc/fork/ libvmmalloc/base/ libvmmalloc/ common/base/ */
/* wrap: kernel_fallocate kernel_madvise kernel_mmap kernel_mremap kernel_pread kernel_clock_gettime */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "common/base/round.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/fork/copy.h"
#include "libvmmalloc/fork/thaw.h"
#include "libvmmalloc/heap/bits.h"
#include "libvmmalloc/heap/files.h"
#include "libvmmalloc/heap/heap.h"
#include "libvmmalloc/heap/mapping.h"
#include "libvmmalloc/heap/remap.h"
#include "libvmmalloc/heap/reserve.h"
#include "libvmmalloc/heap/table.h"
#include "libvmmalloc/heap/walk.h"
#include "tests/unit/model.h"
#include "tests/unit/test.h"

#define PAGE kernel_page()            /* choose_page() */
#define PAGE_WORDS (PAGE / sizeof(uint64_t))
#define MOST_PAGES (48 * MIB / POOL_PAGE_LEAST)
#define SMALL_PAGES (6 * MIB / PAGE)   /* of a heap whose pages are all looked at after each step */
#define PART_PAGES (HEAP_GRANULE / PAGE)  /* mapping.h returns pieces of so many to the file */
#define BLOCKS 96
#define STEPS 4000
#define STEPS_BETWEEN_CHECKS 500
#define STEPS_BETWEEN_PAGES 50         /* of a large heap */
#define WALKS 24
#define DIR "/dev/shm"
#define NOWHERE ((size_t)-1)

struct block {
	char *address;                 /* NULL: none */
	size_t pages;
	bool is_metadata;
};

/* What the file system was asked for. */
struct file {
	bool reserved[MOST_PAGES];     /* for certain */
	bool exact;                    /* and no page more */
};

static struct {
	struct vmm_heap heap;
	struct vmm_pool clone;
	struct file files[2], *file;   /* *file: the heap's */
	struct file *asked;            /* the one that calls are about: the clone's while that is made */
	struct block blocks[BLOCKS];
	uint64_t stamps[MOST_PAGES];   /* each word of a page is; 0: nobody's, or metadata that nobody touched yet */
	unsigned char owner[MOST_PAGES];  /* number of the block, from 1; 0: nobody's */
	uint64_t had_ns[MOST_PAGES];   /* when it was somebody's last */
	bool dirty[MOST_PAGES];        /* somebody's, or below what was, since its space was last given back */
	uint64_t last_stamp, now_ns, peak, failed;
	unsigned refusals;             /* of 16 calls, how many the file system refuses */
	size_t room;                   /* bytes that a private mapping of the file may have; 0: any */
	size_t mappings;               /* how many of them there may be before all fail; 0: any number */
	bool no_shared;                /* the kernel maps no file shared */
	bool no_move;                  /* the kernel moves no mapping */
	bool no_table;                 /* there is no memory for what the heap needs to know of a new file */
	bool kept[MOST_PAGES];         /* of a file that is reserved wholly */
	bool reserve_all;              /* files are reserved wholly: VMMALLOC_RESERVE=full */
	bool began[MOST_PAGES];        /* a file did so there */
	bool growing;                  /* a file is being put behind the others, and is not known yet */
} model;

/* --- the file system and the kernel, which refuse now and then, and the clock --- */

static bool refuses(void)
{
	return model.refusals && model_below(16) < model.refusals;
}

static bool note_in_files(const struct vmm_pool *pool, struct file *known, int fd, size_t offset, size_t bytes)
{
	for (size_t i = pool == &model.clone ? 0 : 1; i < pool->files; i++) {
		const struct vmm_pool_file *file = vmm_pool_file(pool, i);

		if (file->fd == fd) {
			memset(known->reserved + (offset - file->skip + file->start) / PAGE, true, bytes / PAGE);
			return true;
		}
	}
	return false;
}

/* Notes that a file has space. What comes before a file's part of the pool is no page of it. */
static void note_reserved(int fd, size_t offset, size_t bytes)
{
	if (note_in_files(&model.heap.pool, model.file, fd, offset, bytes) ||
	    (model.asked != model.file && note_in_files(&model.clone, model.asked, fd, offset, bytes)))
		return;
	/* the first one; what a file has that is not behind the others yet is not in its part */
	if (model.asked == model.file ? !model.growing || fd == model.heap.pool.first.fd : !model.clone.files)
		memset(model.asked->reserved + offset / PAGE, true, bytes / PAGE);
}

int __real_kernel_fallocate(int fd, int mode, off_t offset, off_t bytes);
int __wrap_kernel_fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	int r;

	if (refuses()) {
		/* what was got before cannot be given back now */
		model.asked->exact = model.asked->exact && !model.heap.pool.mapping.is_private;
		return -ENOSPC;
	}
	r = __real_kernel_fallocate(fd, mode, offset, bytes);
	if (r == 0)
		note_reserved(fd, (size_t)offset, (size_t)bytes);
	return r;
}

/* A word of /proc/PID/pagemap for a page that is as many as `count` of the machine's. Documentation/.../pagemap.rst */
static uint64_t joined(const uint64_t *words, size_t count)
{
	const uint64_t there = (uint64_t)3 << 62, of_file = (uint64_t)1 << 61, exclusive = (uint64_t)1 << 56;
	uint64_t all = 0;

	for (size_t i = 0; i < count; i++) {
		if ((words[i] & there) && !(words[i] & of_file))
			return (words[i] & there) | exclusive;
		all |= words[i];
	}
	return all;
}

ssize_t __real_kernel_pread(int fd, void *buffer, size_t bytes, off_t offset);
ssize_t __wrap_kernel_pread(int fd, void *buffer, size_t bytes, off_t offset)
{
	size_t count = kernel_page() / getauxval(AT_PAGESZ);
	uint64_t *words = buffer, parts[16];

	for (size_t i = 0; i < bytes / sizeof(*words); i++) {
		size_t want = count * sizeof(*parts);

		if (__real_kernel_pread(fd, parts, want, (offset + (off_t)(i * sizeof(*words))) * (off_t)count) !=
		    (ssize_t)want)
			return -EIO;
		words[i] = joined(parts, count);
	}
	return (ssize_t)bytes;
}

static const struct vmm_pool *asked_pool(void)
{
	return model.asked == model.file ? &model.heap.pool : &model.clone;
}

int __real_kernel_madvise(void *address, size_t bytes, int advice);
int __wrap_kernel_madvise(void *address, size_t bytes, int advice)
{
	const struct vmm_pool *pool = asked_pool();

	/* a private heap's first page is touched, for core dumps. If it is a whole granule, it may be a hole. */
	if (advice == MADV_POPULATE_WRITE && model.heap.holes.bits && PAGE >= model.heap.holes.granule)
		model.asked->exact = false;
	if (advice != MADV_REMOVE)
		return __real_kernel_madvise(address, bytes, advice);
	if (model_below(16) < model.refusals) {
		model.asked->exact = false;
		return -EINTR;
	}
	if (vmm_pool_contains(pool, address))
		memset(model.asked->reserved + (size_t)((char *)address - pool->base) / PAGE, false, bytes / PAGE);
	return __real_kernel_madvise(address, bytes, advice);
}

void *__real_kernel_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_kernel_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	if (fd >= 0 && flags & MAP_PRIVATE && ((model.room && bytes > model.room) || model.mappings == 1))
		return (void *)(intptr_t)-ENOMEM;
	if (fd >= 0 && flags & MAP_PRIVATE && model.mappings)
		model.mappings--;
	if (model.no_table && fd < 0 && flags & MAP_FIXED && protection & PROT_WRITE)
		return (void *)(intptr_t)-ENOMEM;
	if (model.no_shared && fd >= 0 && flags & MAP_SHARED)
		return (void *)(intptr_t)-ENOMEM;
	return __real_kernel_mmap(at, bytes, protection, flags, fd, offset);
}

void *__real_kernel_mremap(void *from, size_t bytes, size_t new_bytes, int flags, void *to);
void *__wrap_kernel_mremap(void *from, size_t bytes, size_t new_bytes, int flags, void *to)
{
	if (model.no_move)
		return (void *)(intptr_t)-ENOMEM;
	return __real_kernel_mremap(from, bytes, new_bytes, flags, to);
}

int __real_kernel_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_kernel_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE)
		return __real_kernel_clock_gettime(clock, now);
	*now = (struct timespec){ .tv_sec = (time_t)(model.now_ns / 1000000000u),
				  .tv_nsec = (long)(model.now_ns % 1000000000u) };
	return 0;
}

/* --- pages --- */

static size_t all_pages(void)
{
	return model.heap.pool.size / PAGE;
}

static size_t page_at(uintptr_t address)
{
	return (address - (uintptr_t)model.heap.pool.base) / PAGE;
}

static size_t page_of(const char *address)
{
	return page_at((uintptr_t)address);
}

static char *address_of(size_t page)
{
	return model.heap.pool.base + page * PAGE;
}

static size_t tier_of(size_t page)
{
	size_t some = 1;

	return vmm_pool_file_at(&model.heap.pool, page * PAGE, &some)->tier;
}

static bool is_hole(size_t page)
{
	return bits_has(model.heap.holes.bits, page * PAGE / model.heap.holes.granule);
}

/* Between low and high nothing is reserved. */
static bool is_between(size_t page)
{
	return page >= page_at(model.heap.low) && page < page_at(model.heap.high);
}

static bool is_free(size_t page)
{
	return page > 0 && page < all_pages() && !model.owner[page] && !is_between(page);
}

static bool is_all(const char *page, uint64_t word)
{
	const uint64_t *words = (const uint64_t *)page;

	for (size_t i = 0; i < PAGE_WORDS; i++)
		if (words[i] != word)
			return false;
	return true;
}

static void expect_zero(size_t first, size_t pages, const char *what)
{
	for (size_t page = first; page < first + pages; page++)
		model_expect(is_all(address_of(page), 0), "page %zu: %s is not zero", page, what);
}

static unsigned char number_of(const struct block *block)
{
	return (unsigned char)(block - model.blocks + 1);
}

static void own(const struct block *block, const char *address, size_t pages)
{
	size_t first = page_of(address);

	model_expect(vmm_pool_contains(&model.heap.pool, address) && first > 0 && first + pages <= all_pages(),
		     "a block lies outside the heap");
	for (size_t page = first; page < first + pages; page++) {
		model_expect(!model.owner[page], "page %zu is handed out twice", page);
		model.owner[page] = number_of(block);
		model.dirty[page] = true;
		model.had_ns[page] = model.now_ns;
		model.stamps[page] = 0;
	}
	/* `fresh` is one mark: it passes what the alignment of a block leaves below it */
	for (size_t page = first; first < page_at(model.heap.high) && page > 1 && !model.dirty[page - 1]; page--)
		model.dirty[page - 1] = true;
}

static void stamp(const char *address, size_t pages)
{
	for (size_t page = page_of(address); pages > 0; page++, pages--) {
		model_expect(model.file->reserved[page], "page %zu of a block has no space in the file", page);
		model.stamps[page] = ++model.last_stamp;
		for (size_t i = 0; i < PAGE_WORDS; i++)
			((uint64_t *)address_of(page))[i] = model.last_stamp;
	}
}

/* Pages of metadata that nobody touched are not looked at: they may have no space. */
static void expect_stamps(const struct block *block)
{
	for (size_t page = page_of(block->address); page < page_of(block->address) + block->pages; page++)
		model_expect(!model.stamps[page] || is_all(address_of(page), model.stamps[page]),
			     "page %zu has lost its bytes", page);
}

/* --- the free ranges --- */

struct walk {
	uintptr_t end;                 /* of the range before */
	size_t nodes, bytes;
};

/* The longest range of the tree. */
static size_t expect_tree(const struct range *tree, uint64_t most, struct walk *walk)
{
	size_t longest, other;

	if (!tree)
		return 0;
	model_expect(tree->priority <= most, "a range has a higher priority than the one above it in the tree");
	longest = expect_tree(tree->left, tree->priority, walk);
	model_expect(tree->length > 0 && tree->length % PAGE == 0 && tree->start % PAGE == 0, "a range is no pages");
	model_expect(tree->start > walk->end, "free ranges touch, or are in disorder");
	walk->end = tree->start + tree->length;
	walk->nodes++;
	walk->bytes += tree->length;
	for (size_t page = page_at(tree->start); page < page_at(walk->end); page++)
		model_expect(is_free(page), "page %zu is in a free range and should not be", page);
	other = expect_tree(tree->right, tree->priority, walk);
	longest = longest > other ? longest : other;
	longest = longest > tree->length ? longest : tree->length;
	model_expect(tree->longest == longest, "a tree's longest range is %zu and not %zu", tree->longest, longest);
	return longest;
}

/* What the set says of one page. */
static void expect_found(size_t page)
{
	const struct ranges *ranges = &model.heap.free;
	uintptr_t address = (uintptr_t)address_of(page);
	const struct range *at = ranges_at(ranges, address), *next = ranges_next(ranges, address);
	const struct range *ending = ranges_ending_at(ranges, address);

	model_expect(at ? is_free(page) && at->start <= address && address - at->start < at->length : !is_free(page),
		     "page %zu is found or not", page);
	model_expect((ending != NULL) == (!is_free(page) && page > 1 && is_free(page - 1)) &&
		     (!ending || ending->start + ending->length == address), "a range ends at page %zu or not", page);
	while (page < all_pages() && (!is_free(page) || is_free(page - 1)))
		page++;
	model_expect(next ? page == page_at(next->start) : page == all_pages(), "the next range is not at %zu", page);
}

static void expect_ranges(void)
{
	const struct ranges *ranges = &model.heap.free;
	struct walk walk = { 0 };
	size_t nodes, pages = 0;

	(void)expect_tree(ranges->root, UINT64_MAX, &walk);
	model_expect(walk.bytes == ranges->free_bytes, "free_bytes is %zu and not %zu", ranges->free_bytes, walk.bytes);
	for (size_t page = 1; page < all_pages(); page++)
		pages += is_free(page);
	model_expect(walk.bytes == pages * PAGE, "%zu pages are in no free range", pages - walk.bytes / PAGE);
	for (int i = 0; i < 4; i++)
		expect_found(1 + model_below(all_pages() - 1));
	nodes = walk.nodes + (size_t)(ranges->unused_end - ranges->unused);
	for (const struct range *spare = ranges->spare; spare; spare = spare->right)
		nodes++;
	model_expect(nodes == model.heap.pool.most / PAGE / 2, "a node is lost");
}

/* --- what holds after each step --- */

static void expect_page(size_t page)
{
	const struct vmm_heap *heap = &model.heap;
	bool between = is_between(page), hole = is_hole(page);

	model_expect(!between || !model.owner[page], "page %zu is somebody's, between low and high", page);
	model_expect(between || hole || model.file->reserved[page], "page %zu is said to be reserved", page);
	model_expect(!hole || !model.stamps[page] || !model.owner[page], "page %zu is somebody's, and a hole", page);
	model_expect(!hole || model.owner[page] == 0 || model.blocks[model.owner[page] - 1].is_metadata,
		     "page %zu of an extent is a hole", page);
	model_expect(!model.dirty[page] || page < page_at(heap->fresh) || page >= page_at(heap->high),
		     "page %zu was somebody's, and is said not to have been", page);
}

static void expect_pages(void)
{
	size_t end = all_pages() * PAGE / model.heap.holes.granule * (model.heap.holes.granule / PAGE);

	for (size_t page = 1; page < all_pages(); page++)
		expect_page(page);
	for (size_t page = page_at(model.heap.low); page < end; page++)
		model_expect(!is_between(page) || !is_hole(page) ||
			     page * PAGE % model.heap.holes.granule >= model.heap.low % model.heap.holes.granule,
			     "page %zu is a hole, between low and high", page);
}

static void expect_bounds(void)
{
	const struct pool_header *header = model.heap.pool.header;
	const struct vmm_heap *heap = &model.heap;
	uintptr_t start = (uintptr_t)heap->pool.base + PAGE;

	model_expect(start <= heap->fresh && heap->fresh <= heap->low && heap->low <= heap->high &&
		     heap->high <= (uintptr_t)heap->pool.base + heap->pool.size, "start, fresh, low, high, end");
	model_expect((heap->low | heap->high | heap->fresh) % PAGE == 0, "half a page");
	model_expect(!heap->pool.more || heap->low % vmm_reserve_unit(heap) == 0 || heap->low == heap->high ||
		     model.began[page_at(heap->low)],
		     "what is reserved ends within a granule");
	model.peak = model.peak < header->used_bytes ? header->used_bytes : model.peak;
	model_expect(!heap->pool.mapping.shadow || heap->pool.mapping.is_private,
		     "there is a shadow that no thaw may use");
	model_expect(header->peak_bytes == model.peak, "peak_bytes is not the most that was used");
}

/* Of all files, but for the headers of those behind the first. */
static size_t file_bytes(void)
{
	const struct vmm_pool *pool = &model.heap.pool;
	size_t bytes = 0;
	struct stat st;

	for (size_t i = 0; i < pool->files; i++) {
		assert_int_equal(fstat(vmm_pool_file(pool, i)->fd, &st), 0);
		bytes += (size_t)st.st_blocks * 512;
	}
	return bytes - (pool->files - 1) * PAGE;
}

/* The header of a file behind the first has the figures of that. */
static void expect_file(const struct vmm_pool_file *file)
{
	size_t pages = 0;

	for (size_t page = file->start / PAGE; page < file->end / PAGE; page++)
		pages += model.owner[page] != 0;
	model_expect(file->header->used_bytes == pages * PAGE, "%zu bytes of a file are in use and not %zu",
		     (size_t)file->header->used_bytes, pages * PAGE);
	model_expect(file->header->reserved_bytes == (file->is_kept ? file->header->pool_bytes : PAGE),
		     "%zu bytes of a file are said to be reserved", (size_t)file->header->reserved_bytes);
}

static void expect_tiers(void)
{
	const struct vmm_tiers *tiers = &model.heap.tiers;
	size_t used[ENVIRONMENT_TIERS_MOST] = { 0 }, all[ENVIRONMENT_TIERS_MOST] = { 0 };

	for (size_t page = 1; page < all_pages(); page++) {
		all[tier_of(page)]++;
		used[tier_of(page)] += model.owner[page] != 0;
	}
	for (size_t i = 0; i < tiers->count; i++) {
		model_expect(tiers->tier[i].used == used[i] * PAGE, "of tier %zu %zu bytes are used and not %zu", i,
			     tiers->tier[i].used, used[i] * PAGE);
		model_expect(tiers->tier[i].bytes == all[i] * PAGE, "tier %zu has %zu bytes and not %zu", i,
			     tiers->tier[i].bytes, all[i] * PAGE);
	}
}

static void expect_figures(void)
{
	const struct pool_header *header = model.heap.pool.header;
	size_t metadata = 0, extents = 0, reserved = 1, bytes = file_bytes();

	for (size_t i = 0; i < BLOCKS; i++) {
		const struct block *block = &model.blocks[i];

		if (!block->is_metadata)
			extents += block->pages;
		for (size_t page = 0; block->is_metadata && page < block->pages; page++)
			metadata += !is_hole(page_of(block->address) + page);
	}
	for (size_t page = 1; page < all_pages(); page++)
		reserved += !is_between(page) && !is_hole(page);
	for (size_t i = 1; i < model.heap.pool.files; i++)
		expect_file(vmm_pool_file(&model.heap.pool, i));
	expect_tiers();
	model_expect(header->used_bytes - header->metadata_bytes == extents * PAGE, "used_bytes is not what is used");
	model_expect(header->metadata_bytes == metadata * PAGE, "metadata_bytes is %zu and not %zu",
		     (size_t)header->metadata_bytes, metadata * PAGE);
	model_expect(header->failed_requests == model.failed, "a figure was not counted");
	model_expect(header->reserved_bytes == (model.heap.all_reserved ? all_pages() : reserved) * PAGE,
		     "reserved_bytes is %zu and not %zu", (size_t)header->reserved_bytes, reserved * PAGE);
	model_expect(header->pool_bytes == all_pages() * PAGE, "pool_bytes is not the bytes of all files");
	model_expect(header->reserved_bytes <= bytes, "the files have less than is reserved");
	model_expect(!model.file->exact || header->reserved_bytes == bytes,
		     "the files have %zu pages more than is said to be reserved",
		     (bytes - header->reserved_bytes) / PAGE);
}

static void expect_step(void)
{
	expect_bounds();
	if (all_pages() > SMALL_PAGES && model_steps() % STEPS_BETWEEN_PAGES)
		return;
	expect_ranges();
	expect_pages();
	expect_figures();
}

/* --- what holds, and is looked at now and then --- */

/* [start, end) is one mapping to the kernel, hidden from core dumps or not. Whether it is the heap's. */
static bool expect_hidden(uintptr_t start, uintptr_t end, bool hidden)
{
	const struct vmm_dump *dump = &model.heap.dump;
	uintptr_t base = (uintptr_t)model.heap.pool.base;

	if (start < base || end > base + model.heap.pool.size)
		return false;
	for (uintptr_t page = start; page < end; page += PAGE) {
		size_t number = (page - base) / PAGE;

		model_expect(bits_has(dump->hidden, (page - base) / dump->granule) == hidden, "page %zu: %s", number,
			     hidden ? "it is hidden and should not be" : "it should be hidden");
		model_expect(!hidden || !model.owner[number] || !model.stamps[number],
			     "page %zu of a block is not in a core dump", number);
	}
	return true;
}

static bool is_shared(size_t page)
{
	const struct vmm_mapping *mapping = &model.heap.pool.mapping;

	return page == 0 || !mapping->is_private || (mapping->in_parts && bits_has(mapping->shared, page));
}

static void expect_mapping(uintptr_t start, uintptr_t end, bool shared)
{
	if (start < (uintptr_t)model.heap.pool.base || end > (uintptr_t)model.heap.pool.base + model.heap.pool.size)
		return;
	for (size_t page = page_at(start); page < page_at(end); page++)
		model_expect(is_shared(page) == shared, "page %zu is mapped %s and should not be", page,
			     shared ? "shared" : "privately");
}

static void expect_kernel_agrees(void)
{
	unsigned long start = 0, end = 0, first, last;
	size_t mappings = 0, of_the_pool = 0, private = 0, parts = 0;
	char line[512], flags[5];
	FILE *smaps = fopen("/proc/self/smaps", "r");

	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx %4s", &first, &last, flags) == 3 && line[8] != ':') {
			start = first;
			end = last;
			mappings++;
			expect_mapping(start, end, flags[3] == 's');
		} else if (strncmp(line, "VmFlags:", 8) == 0) {
			of_the_pool += expect_hidden(start, end, strstr(line, " dd") != NULL);
		}
	}
	fclose(smaps);
	model_expect(of_the_pool > 0, "nothing of the pool is mapped");
	model_expect(mappings < 4096, "there are too many mappings");
	for (size_t page = 0; page < all_pages(); page++) {
		private += !is_shared(page);
		parts += page > 0 && is_shared(page) && (page == 1 || !is_shared(page - 1));
	}
	model_expect(!model.heap.pool.mapping.in_parts ||
		     (parts <= model.heap.pool.mapping.parts && model.heap.pool.mapping.parts < 4096),
		     "%zu parts are counted as %zu", parts, model.heap.pool.mapping.parts);
	model_expect(vmm_mapping_private_bytes(&model.heap.pool) == private * PAGE, "private bytes are counted wrong");
}

struct visit {
	bool seen[MOST_PAGES];
	size_t next;                   /* no page below it may come any more */
};

static void on_visit(void *context, char *start, size_t bytes)
{
	struct visit *visit = context;

	model_expect(page_of(start) >= visit->next && bytes > 0, "stretches are in disorder");
	visit->next = page_of(start) + bytes / PAGE;
	model_expect(visit->next <= all_pages(), "a stretch reaches past the end");
	memset(visit->seen + page_of(start), true, bytes / PAGE);
}

/* Whether the page lies in a whole granule that is free, and so is left out of a copy. */
static bool is_left_out(size_t page)
{
	size_t granule = model.heap.holes.granule / PAGE, first = page / granule * granule;

	for (size_t i = first; i < first + granule; i++)
		if (!is_free(i))
			return false;
	return true;
}

static void expect_visits(void)
{
	static struct visit used, kept;

	memset(&used, 0, sizeof(used));
	memset(&kept, 0, sizeof(kept));
	vmm_walk_used(&model.heap, on_visit, &used);
	vmm_walk_kept(&model.heap, on_visit, &kept);
	for (size_t page = 1; page < all_pages(); page++) {
		bool reserved = !is_between(page) && !is_hole(page);

		model_expect(used.seen[page] == (model.owner[page] && reserved), "page %zu: each_used is wrong", page);
		model_expect(kept.seen[page] == (reserved && !is_left_out(page)), "page %zu: each_kept is wrong", page);
	}
}

static void expect_all(void)
{
	size_t fresh = page_at(model.heap.fresh);

	expect_ranges();
	expect_pages();
	expect_figures();
	expect_visits();
	expect_kernel_agrees();
	for (size_t i = 0; i < BLOCKS; i++)
		if (model.blocks[i].address)
			expect_stamps(&model.blocks[i]);
	/* reading them takes no space: what is below low and no hole is reserved */
	for (size_t page = fresh; page < page_at(model.heap.low); page++)
		if (!is_hole(page))
			expect_zero(page, 1, "what was never handed out");
}

/* --- where a block may lie --- */

/* Free, and all in one tier. */
static bool fits(size_t first, size_t pages, size_t align)
{
	if ((uintptr_t)address_of(first) % align)
		return false;
	for (size_t page = first; page < first + pages; page++)
		if (!is_free(page) || tier_of(page) != tier_of(first))
			return false;
	return true;
}

/* The lowest place among what is free; a free range that begins below `low` may not reach to what lies above `high`. */
static size_t lowest(size_t tier, size_t pages, size_t align)
{
	size_t step = align / PAGE, first = 1;

	while ((uintptr_t)address_of(first) % align)
		first++;
	for (; first + pages <= all_pages(); first += step)
		if (tier_of(first) == tier && fits(first, pages, align))
			return first;
	return NOWHERE;
}

static bool has_holes(size_t first, size_t pages)
{
	for (size_t page = first; page < first + pages; page++)
		if (is_hole(page))
			return true;
	return false;
}

static size_t limit_of(enum vmm_heap_use use)
{
	size_t kept = use == HEAP_FOR_PROGRAM ? model.heap.floor / PAGE : 0;

	return page_at(model.heap.high) > kept + 1 ? page_at(model.heap.high) - kept : 1;
}

/* Where the next block must come to lie, as far as that is certain; NOWHERE: there is no telling. */
static size_t certain_place(size_t tier, size_t pages, size_t align, enum vmm_heap_use use)
{
	size_t place = lowest(tier, pages, align), first = page_at(model.heap.low), limit = limit_of(use);

	if (place != NOWHERE)
		return (place < page_at(model.heap.high) && place + pages > limit) || has_holes(place, pages) ? NOWHERE
													   : place;
	if (first == page_at(model.heap.high) || tier_of(first) != tier)
		return NOWHERE;
	/* it grows: from the free space that ends at low */
	while (is_free(first - 1) && tier_of(first - 1) == tier)
		first--;
	while ((uintptr_t)address_of(first) % align)
		first++;
	if (model.refusals || model.heap.retry_ns || model.heap.pool.mapping.is_private || first + pages > limit)
		return NOWHERE;
	for (size_t page = first; page < first + pages; page++)
		if (tier_of(page) != tier)
			return NOWHERE;
	return first + pages > page_at(model.heap.low) ? first : NOWHERE;
}

/* No page from there up to the metadata was ever anybody's. */
static bool is_fresh(size_t first)
{
	for (size_t page = first; page < page_at(model.heap.high); page++)
		if (model.dirty[page])
			return false;
	return first < page_at(model.heap.high);
}

/* --- what a program and jemalloc do --- */

/* Somebody's from now on. `fresh`: it was never anybody's, and so is known to be zero. */
static void receive(const struct block *block, char *address, size_t pages, bool wanted, bool zero, bool fresh)
{
	own(block, address, pages);
	model_expect(zero || !wanted, "zeros were wanted and are not promised");
	model_expect(zero || !fresh, "what was never anybody's is not known to be zero");
	if (zero)
		expect_zero(page_of(address), pages, "memory that was said to be zero");
	stamp(address, pages);
}

static void take(struct block *block)
{
	size_t pages = 1 + model_below(model_below(8) ? 40 : model_below(6) ? 600 : 5000);
	size_t align = PAGE << (model_below(4) ? 0 : model_below(10));
	enum vmm_heap_use use = model_below(4) ? HEAP_FOR_PROGRAM : HEAP_FOR_JEMALLOC;
	bool wanted = model_below(2), zero = wanted, fresh;
	size_t tier = model_below(model.heap.tiers.count);
	size_t place = certain_place(tier, pages, align, use), limit = limit_of(use), high = page_at(model.heap.high);
	bool is_clean = place != NOWHERE && is_fresh(place);
	char *address;

	model_step("take %zu pages of tier %zu aligned to %zu for %s", pages, tier, align / PAGE,
		   use ? "jemalloc" : "the program");
	address = vmm_heap_take(&model.heap, tier, NULL, pages * PAGE, align, use, &zero);
	model_result(" at %zd", address ? (ssize_t)page_of(address) : -1);
	model_expect(place == NOWHERE || address, "there is room at %zu", place);
	if (!address)
		return;
	model_expect(place == NOWHERE || page_of(address) == place, "the lowest place is %zu", place);
	model_expect((uintptr_t)address % align == 0, "a block is not aligned");
	for (size_t page = page_of(address); page < page_of(address) + pages; page++)
		model_expect(tier_of(page) == tier, "page %zu is in tier %zu", page, tier_of(page));
	model_expect(page_of(address) >= high || page_of(address) + pages <= limit, "the block is in the floor");
	fresh = is_clean && page_of(address) == place;
	receive(block, address, pages, wanted, zero, fresh);
	*block = (struct block){ address, pages, false };
}

/* Exactly there, if it is free. NULL: it is not. */
static char *take_at(const struct block *block, size_t first, size_t pages)
{
	bool wanted = model_below(2), zero = wanted, fresh = is_fresh(first);
	size_t high = page_at(model.heap.high), limit = limit_of(HEAP_FOR_PROGRAM);
	bool is_one = first == 1 || tier_of(first - 1) == tier_of(first);
	bool is_certain = fits(first, pages, PAGE) && is_one && !has_holes(first, pages) &&
			  (first >= high || first + pages <= limit);
	char *address = vmm_heap_take(&model.heap, 0, address_of(first), pages * PAGE, PAGE, HEAP_FOR_PROGRAM, &zero);

	model_result(": %s", address ? "done" : "no");
	model_expect(address || !is_certain, "it is free");
	for (size_t page = first; address && page < first + pages; page++)
		model_expect(tier_of(page) == tier_of(first - 1), "page %zu is in another tier", page);
	model_expect(!address || address == address_of(first), "the block is elsewhere");
	model_expect(!address || first >= high || first + pages <= limit, "the block is in the floor");
	if (address)
		receive(block, address, pages, wanted, zero, fresh);
	return address;
}

static void take_somewhere(struct block *block)
{
	size_t pages = 1 + model_below(20), first = 1 + model_below(all_pages() - 1);

	if (first + pages > all_pages())
		return;
	model_step("take %zu pages at %zu", pages, first);
	if (take_at(block, first, pages))
		*block = (struct block){ address_of(first), pages, false };
}

static void extend(struct block *block)
{
	size_t pages = 1 + model_below(model_below(4) ? 8 : 300), end = page_of(block->address) + block->pages;

	if (end + pages > all_pages())
		return;
	model_step("extend the block that ends at %zu by %zu pages", end, pages);
	if (take_at(block, end, pages))
		block->pages += pages;
}

static void touch_metadata(const struct block *block, size_t first, size_t pages)
{
	for (size_t page = page_of(block->address) + first; pages > 0; page++, pages--) {
		if (model.stamps[page])
			continue;
		expect_zero(page, 1, "a page of metadata");
		stamp(address_of(page), 1);
	}
}

static void take_metadata(struct block *block)
{
	size_t granules = 1 + model_below(model_below(4) ? 4 : 40), align = HEAP_GRANULE << model_below(6);
	uintptr_t low = model.heap.low, high = model.heap.high;
	char *address;

	model_step("take %zu granules of metadata aligned to %zu", granules, align / HEAP_GRANULE);
	address = vmm_heap_take_metadata(&model.heap, granules * HEAP_GRANULE, align);
	model_result(" at %zd", address ? (ssize_t)page_of(address) : -1);
	if (!address)
		return;
	*block = (struct block){ address, granules * HEAP_GRANULE / PAGE, true };
	own(block, address, block->pages);
	model_expect((uintptr_t)address % align == 0, "metadata are not aligned");
	model_expect((uintptr_t)address < low || (uintptr_t)address >= high ||
		     high - (uintptr_t)address - granules * HEAP_GRANULE < align, "metadata are not at the top");
	touch_metadata(block, 0, HEAP_GRANULE / PAGE);
}

static void use_metadata(const struct block *block)
{
	size_t first = model_below(block->pages), pages = 1 + model_below(block->pages - first);
	int r;

	model_step("use %zu pages of metadata at %zu", pages, page_of(block->address) + first);
	r = vmm_heap_reserve_metadata(&model.heap, block->address + first * PAGE, pages * PAGE);
	model_result(": %d", r);
	model_expect(r == 0 || model.refusals, "there is space");
	if (r == 0)
		touch_metadata(block, first, pages);
}

static void give_part(const struct block *block, size_t first, size_t pages)
{
	const struct vmm_mapping *mapping = &model.heap.pool.mapping;
	char *address = block->address + first * PAGE;

	model_step("give %zu pages of %s at %zu", pages, block->is_metadata ? "metadata" : "an extent",
		   page_of(address));
	memset(model.owner + page_of(address), 0, pages);
	for (size_t page = page_of(address); page < page_of(address) + pages; page++)
		model.had_ns[page] = model.now_ns;
	if (block->is_metadata)
		vmm_heap_give_metadata(&model.heap, address, pages * PAGE);
	else
		vmm_heap_give(&model.heap, address, pages * PAGE);
	for (size_t done = 0, n; mapping->in_parts && done < pages * PAGE; done += n) {
		size_t from = page_of(address + done);

		n = pages * PAGE - done;
		(void)vmm_pool_file_at(&model.heap.pool, from * PAGE, &n);
		for (size_t page = from; n >= HEAP_GRANULE && page < from + n / PAGE; page++)
			model_expect(is_shared(page), "page %zu did not return to the file", page);
	}
}

/* Metadata come back as whole blocks, as an arena is destroyed. */
static void give(struct block *block)
{
	size_t keep = block->is_metadata || model_below(3) ? 0 : model_below(block->pages);

	expect_stamps(block);
	if (keep && model_below(2)) {
		give_part(block, 0, block->pages - keep);
		block->address += (block->pages - keep) * PAGE;
	} else {
		give_part(block, keep, block->pages - keep);
	}
	block->pages = keep;
	if (!keep)
		*block = (struct block){ 0 };
}

/* Pages that have become holes. */
static size_t look_at_new_holes(const bool *before)
{
	bool may = !model.heap.pool.mapping.is_private && !model.heap.all_reserved;
	size_t pages = 0;

	for (size_t page = 1; page < all_pages(); page++) {
		if (before[page] || is_between(page) || !is_hole(page))
			continue;
		model_expect(may && !model.owner[page] && !model.kept[page],
			     "page %zu was given back and should not be", page);
		model_expect(!model.file->exact || !model.file->reserved[page], "page %zu was not given back", page);
		pages++;
	}
	return pages;
}

static void note_holes(bool *ret_holes)
{
	for (size_t page = 0; page < all_pages(); page++)
		ret_holes[page] = is_between(page) || is_hole(page);
}

/* No granule that is wholly free, and in one tier, has space, but at the end, of which so much is kept. */
static void expect_trimmed(size_t keep)
{
	size_t granule = model.heap.holes.granule / PAGE, low = page_at(model.heap.low);

	for (size_t first = 0; granule > 1 && first + granule <= all_pages(); first += granule) {
		size_t page = first;

		while (page < first + granule && is_free(page) && !model.kept[page] && tier_of(page) == tier_of(first))
			page++;
		/* a page that is not whose end is at the end */
		for (size_t at = page; page == first + granule && at < low && is_free(at); at++)
			page += at + 1 == low;
		model_expect(page != first + granule || first >= page_at(model.heap.high) || is_hole(first) || keep,
			     "page %zu could go", first);
	}
}

static void trim(void)
{
	static bool before[MOST_PAGES];
	size_t low = page_at(model.heap.low), keep = model_below(2) ? 0 : model_below(2 * MIB), released;

	note_holes(before);
	model_step("trim, keep %zu bytes", keep);
	released = vmm_heap_trim(&model.heap, keep);
	model_result(": %zu pages", released / PAGE);
	model_expect(!released || (!model.heap.pool.mapping.is_private && !model.heap.all_reserved),
		     "it released what it cannot");
	model_expect(released / PAGE == low - page_at(model.heap.low) + look_at_new_holes(before) || model.refusals,
		     "it released something else");
	for (size_t page = page_at(model.heap.low); page < low; page++) {
		model_expect((!model.file->exact || !model.file->reserved[page]) && !model.owner[page] &&
			     !model.kept[page], "page %zu was not released", page);
		model.dirty[page] = false;
	}
	/* all but what is kept and part of a unit can go, if nothing is in the way */
	for (size_t page = low; page > page_at(model.heap.low); page--)
		model_expect(is_between(page - 1), "page %zu is not between low and high", page - 1);
	if (!model.refusals && !model.heap.pool.mapping.is_private && !model.heap.all_reserved)
		expect_trimmed(keep);
}

static void choose_period(void)
{
	unsigned seconds = (unsigned)model_below(4);

	model_step("give back what stays free for %u s", seconds);
	vmm_heap_release_after(&model.heap, seconds);
}

/* As jemalloc's events do. */
static void leave_idle_files(uint64_t period_ns)
{
	size_t end = all_pages();

	if (!vmm_release_has_idle_files(&model.heap.release))
		return;
	vmm_files_leave_idle(&model.heap);
	model_result(", %zu of files that are left", end - all_pages());
	for (size_t page = all_pages(); page < end; page++) {
		model_expect(!model.owner[page] && model.now_ns + 1 >= model.had_ns[page] + period_ns,
			     "page %zu was left too soon", page);
		model.file->reserved[page] = model.dirty[page] = model.kept[page] = false;
	}
}

static void release(void)
{
	static bool before[MOST_PAGES];
	uint64_t period_ns = model.heap.release.period_ns;

	note_holes(before);
	model_step("give back what has stayed free");
	vmm_heap_release(&model.heap);
	model_result(": %zu pages", look_at_new_holes(before));
	for (size_t page = 1; page < all_pages(); page++)
		model_expect(before[page] || !is_hole(page) || is_between(page) ||
			     (period_ns && model.now_ns + 1 >= model.had_ns[page] + period_ns),
			     "page %zu was given back too soon", page);
	leave_idle_files(period_ns);
}

static void count(void)
{
	model_step("count");
	vmm_heap_count(&model.heap, &model.heap.pool.header->failed_requests, 1);
	model.failed++;
}

/* --- what a fork brings --- */

/* With little room for it now and then, or none. */
static void freeze(void)
{
	int r;

	model.room = model_below(3) ? 0 : PAGE << model_below(14);
	model.mappings = model_below(6) ? 0 : 1 + model_below(6);
	model_step("freeze with room for %zu, %zu mappings", model.room, model.mappings);
	r = vmm_heap_freeze(&model.heap);
	model_result(": %d", r);
	model_expect(r == 0 || model.mappings == 1, "the heap cannot be frozen");
	model.room = model.mappings = 0;
	model_expect(r < 0 || !model.heap.pool.mapping.in_parts, "a frozen heap is not all private");
	model_expect(r < 0 || model.heap.pool.mapping.is_private, "a frozen heap is not private");
}

/* Nobody's, in as many of one file as return at once. */
static bool is_in_a_part(size_t page)
{
	size_t first = page, last = page, bytes = 1;
	const struct vmm_pool_file *file = vmm_pool_file_at(&model.heap.pool, page * PAGE, &bytes);
	bool between = is_between(page);

	if (!between && !is_free(page))
		return false;
	while (first > file->start / PAGE && (between ? is_between(first - 1) : is_free(first - 1)))
		first--;
	while (last + 1 < file->end / PAGE && (between ? is_between(last + 1) : is_free(last + 1)))
		last++;
	return last + 1 - first >= PART_PAGES;
}

static void return_free(void)
{
	size_t offset = 0;
	bool is_done;

	model.no_shared = model_below(4) == 0;
	model_step("return what is free%s", model.no_shared ? ", which fails" : "");
	while (!(is_done = vmm_heap_return_free(&model.heap, &offset)) && model_below(8))
		model_expect(offset > 0, "it does not get on");
	for (size_t page = 1; is_done && !model.no_shared && page < all_pages(); page++)
		model_expect(!is_in_a_part(page) || is_shared(page), "page %zu did not return to the file", page);
	model.no_shared = false;
}

static void thaw(void)
{
	size_t left;
	int r;

	model.no_shared = model_below(4) == 0;
	model.no_move = model_below(2);
	model_step("thaw%s%s", model.no_shared ? ", may fail" : "", model.no_move ? ", no move" : "");
	do {
		left = vmm_mapping_private_bytes(&model.heap.pool);
		r = vmm_thaw(&model.heap);
		model_expect(r != -EINPROGRESS || vmm_mapping_private_bytes(&model.heap.pool) < left,
			     "it does not get on");
	} while (r == -EINPROGRESS && model_below(8));
	model.no_move = false;
	model_result(": %d", r);
	model_expect(r == 0 || r == -EINPROGRESS || model.no_shared, "the heap does not return to its file");
	model.no_shared = false;
	model_expect(model.heap.pool.mapping.is_private == (r < 0), "it is half-way back");
}

static void freeze_or_come_back(void)
{
	if (!model.heap.pool.mapping.is_private || model_below(4) == 0)
		freeze();
	else if (model_below(3) == 0)
		return_free();
	else
		thaw();
}

/* As vmm_comeback_move does. */
static void move(void)
{
	static struct vmm_config config;
	int r;

	model_step("move to another file");
	model.asked = model.file == model.files ? model.files + 1 : model.files;
	*model.asked = (struct file){ .exact = true };
	model.clone = (struct vmm_pool){ 0 };
	config.tier_count = model.heap.tiers.count;
	config.reserve_all = model.reserve_all;
	for (size_t i = 0; i < config.tier_count; i++)
		strcpy(config.tiers[i].dir, DIR);
	r = vmm_copy_make(&model.heap, &config, &model.clone);
	for (size_t page = 1; r == 0 && page < all_pages(); page++)
		model_expect(!model.owner[page] || !model.stamps[page] || model.asked->reserved[page],
			     "page %zu has no space in the copy", page);
	if (r == 0) {
		r = vmm_copy_fill(&model.heap, &model.clone);
		if (r < 0)
			vmm_pool_drop(&model.clone);
	}
	model_result(": %d", r);
	model_expect(r == 0 || model.refusals, "it cannot be copied");
	if (r < 0) {
		model.asked = model.file;
		return;
	}
	assert_int_equal(vmm_pool_replace(&model.heap.pool, &model.clone), 0);
	model.file = model.asked;
	vmm_heap_forget_free(&model.heap, model.reserve_all);
	memset(model.kept, model.reserve_all, sizeof(model.kept));
	model.peak = model.heap.pool.header->used_bytes;
	model.failed = 0;
}

/* --- files more, and fewer --- */

static void grow(void)
{
	size_t tier = model_below(model.heap.tiers.count), end = all_pages(), left = model.heap.pool.room / PAGE - end;
	size_t pages = left ? 1 + model_below(left < 6 * MIB / PAGE ? left : 6 * MIB / PAGE) : 1;
	bool all_reserved = model.reserve_all || model_below(8) == 0, in_parts = model.heap.pool.mapping.in_parts;
	int r;

	model.no_table = model_below(6) == 0;
	model_step("grow by %zu pages of tier %zu%s%s", pages, tier, all_reserved ? ", all reserved" : "",
		   model.no_table ? ", may fail" : "");
	model.growing = true;
	r = vmm_files_add(&model.heap, tier, DIR, pages * PAGE, all_reserved);
	model.growing = false;
	model_result(": %d", r);
	model_expect(r < 0 || is_shared(end) == (!model.heap.pool.mapping.is_private || in_parts),
		     "its new file is private or not");
	model_expect(r == 0 || model.refusals || model.no_table || left == 0, "the heap does not grow");
	model.no_table = false;
	model_expect(all_pages() == end + (r == 0 ? pages : 0), "it has grown by something else");
	if (r == 0) {
		model.began[end] = true;
		memset(model.kept + end, all_reserved, pages);
	}
	/* `fresh` is one mark, and lies behind what was there before */
	for (size_t page = 1; r == 0 && page < end; page++)
		model.dirty[page] = true;
}

static void shrink(void)
{
	const struct vmm_pool *pool = &model.heap.pool;
	size_t end = all_pages(), start = vmm_pool_file(pool, pool->files - 1)->start / PAGE, owned = 0;
	bool shrunk;

	for (size_t page = start; page < end; page++)
		owned += model.owner[page] != 0;
	model_step("leave the last file");
	shrunk = vmm_files_drop(&model.heap);
	model_result(": %d", shrunk);
	model_expect(shrunk == (start > 0 && owned == 0) || (!shrunk && model.refusals),
		     "of the last file %zu pages are somebody's", owned);
	for (size_t page = start; shrunk && page < end; page++)
		model.file->reserved[page] = model.dirty[page] = model.kept[page] = false;
}

/* --- walks --- */

static void step(void)
{
	struct block *block = &model.blocks[model_below(BLOCKS)];
	size_t what = model_below(1000);

	if (what < 4)
		freeze_or_come_back();
	else if (what < 5)
		move();
	else if (what < 20)
		trim();
	else if (what < 30)
		model.refusals = model_below(2) ? 0 : (unsigned)model_below(17);
	else if (what < 32)
		count();
	else if (what < 33)
		choose_period();
	else if (what < 40)
		grow();
	else if (what < 50)
		shrink();
	else if (what < 70)
		release();
	else if (!block->address)
		what < 90 ? take_metadata(block) : what < 120 ? take_somewhere(block) : take(block);
	else if (block->is_metadata && what < 700)
		use_metadata(block);
	else if (what < 300 && !block->is_metadata)
		extend(block);
	else
		give(block);
	/* sometimes the file system's last answer is long ago */
	model.now_ns += model_below(4) ? 0 : 1000000000u;
}

static void make_heap(bool all_reserved)
{
	static const size_t most[] = { 2 * MIB, 6 * MIB, 48 * MIB };
	size_t bytes = MIB + model_below(most[model_below(3)] / PAGE - MIB / PAGE) * PAGE;
	char words[512] = "";
	struct text error = TEXT_INIT(words);
	struct vmm_pool pool;

	model_step("a heap of %zu pages%s", bytes / PAGE, all_reserved ? ", all reserved" : "");
	if (vmm_pool_create(DIR, bytes, all_reserved, &pool, &error) < 0)
		fail_msg("%s", words);
	if (model_below(2)) {
		size_t room = bytes + model_below(MOST_PAGES * POOL_PAGE_LEAST / PAGE - bytes / PAGE + 1) * PAGE;

		model_step("room for %zu pages", room / PAGE);
		assert_int_equal(vmm_pool_make_room(&pool, room), 0);
	}
	assert_int_equal(vmm_heap_init(&model.heap, &pool, all_reserved), 0);
	memset(model.kept, all_reserved, sizeof(model.kept));
	if (model_below(2))
		vmm_heap_set_tiers(&model.heap, 1 + model_below(3), &(struct environment_place){ 0 });
	model_step("%zu tiers", model.heap.tiers.count);
}

static void unmake_heap(void)
{
	vmm_mapping_drop_shadow(&model.heap.pool);
	if (model.heap.pool.mapping.shared)
		vmm_table_drop(model.heap.pool.mapping.shared, bits_bytes(model.heap.pool.room / PAGE));
	vmm_table_drop(model.heap.holes.bits,
		       3 * round_up(bits_bytes(model.heap.pool.room / model.heap.holes.granule + 2), PAGE) +
			       model.heap.pool.room / PAGE / 2 * sizeof(struct range));
	vmm_pool_drop(&model.heap.pool);
}

/* The library is told of larger pages than the machine may have. What it asks for then is all right there. */
static void choose_page(void)
{
	size_t page = POOL_PAGE_LEAST << 2 * model_below(3), least = getauxval(AT_PAGESZ);

	/* nothing may be left that was mapped in other pages */
	if (vmm_remap.spare)
		munmap(vmm_remap.spare, 8 * kernel_page());
	vmm_remap.spare = NULL;
	kernel_state.page = page < least ? least : page;
	model_step("pages of %zu KiB", kernel_page() / 1024);
}

static void walk(void)
{
	memset(&model, 0, sizeof(model));
	choose_page();
	model.file = model.asked = model.files;
	model.file->exact = true;
	model.now_ns = 1000000000u;
	model.reserve_all = model_below(8) == 0;
	make_heap(model.reserve_all || model_below(8) == 0);
	model.refusals = model_below(2) ? 0 : (unsigned)model_below(12);
	for (size_t i = 0; i < STEPS; i++) {
		step();
		expect_step();
		if (i % STEPS_BETWEEN_CHECKS == 0)
			expect_all();
	}
	expect_all();
	for (size_t i = 0; i < BLOCKS; i++) {
		if (model.blocks[i].address)
			give_part(&model.blocks[i], 0, model.blocks[i].pages);
		model.blocks[i] = (struct block){ 0 };
	}
	expect_all();
	unmake_heap();
}

TEST(test_heap_is_as_the_model_says)
{
	model_run(walk, WALKS);
}
