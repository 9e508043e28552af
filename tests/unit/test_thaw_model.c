/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_thaw_model -- a heap that is frozen, forked, returned and settled, against two plain arrays of bytes.
 *
 * One array has what this process must see in its heap, the other what its pool's file must hold, or its files. A walk
 * writes to blocks, takes and gives, gets files and leaves them, freezes and forks. Its children are real: each goes
 * on with its parent's bytes of the moment of the fork, writes, takes and gives, forks again, settles on a file of its
 * own, and checks. When the heap returns, step by step, in parts or to another file, comeback.c decides, by a clock
 * that is played. The file is read after each step, and between two of them anything happens. One who returned while a
 * child still needs the file would change that child's bytes. In some walks a thread writes all the time, also while
 * the heap is frozen and returns in parts. Calls of the kernel fail at random.
 * model.h says how a walk is repeated.
 */
/* objects: libvmmalloc/fork/ libvmmalloc/context/ libvmmalloc/heap/ libvmmalloc/base/ libvmmalloc/ common/base/ */
/* wrap: kernel_fallocate kernel_mmap kernel_mremap kernel_pread kernel_pwrite kernel_open kernel_clock_gettime */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libvmmalloc/base/clock.h"
#include "common/base/round.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/context/context.h"
#include "libvmmalloc/fork/comeback.h"
#include "libvmmalloc/heap/bits.h"
#include "libvmmalloc/heap/files.h"
#include "libvmmalloc/heap/heap.h"
#include "libvmmalloc/heap/mapping.h"
#include "libvmmalloc/heap/table.h"
#include "tests/preload/thread_count.h"
#include "tests/unit/model.h"
#include "tests/unit/test.h"

#define PAGE kernel_page()
#define PAGE_MOST ((size_t)64 << 10)
#define MOST_BYTES (24 * MIB)
#define MOST_PAGES (MOST_BYTES / POOL_PAGE_LEAST)
#define BLOCKS 48
#define CHILDREN 3
#define DEEPEST 2                      /* generations below the first process */
#define STEPS 300
#define CHILD_STEPS 40
#define WALKS 3
#define CHILD_DEADLINE_S 120
#define FILLED 9                       /* blocks of 2 MiB: so much that there is a shadow */
#define SETTLE_MOST (16 * MIB)         /* comeback.c */
#define THREAD_PAGES 32                /* of the block that the thread writes to */
#define DIR "/dev/shm"

struct block {
	char *address;                 /* NULL: none */
	size_t pages;
	bool is_metadata;
};

static struct {
	char seen[MOST_BYTES];         /* what this process must see, where anything can be read */
	char file[MOST_BYTES];         /* what the pool's file holds, as far as anything was written there */
	struct block blocks[BLOCKS];
	pid_t children[CHILDREN];      /* 0: none */
	bool stays[CHILDREN];          /* it needs the file until its gate is open */
	int *gates;                    /* shared with the children */
	unsigned depth;                /* 0: the first process */
	bool is_on_parents_file;
	int64_t ahead_s;               /* the clock that is played is so far ahead */
	bool is_unmarked;              /* a marker cannot be planted, now and then */
	bool is_dax;                   /* with Linux 6.1: pagemap does not tell whose a page is */
	bool is_old_kernel;            /* what is moved to is unmapped, though the move is refused */
	char *stranger;                /* a page that somebody maps there; NULL: none */
	unsigned faults;               /* of 16 calls, how many the kernel refuses; only while something may fail */
} model;

/* The thread, and what it writes: a number to each page in turn, one more each time. */
static struct {
	pthread_t thread;
	bool runs, stop;
	uint64_t *words;               /* of the first page; the others' are a page apart each */
	uint64_t last;
} writer;

/* --- the kernel, which refuses now and then --- */

static bool refuses(void)
{
	return model.faults && model_below(16) < model.faults;
}

int __real_kernel_fallocate(int fd, int mode, off_t offset, off_t bytes);
int __wrap_kernel_fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	return refuses() ? -ENOSPC : __real_kernel_fallocate(fd, mode, offset, bytes);
}

void *__real_kernel_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_kernel_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	return refuses() ? (void *)(intptr_t)-ENOMEM : __real_kernel_mmap(at, bytes, protection, flags, fd, offset);
}

static void let_stranger_in(char *at)
{
	model.stranger = mmap(at, PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	assert_ptr_equal(model.stranger, at);
	memset(model.stranger, 'S', PAGE);
}

static void expect_stranger(void)
{
	for (size_t i = 0; model.stranger && i < PAGE; i++)
		model_expect(model.stranger[i] == 'S', "a page of somebody else's is not as it was");
	if (model.stranger)
		munmap(model.stranger, PAGE);
}

void *__real_kernel_mremap(void *from, size_t bytes, size_t new_bytes, int flags, void *to);
void *__wrap_kernel_mremap(void *from, size_t bytes, size_t new_bytes, int flags, void *to)
{
	bool is_to_shadow = (flags & MREMAP_DONTUNMAP) && (flags & MREMAP_FIXED);

	/* the heap can do without a shadow: that is no failure */
	if (!refuses() && !(model.is_old_kernel && is_to_shadow && model_below(2)))
		return __real_kernel_mremap(from, bytes, new_bytes, flags, to);
	if (model.is_old_kernel && is_to_shadow) {
		assert_int_equal(munmap(to, new_bytes), 0);
		if (!model.stranger && new_bytes > PAGE)
			let_stranger_in(to);
	}
	return (void *)(intptr_t)-ENOMEM;
}

ssize_t __real_kernel_pread(int fd, void *buffer, size_t bytes, off_t offset);
ssize_t __wrap_kernel_pread(int fd, void *buffer, size_t bytes, off_t offset)
{
	uint64_t *pages = buffer;
	ssize_t n = refuses() ? -EIO : __real_kernel_pread(fd, buffer, bytes, offset);

	/* no page is a file's (61), and none is this process's alone (56) */
	for (ssize_t i = 0; model.is_dax && i < n / (ssize_t)sizeof(*pages); i++)
		pages[i] &= ~((uint64_t)1 << 61 | (uint64_t)1 << 56);
	return n;
}

/* Part of what is to be written is, now and then. */
ssize_t __real_kernel_pwrite(int fd, const void *data, size_t bytes, off_t offset);
ssize_t __wrap_kernel_pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
	if (refuses() && refuses())
		return -ENOSPC;
	return __real_kernel_pwrite(fd, data, bytes > PAGE && model_below(4) == 0 ? bytes / 2 : bytes, offset);
}

int __real_kernel_open(const char *path, int flags, mode_t mode);
int __wrap_kernel_open(const char *path, int flags, mode_t mode)
{
	return refuses() ? -EMFILE : __real_kernel_open(path, flags, mode);
}

int __real_kernel_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_kernel_clock_gettime(clockid_t clock, struct timespec *now)
{
	int r = __real_kernel_clock_gettime(clock, now);

	now->tv_sec += model.ahead_s;
	return r;
}

static void begin_faults(void)
{
	model.faults = model_below(3) ? 0 : 1 + (unsigned)model_below(5);
	if (model.faults)
		model_result(" (%u of 16 calls fail)", model.faults);
}

static bool end_faults(void)
{
	bool had = model.faults > 0;

	model.faults = 0;
	return had;
}

/* --- pages --- */

static size_t all_pages(void)
{
	return vmm.heap.pool.size / PAGE;
}

static size_t page_of(const char *address)
{
	return (size_t)(address - vmm.heap.pool.base) / PAGE;
}

static char *address_of(size_t page)
{
	return vmm.heap.pool.base + page * PAGE;
}

static char *seen(size_t page)
{
	return model.seen + page * PAGE;
}

static char *filed(size_t page)
{
	return model.file + page * PAGE;
}

static bool is_shared(size_t page)
{
	const struct vmm_mapping *mapping = &vmm.heap.pool.mapping;

	return !mapping->is_private || (mapping->in_parts && bits_has(mapping->shared, page));
}

/* Reserved, so that it can be read and takes no space by that. */
static bool is_there(size_t page)
{
	uintptr_t address = (uintptr_t)address_of(page);

	return page > 0 && (address < vmm.heap.low || address >= vmm.heap.high) &&
	       !bits_has(vmm.heap.holes.bits, page * PAGE / vmm.heap.holes.granule);
}

static bool is_threads(size_t page)
{
	return writer.words && page >= page_of((char *)writer.words) &&
	       page < page_of((char *)writer.words) + THREAD_PAGES;
}

static bool is_used(size_t page)
{
	for (size_t i = 0; i < BLOCKS; i++)
		if (model.blocks[i].address && page >= page_of(model.blocks[i].address) &&
		    page < page_of(model.blocks[i].address) + model.blocks[i].pages)
			return true;
	return is_threads(page);
}

/* Of its file. */
static void read_filed(size_t page, char *bytes)
{
	size_t n = PAGE;
	const struct vmm_pool_file *file = vmm_pool_file_at(&vmm.heap.pool, page * PAGE, &n);

	assert_int_equal(pread(file->fd, bytes, PAGE, vmm_pool_file_offset(file, page * PAGE)), PAGE);
}

static void expect_seen(size_t first, size_t pages)
{
	for (size_t page = first; page < first + pages; page++)
		if (is_there(page) && !is_threads(page))
			model_expect(memcmp(address_of(page), seen(page), PAGE) == 0,
				     "page %zu, which is %s, is not as it was written", page,
				     is_shared(page) ? "shared" : "private");
}

/* What children reserve in it beside us reads as zero, as it did. */
static void expect_file(void)
{
	char bytes[PAGE_MOST];

	for (size_t page = 1; page < all_pages(); page++) {
		if (is_threads(page) || !is_there(page))
			continue;
		read_filed(page, bytes);
		model_expect(memcmp(bytes, filed(page), PAGE) == 0, "page %zu of the file is not as it should be",
			     page);
		model_expect(!is_shared(page) || memcmp(bytes, address_of(page), PAGE) == 0,
			     "page %zu is not mapped to the file", page);
	}
}

static void expect_figures(void)
{
	const struct pool_header *header = vmm.heap.pool.header;
	size_t extents = 0, metadata = 0, there = 1;

	for (size_t page = 1; page < all_pages(); page++)
		extents += is_threads(page);
	for (size_t i = 0; i < BLOCKS; i++)
		for (size_t page = 0; page < model.blocks[i].pages; page++)
			*(model.blocks[i].is_metadata ? &metadata : &extents) +=
				is_there(page_of(model.blocks[i].address) + page);
	for (size_t page = 1; page < all_pages(); page++)
		there += is_there(page);
	model_expect(header->reserved_bytes == there * PAGE, "%ju bytes are reserved, and not %zu",
		     (uintmax_t)header->reserved_bytes, there * PAGE);
	model_expect(header->used_bytes == (extents + metadata) * PAGE && header->metadata_bytes == metadata * PAGE,
		     "%ju bytes are used, %ju for metadata, and not %zu, %zu", (uintmax_t)header->used_bytes,
		     (uintmax_t)header->metadata_bytes, (extents + metadata) * PAGE, metadata * PAGE);
}

/* It is the pool's, from end to end, however much of it has moved back. */
static void expect_shadow(void)
{
	const struct vmm_mapping *mapping = &vmm.heap.pool.mapping;

	if (!mapping->shadow)
		return;
	model_expect(mapping->is_private, "there is a shadow that no thaw may use");
	model_expect(msync(mapping->shadow, mapping->shadow_bytes, MS_ASYNC) == 0, "the shadow has a hole");
	for (size_t page = 1; page < all_pages(); page++) {
		const char *frozen = vmm_pool_frozen(&vmm.heap.pool, address_of(page));

		if (is_there(page) && !is_threads(page) && frozen)
			model_expect(memcmp(frozen, filed(page), PAGE) == 0, "page %zu of the shadow is not the file's",
				     page);
	}
}

/* A child on its parent's file does not know what that becomes: the parent may return as soon as no child is left. */
static void expect_all(void)
{
	expect_seen(1, all_pages() - 1);
	expect_shadow();
	expect_figures();
	if (!model.is_on_parents_file)
		expect_file();
}

/* What was written, here and, if it is shared, in the file. */
static void note(size_t page, size_t offset, size_t bytes)
{
	memcpy(seen(page) + offset, address_of(page) + offset, bytes);
	if (is_shared(page))
		memcpy(filed(page) + offset, address_of(page) + offset, bytes);
}

/* The pages of the file that are mapped now hold what the file does. */
static void see_file(size_t first, size_t end)
{
	for (size_t page = first; page < end; page++)
		if (is_shared(page))
			memcpy(seen(page), filed(page), PAGE);
}

/* --- what a program does --- */

static struct block *some_block(bool used)
{
	size_t first = model_below(BLOCKS);

	for (size_t i = 0; i < BLOCKS; i++)
		if ((model.blocks[(first + i) % BLOCKS].address != NULL) == used)
			return &model.blocks[(first + i) % BLOCKS];
	return NULL;
}

static void write_block(const struct block *block)
{
	size_t first = block ? page_of(block->address) + model_below(block->pages) : 0;
	size_t pages = block ? 1 + model_below(page_of(block->address) + block->pages - first) : 0;

	if (!block)
		return;
	pages = model_below(4) ? pages : 1;
	model_step("write to %zu pages at %zu", pages, first);
	expect_seen(first, pages);
	for (size_t page = first; page < first + pages; page++) {
		size_t offset = model_below(PAGE), bytes = 1 + model_below(PAGE - offset);

		if (!is_there(page) || model_below(3) == 0)
			continue;
		memset(address_of(page) + offset, (int)model_below(256), bytes);
		note(page, offset, bytes);
	}
}

/* So much that it takes several steps to return, if the heap is large. */
static void write_all(void)
{
	for (size_t i = 0; i < BLOCKS; i++)
		if (model.blocks[i].address)
			write_block(&model.blocks[i]);
}

static bool is_zero(const char *bytes)
{
	for (size_t i = 0; i < PAGE; i++)
		if (bytes[i])
			return false;
	return true;
}

/* What it holds is what was there, or zeros where those are promised. */
static void receive(size_t first, size_t pages, bool wanted, bool zero)
{
	model_expect(zero || !wanted, "zeros were wanted and are not promised");
	for (size_t page = first; page < first + pages; page++) {
		if (!is_there(page))
			continue;
		model_expect(!zero || is_zero(address_of(page)), "page %zu is not zero", page);
		model_expect(zero || memcmp(address_of(page), seen(page), PAGE) == 0,
			     "page %zu changed while it was nobody's", page);
		note(page, 0, PAGE);
	}
}

static void take(void)
{
	struct block *block = some_block(false);
	size_t pages = 1 + model_below(model_below(6) ? 60 : 1500);
	bool wanted = model_below(2), zero = wanted;
	char *address;

	if (!block)
		return;
	model_step("take %zu pages", pages);
	begin_faults();
	address = vmm_heap_take(&vmm.heap, 0, NULL, pages * PAGE, PAGE, HEAP_FOR_PROGRAM, &zero);
	(void)end_faults();
	model_result(" at %zd", address ? (ssize_t)page_of(address) : -1);
	if (!address)
		return;
	*block = (struct block){ address, pages, false };
	receive(page_of(address), pages, wanted, zero);
}

static void take_metadata(void)
{
	struct block *block = some_block(false);
	size_t granules = 1 + model_below(8);
	char *address;

	if (!block)
		return;
	model_step("take %zu granules of metadata", granules);
	address = vmm_heap_take_metadata(&vmm.heap, granules * HEAP_GRANULE, HEAP_GRANULE);
	if (!address)
		return;
	*block = (struct block){ address, granules * HEAP_GRANULE / PAGE, true };
	receive(page_of(address), block->pages, true, true);
}

static void use_metadata(void)
{
	const struct block *block = some_block(true);
	size_t first, there;

	if (!block || !block->is_metadata)
		return;
	model_step("use metadata at %zu", page_of(block->address));
	first = page_of(block->address) + model_below(block->pages);
	there = is_there(first);
	begin_faults();
	if (vmm_heap_reserve_metadata(&vmm.heap, address_of(first), PAGE) == 0 && !there)
		receive(first / (HEAP_GRANULE / PAGE) * (HEAP_GRANULE / PAGE), HEAP_GRANULE / PAGE, true, true);
	(void)end_faults();
}

static void give(void)
{
	struct block *block = some_block(true);
	size_t first, pages;

	/* what was filled stays, mostly */
	if (!block || (block->pages == 2 * MIB / PAGE && model_below(20)))
		return;
	first = page_of(block->address);
	pages = block->pages;
	model_step("give %zu pages at %zu", pages, first);
	expect_seen(first, pages);
	if (block->is_metadata)
		vmm_heap_give_metadata(&vmm.heap, block->address, pages * PAGE);
	else
		vmm_heap_give(&vmm.heap, block->address, pages * PAGE);
	*block = (struct block){ 0 };
	see_file(first, first + pages);
}

static bool is_given_back(size_t page)
{
	uintptr_t address = (uintptr_t)vmm.heap.pool.base + page * PAGE;

	return (address >= vmm.heap.low && address < vmm.heap.high) ||
	       bits_has(vmm.heap.holes.bits, page * PAGE / vmm.heap.holes.granule);
}

static void trim(void)
{
	bool before[MOST_PAGES];
	size_t pages = vmm.heap.pool.size / PAGE;

	for (size_t page = 0; page < pages; page++)
		before[page] = is_given_back(page);
	model_step("trim");
	(void)vmm_heap_trim(&vmm.heap, model_below(MIB));
	for (size_t page = 0; page < pages; page++) {
		if (before[page] || !is_given_back(page))
			continue;
		memset(seen(page), 0, PAGE);
		memset(filed(page), 0, PAGE);
	}
}

/* A file more, also while the heap is private or half-way back. */
static void grow(void)
{
	size_t before = all_pages(), pages = 1 + model_below(2 * MIB / PAGE);
	bool had_faults;
	int r;

	if (!vmm.heap.pool.more || before + pages > MOST_BYTES / PAGE)
		return;
	model_step("grow by %zu pages", pages);
	(void)vmm_lock_take(&vmm.heap.lock);
	begin_faults();
	r = vmm_files_add(&vmm.heap, 0, DIR, pages * PAGE, false);
	had_faults = end_faults();
	vmm_lock_release(&vmm.heap.lock);
	model_result(": %d", r);
	model_expect(r == 0 || had_faults, "the heap does not grow");
	model_expect(all_pages() == before + (r == 0 ? pages : 0), "it has grown by something else");
	memset(seen(before), 0, (all_pages() - before) * PAGE);
	memset(filed(before), 0, (all_pages() - before) * PAGE);
}

static void leave_files(void)
{
	size_t before = all_pages(), bytes;

	model_step("leave files that nobody needs");
	bytes = vmm_files_leave(&vmm.heap);
	model_result(": %zu pages", bytes / PAGE);
	model_expect(all_pages() + bytes / PAGE == before, "it says something else");
	for (size_t i = 0; i < BLOCKS; i++)
		model_expect(!model.blocks[i].address ||
			     page_of(model.blocks[i].address) + model.blocks[i].pages <= all_pages(),
			     "it has left a block");
}

/* --- the thread --- */

static uint64_t *word_of(uint64_t number)
{
	return writer.words + number % THREAD_PAGES * (PAGE / sizeof(uint64_t));
}

static void *write_always(void *argument)
{
	(void)argument;
	while (!__atomic_load_n(&writer.stop, __ATOMIC_RELAXED)) {
		uint64_t number = writer.last + 1;

		__atomic_store_n(word_of(number), number, __ATOMIC_RELEASE);
		__atomic_store_n(&writer.last, number, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Its last numbers, one on each page. In a child: those of one moment. */
static void expect_writers_words(void)
{
	uint64_t last = 0;

	for (uint64_t page = 0; page < THREAD_PAGES; page++)
		last = *word_of(page) > last ? *word_of(page) : last;
	model_expect(last == writer.last || (model.depth > 0 && last >= writer.last), "the thread's last word is lost");
	for (uint64_t number = last < THREAD_PAGES ? 1 : last - THREAD_PAGES + 1; number <= last; number++)
		model_expect(*word_of(number) == number, "a word of the thread is %ju and not %ju",
			     (uintmax_t)*word_of(number), (uintmax_t)number);
}

static void begin_thread(void)
{
	bool zero = true;

	if (writer.words || model.depth > 0)
		return;
	model_step("a thread begins");
	writer.words = vmm_heap_take(&vmm.heap, 0, NULL, THREAD_PAGES * PAGE, PAGE, HEAP_FOR_PROGRAM, &zero);
	if (!writer.words)
		return;
	writer.last = 0;
	writer.stop = false;
	writer.runs = true;
	assert_int_equal(pthread_create(&writer.thread, NULL, write_always, NULL), 0);
}

static void give_writers_block(void)
{
	size_t first = page_of((char *)writer.words);

	for (size_t page = first; page < first + THREAD_PAGES; page++) {
		note(page, 0, PAGE);
		/* when it was frozen is not known so exactly */
		if (!is_shared(page) && !model.is_on_parents_file)
			read_filed(page, filed(page));
	}
	vmm_heap_give(&vmm.heap, writer.words, THREAD_PAGES * PAGE);
	writer.words = NULL;
	see_file(first, first + THREAD_PAGES);
}

static void end_thread(void)
{
	if (!writer.runs)
		return;
	model_step("the thread ends");
	__atomic_store_n(&writer.stop, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(writer.thread, NULL), 0);
	/* or the heap may not return yet */
	assert_true(thread_is_alone());
	writer.runs = false;
	expect_writers_words();
	give_writers_block();
}

/* --- forks --- */

static void step(void);

static void make_gates(void)
{
	model.gates = mmap(NULL, CHILDREN * sizeof(*model.gates), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);
	assert_true(model.gates != MAP_FAILED);
}

static struct pool_page child_page;

/* As fork.c has it: the parent's header goes on showing the parent's figures, and the child has those of the fork. */
static void become_child(uint64_t seed)
{
	char *shadow = vmm.heap.pool.mapping.shadow;

	alarm(CHILD_DEADLINE_S);
	model_is_child(seed);
	model.depth++;
	model.is_on_parents_file = true;
	memset(model.children, 0, sizeof(model.children));
	memset(model.stays, 0, sizeof(model.stays));
	make_gates();
	vmm.heap.pool.header = &child_page.header;
	vmm_mapping_forget_shadow(&vmm.heap.pool);
	model_expect(!shadow || (!vmm.heap.pool.mapping.shadow && msync(shadow, PAGE, MS_ASYNC) < 0),
		     "a child has its parent's shadow");
	vmm_comeback_child(&vmm.heap, true, false);
	vmm_lock_release_in_child(&vmm.heap.lock);
	if (!writer.words)
		return;
	expect_writers_words();
	writer.runs = false;
	give_writers_block();
}

/* The last of its walk is the process's end: what it leaves is the kernel's. */
static void wait_for(pid_t *child)
{
	int status;

	if (*child == 0)
		return;
	__atomic_store_n(&model.gates[child - model.children], 1, __ATOMIC_RELEASE);
	model.stays[child - model.children] = false;
	model_expect(waitpid(*child, &status, 0) == *child, "a child is lost");
	model_expect(status == 0, "a child ended with status %d", status);
	*child = 0;
}

static void wait_for_all(void)
{
	for (size_t i = 0; i < CHILDREN; i++)
		wait_for(&model.children[i]);
}

/* `gate`: it does not settle, and stays until that is open. NULL: it does as it likes. */
static void live_as_child(const int *gate)
{
	expect_all();
	for (size_t i = 0; i < CHILD_STEPS && !gate; i++)
		step();
	for (size_t i = 0; i < CHILD_STEPS && gate; i++)
		write_block(some_block(true));
	while (gate && !__atomic_load_n(gate, __ATOMIC_ACQUIRE))
		usleep(500);
	expect_all();
	wait_for_all();
	_exit(0);
}

/* False: it failed, as it may when calls do. */
static bool freeze(void)
{
	bool had_faults;
	int r;

	begin_faults();
	r = vmm_heap_freeze(&vmm.heap);
	had_faults = end_faults();
	model_result(": %d", r);
	model_expect(r == 0 || had_faults, "the heap cannot be frozen");
	model_expect(r < 0 || (vmm.heap.pool.mapping.is_private && !vmm.heap.pool.mapping.in_parts),
		     "a frozen heap is not all private");
	return r == 0;
}

static void fork_one(void)
{
	pid_t *child = &model.children[model_below(CHILDREN)], pid;
	uint64_t seed = model_below(1u << 31);
	int *gate = &model.gates[child - model.children];
	bool stays = model_below(3) == 0;

	if (model.depth == DEEPEST || (model.depth > 0 && model_below(2)))
		return;
	wait_for(child);
	*gate = 0;
	model_step("freeze and fork%s", stays ? " one that stays" : "");
	(void)vmm_lock_take(&vmm.heap.lock);
	if (!freeze()) {
		vmm_lock_release(&vmm.heap.lock);
		expect_seen(1, all_pages() - 1);
		return;
	}
	/* without a marker nobody returns any more */
	model.faults = model.is_unmarked && model_below(2) ? 8 : 0;
	vmm_comeback_frozen(&vmm.heap);
	model_expect(end_faults() || vmm_comeback.unmarked || model.is_on_parents_file || vmm.come_back,
		     "there is no way back");
	if (vmm.heap.pool.header != &child_page.header)
		child_page = *(const struct pool_page *)vmm.heap.pool.header;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		become_child(seed);
		live_as_child(stays ? gate : NULL);
	}
	*child = pid;
	model.stays[child - model.children] = stays;
	vmm_lock_release(&vmm.heap.lock);
}

/* --- the way back --- */

/* After a thaw that failed the file may have some of what it was to get. */
static void look_at_file(void)
{
	char bytes[PAGE_MOST];

	for (size_t page = 1; page < all_pages(); page++) {
		if (!is_there(page) || is_threads(page))
			continue;
		read_filed(page, bytes);
		for (size_t i = 0; i < PAGE; i++)
			model_expect(bytes[i] == filed(page)[i] || bytes[i] == seen(page)[i],
				     "page %zu of the file is neither old nor new", page);
		memcpy(filed(page), bytes, PAGE);
	}
}

/* Everything that is used is on the new file, and nothing else. */
static void settled(void)
{
	for (size_t page = 1; page < all_pages(); page++) {
		if (!is_used(page) || !is_there(page))
			memset(seen(page), 0, PAGE);
		memcpy(filed(page), seen(page), PAGE);
	}
	model.is_on_parents_file = false;
}

static void thawed(void)
{
	for (size_t page = 1; page < all_pages(); page++)
		if (is_used(page) && is_there(page))
			memcpy(filed(page), seen(page), PAGE);
	see_file(1, all_pages());
}

/* For certain. A child that lives may have settled, and does not need it then. */
static bool is_file_needed(void)
{
	for (size_t i = 0; i < CHILDREN; i++)
		if (model.stays[i])
			return true;
	return model.is_on_parents_file;
}

static bool was_shared[MOST_PAGES];

static void note_shared(void)
{
	for (size_t page = 0; page < all_pages(); page++)
		was_shared[page] = is_shared(page);
}

/* What is used of the pages that are shared since then was written to the file before, and reads as it did. */
static void expect_returned(void)
{
	char bytes[PAGE_MOST];

	for (size_t page = 1; page < all_pages(); page++) {
		if (was_shared[page] || !is_shared(page) || !is_used(page) || !is_there(page))
			continue;
		read_filed(page, bytes);
		model_expect(memcmp(bytes, seen(page), PAGE) == 0, "page %zu returned, and the file has not got it",
			     page);
		memcpy(filed(page), seen(page), PAGE);
	}
}

/* What vmm_come_back has done, by what the mapping was before. */
static const char *look_what_happened(ino_t ino, const struct vmm_mapping *before)
{
	const struct vmm_mapping *now = &vmm.heap.pool.mapping;
	struct vmm_pool as_before = { .size = vmm.heap.pool.size, .grain = vmm.heap.pool.grain, .mapping = *before };
	size_t before_bytes = vmm_mapping_private_bytes(&as_before);

	if (vmm.heap.pool.first.ino != ino) {
		model_expect(!now->is_private && !writer.runs, "it settled with a thread, or is private");
		memset(model.stays, 0, sizeof(model.stays));
		settled();
		return "settled";
	}
	if (before->is_private && !now->is_private) {
		model_expect(!is_file_needed() && !writer.runs, "it returned to a file that others need");
		thawed();
		return "thawed";
	}
	model_expect(now->is_private == before->is_private, "it is private now");
	if (!now->in_parts)
		model_expect(!before->in_parts, "it is half-way back no more");
	if (vmm_mapping_private_bytes(&vmm.heap.pool) < before_bytes)
		model_expect(!is_file_needed(), "it returned in parts to a file that others need");
	expect_returned();
	/* a step that failed may have written what it did not map */
	if (!model.is_on_parents_file)
		look_at_file();
	see_file(1, all_pages());
	return now->in_parts ? "in parts" : "nothing";
}

/* Whether it has to, if no call fails: nobody else is left who needs the file, or a child is small. */
static bool must_return(bool is_alone)
{
	if (!vmm.come_back || !vmm.heap.pool.mapping.is_private)
		return false;
	if (model.depth > 0 && model.is_on_parents_file)
		return vmm.heap.pool.header->used_bytes <= SETTLE_MOST;
	return is_alone && (!writer.runs || !vmm_comeback.free_is_back);
}

/* Whether anything has returned that had not; with a thread, that is free. What became free may have been all. */
static bool has_got_on(size_t private_before, size_t free_before)
{
	return !vmm.heap.pool.mapping.is_private || vmm_mapping_private_bytes(&vmm.heap.pool) < private_before ||
	       (writer.runs && (vmm_comeback.free_is_back || vmm_comeback.free_offset > free_before));
}

static void try_to_return(bool is_alone)
{
	struct vmm_mapping before = vmm.heap.pool.mapping;
	size_t private_before = vmm_mapping_private_bytes(&vmm.heap.pool), free_before = vmm_comeback.free_offset;
	ino_t ino = vmm.heap.pool.first.ino;
	bool must, had_faults, was_away = vmm.come_back;

	model_step("try to return%s%s", is_alone ? ", alone" : "", writer.runs ? ", with a thread" : "");
	must = must_return(is_alone);
	model.ahead_s += (int64_t)model_below(3) + 120 * is_alone;
	must = must && clock_now_ns() > vmm_comeback.return_ns;
	note_shared();
	begin_faults();
	(void)vmm_come_back();
	had_faults = end_faults();
	model_result(": %s", look_what_happened(ino, &before));
	model_expect(vmm.come_back || !was_away || model.is_on_parents_file || !vmm.heap.pool.mapping.is_private,
		     "there is no way back any more");
	if (must && !had_faults)
		model_expect(has_got_on(private_before, free_before), "it does not return");
	expect_all();
}

/* Whoever else has the file has ended. Mostly it goes on to the end, in steps; now and then something comes between. */
static void return_alone(void)
{
	if (model_below(2))
		end_thread();
	wait_for_all();
	do
		try_to_return(true);
	while (must_return(true) && model_below(4));
}

/* --- walks --- */

static void step(void)
{
	size_t what = model_below(1000);

	if (what < 370)
		write_block(some_block(true));
	else if (what < 380)
		write_all();
	else if (what < 600)
		take();
	else if (what < 630)
		take_metadata();
	else if (what < 670)
		use_metadata();
	else if (what < 830)
		give();
	else if (what < 840)
		trim();
	else if (what < 846)
		grow();
	else if (what < 850)
		leave_files();
	else if (what < 880)
		fork_one();
	else if (what < 910)
		begin_thread();
	else if (what < 915)
		end_thread();
	else if (what < 940)
		try_to_return(false);
	else
		return_alone();
}

/* Of one file, or of several; small, or as large as it may become. */
static void make_heap(void)
{
	bool is_large = model_below(3) == 0, has_more = model_below(2);
	size_t most = is_large ? MOST_BYTES : 2 * MIB + model_below(4 * MIB / PAGE) * PAGE;
	size_t bytes = has_more ? MIB + model_below(most / 2 / PAGE) * PAGE : most;
	char words[512] = "";
	struct text error = TEXT_INIT(words);
	struct vmm_pool pool;

	model_step("a heap of %zu pages", bytes / PAGE);
	if (vmm_pool_create(DIR, bytes, false, &pool, &error) < 0)
		fail_msg("%s", words);
	if (has_more)
		assert_int_equal(vmm_pool_make_room(&pool, MOST_BYTES + 8 * MIB), 0);
	assert_int_equal(vmm_heap_init(&vmm.heap, &pool, false), 0);
	while (vmm.heap.pool.size < most) {
		size_t left = most - vmm.heap.pool.size, more = 3 * MIB + model_below(left / PAGE) * PAGE;

		more = more < left ? more : left;
		model_step("grow by %zu pages", more / PAGE);
		assert_int_equal(vmm_files_add(&vmm.heap, 0, DIR, more, false), 0);
	}
}

/* So much in use that the shared mapping is kept as a shadow: mapping.c. */
static void fill(void)
{
	bool zero = true;

	for (size_t i = 0; i < FILLED; i++) {
		model.blocks[i] = (struct block){ vmm_heap_take(&vmm.heap, 0, NULL, 2 * MIB, PAGE, HEAP_FOR_PROGRAM,
								&zero), 2 * MIB / PAGE, false };
		assert_non_null(model.blocks[i].address);
		receive(page_of(model.blocks[i].address), 2 * MIB / PAGE, true, zero);
	}
}

static void unmake_heap(void)
{
	vmm_marker_pull(&vmm_comeback.marker);
	vmm_marker_forget(&vmm_comeback.marker);
	vmm_mapping_drop_shadow(&vmm.heap.pool);
	if (vmm.heap.pool.mapping.shared)
		vmm_table_drop(vmm.heap.pool.mapping.shared, bits_bytes(vmm.heap.pool.room / PAGE));
	vmm_heap_drop(&vmm.heap);
	munmap(model.gates, CHILDREN * sizeof(*model.gates));
}

static void walk(void)
{
	memset(&model, 0, sizeof(model));
	memset(&vmm_comeback, 0, sizeof(vmm_comeback));
	vmm.come_back = NULL;
	vmm.config.fork = CONFIG_FORK_AUTO;
	strcpy(vmm.config.tiers[0].dir, DIR);
	vmm_comeback_start();
	make_gates();
	make_heap();
	if (vmm.heap.pool.size == MOST_BYTES)
		fill();
	model.is_dax = vmm.heap.pool.size == MOST_BYTES ? model_below(3) : model_below(8) == 0;
	model.is_unmarked = model_below(3) == 0;
	model.is_old_kernel = model_below(2);
	for (size_t i = 0; i < STEPS; i++)
		step();
	end_thread();
	wait_for_all();
	expect_all();
	unmake_heap();
	expect_stranger();
}

TEST(test_thaw_is_as_the_model_says)
{
	model_run(walk, WALKS);
}
