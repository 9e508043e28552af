/*
 * seam -- what the library relies on of the jemalloc that it was built with, beyond names: sizes, the first field of a
 * thread's data, options, and where everything lies. It is one program with the library's objects and jemalloc's, so
 * that it can call what the library hides. Run on a pool of 64 MiB; it says nothing if all is true.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "libvmmalloc/jemalloc/front.h"
#include "libvmmalloc/jemalloc/jemalloc.h"
#include "libvmmalloc/jemalloc/seam.h"
#include "libvmmalloc/jemalloc/transfer.h"
#include "tests/preload/check.h"
#include "tests/preload/full_pool.h"
#include "tests/preload/thread_count.h"

#define MIB ((size_t)1 << 20)
#define JEMALLOC_PAGE ((size_t)1 << JEMALLOC_LG_PAGE)
#define STACK (256 << 10)
#define HANDED_BYTES 64
#define BEGINNERS 64  /* more than have room for their caches in what the heap keeps for that */

size_t je_nallocx(size_t size, int flags);
void *je_b0get(void);
void *je_base_alloc_edata(void *tsdn, void *base);
extern __thread bool je_tsd_tls[];
extern void *je_arenas[];
extern bool je_opt_junk_alloc, je_opt_junk_free;

/* Whatever its type: size_t, unsigned or bool. */
static size_t figure(const char *name)
{
	size_t value = 0;
	int error = -1;

	for (size_t length = sizeof(value); error != 0 && length > 0; length /= 2) {
		value = 0;
		error = je_mallctl(name, &value, &(size_t){ length }, NULL, 0);
	}
	if (error != 0)
		fprintf(stderr, "mallctl %s: error %d\n", name, error);
	CHECK(error == 0);
	return value;
}

static const char *word(const char *name)
{
	const char *value = NULL;
	size_t length = sizeof(value);

	CHECK(je_mallctl(name, &value, &length, NULL, 0) == 0);
	return value;
}

/* Two pieces in a row are apart by the size that jemalloc gives them; and so are two of ours. */
static void check_sizes(void)
{
	char *first = je_base_alloc_edata(NULL, je_b0get()), *second = je_base_alloc_edata(NULL, je_b0get());
	char *ours = vmm_seam_extent_metadata(NULL, je_b0get());

	CHECK((uintptr_t)first % 128 == 0 && (uintptr_t)ours % 128 == 0 && second > first);
	CHECK((char *)vmm_seam_extent_metadata(NULL, je_b0get()) - ours == second - first);
}

static void set_cache(bool on)
{
	CHECK(je_mallctl("thread.tcache.enabled", NULL, NULL, &on, sizeof(on)) == 0);
}

static void check_thread_data(void)
{
	for (int on = 1; on >= 0; on--) {
		set_cache(on);
		CHECK(je_tsd_tls[0] == on);
	}
	set_cache(true);
}

/* A short block in a cache would be somebody's block of all of its class later. Programs can set this since 5.3.1. */
static void check_cached(void)
{
	size_t before = figure("arenas.tcache_max"), most = 8 * MIB;

	CHECK(before < MIB);
	if (je_mallctl("thread.tcache.max", NULL, NULL, &most, sizeof(most)) != 0)
		return;
	CHECK(figure("thread.tcache.max") <= MIB);
	CHECK(je_mallctl("thread.tcache.max", NULL, NULL, &before, sizeof(before)) == 0);
}

static void check_options(void)
{
	static const char *const off[] = { "retain", "background_thread", "hpa", "cache_oblivious", "abort",
		"stats_print", "confirm_conf" };
	char name[64];

	for (size_t i = 0; i < sizeof(off) / sizeof(*off); i++) {
		snprintf(name, sizeof(name), "opt.%s", off[i]);
		CHECK(figure(name) == 0);
	}
	CHECK(!figure("config.prof") || !figure("opt.prof"));
	CHECK(!figure("config.fill") || !figure("opt.zero"));
	CHECK(!je_opt_junk_alloc && !je_opt_junk_free);
	CHECK(!figure("config.xmalloc") || !figure("opt.xmalloc"));
	CHECK(figure("opt.tcache"));
	CHECK(strcmp(word("opt.dss"), "disabled") == 0 && strcmp(word("arena.0.dss"), "disabled") == 0);
	CHECK(strcmp(word("opt.metadata_thp"), "disabled") == 0);
	CHECK(strcmp(word("opt.percpu_arena"), "disabled") == 0);
	CHECK(strcmp(word("opt.thp"), "default") == 0);
	CHECK(figure("opt.oversize_threshold") == 0);
	CHECK(je_nallocx(50 * MIB, 0) == 56 * MIB);
	CHECK(figure("opt.narenas") == 3 && figure("arenas.narenas") == 3);
	CHECK(figure("arenas.page") == JEMALLOC_PAGE && JEMALLOC_PAGE % (size_t)sysconf(_SC_PAGESIZE) == 0);
}

/* Of some size classes the pages of a slab, as the options ask for. */
static void check_slabs(void)
{
#if JEMALLOC_LG_PAGE == 12
	static const struct { size_t bytes, pages; } wanted[] = { { 128, 8 }, { 1024, 8 }, { 1280, 10 }, { 3584, 7 },
		{ 8192, 8 }, { 14336, 7 } };
#elif JEMALLOC_LG_PAGE == 14
	static const struct { size_t bytes, pages; } wanted[] = { { 128, 4 }, { 1024, 4 }, { 1280, 5 }, { 3584, 7 },
		{ 8192, 4 }, { 16384, 4 } };
#else
	static const struct { size_t bytes, pages; } wanted[] = { { 128, 2 }, { 1024, 2 }, { 1280, 5 }, { 3584, 7 },
		{ 8192, 2 }, { 65536, 2 } };
#endif
	size_t found = 0;
	char name[64];

	for (unsigned bin = 0; bin < figure("arenas.nbins"); bin++) {
		size_t bytes, slab;

		snprintf(name, sizeof(name), "arenas.bin.%u.size", bin);
		bytes = figure(name);
		snprintf(name, sizeof(name), "arenas.bin.%u.slab_size", bin);
		slab = figure(name);
		for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
			if (bytes == wanted[i].bytes) {
				CHECK(slab == wanted[i].pages * figure("arenas.page"));
				found++;
			}
	}
	CHECK(found == sizeof(wanted) / sizeof(*wanted));
}

/* Bytes of writable ordinary memory without a name; and of it, what is the page index: not reserved, in no core. */
static void ordinary_memory(size_t *ret_bytes, size_t *ret_index)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	char line[1024], mode[5] = "", path[512];
	unsigned long from, to, bytes = 0, inode;
	bool is_index = false;

	*ret_bytes = *ret_index = 0;
	while (fgets(line, sizeof(line), maps)) {
		path[0] = '\0';
		if (sscanf(line, "%lx-%lx %4s %*s %*s %lu %511s", &from, &to, mode, &inode, path) >= 4) {
			bytes = mode[1] == 'w' && inode == 0 && path[0] == '\0' ? to - from : 0;
			is_index = from < (uintptr_t)vmm_seam.index_next && (uintptr_t)vmm_seam.index_next <= to;
		}
		if (strncmp(line, "VmFlags:", 8) == 0) {
			*ret_bytes += bytes;
			*ret_index += is_index && strstr(line, " nr") && strstr(line, " dd") ? bytes : 0;
		}
	}
	fclose(maps);
}

static void *take_all_sizes(void *unused)
{
	static __thread void *blocks[400];

	for (size_t i = 0; i < 400; i++) {
		size_t bytes = i < 300 ? i * 53 : i * 997;

		CHECK(blocks[i] = i % 2 ? malloc(bytes) : calloc(1, bytes));
		CHECK(vmmalloc_contains(blocks[i]) && vmmalloc_contains((char *)blocks[i] + (bytes ? bytes - 1 : 0)));
		memset(blocks[i], 1, bytes);
	}
	for (size_t i = 0; i < 400; i++)
		free(blocks[i]);
	return unused;
}

/* Threads have their stacks in the heap: then ordinary memory is nobody's but jemalloc's. */
static void run_thread(void *(*function)(void *))
{
	pthread_attr_t attributes;
	pthread_t thread;
	void *stack;

	CHECK(stack = aligned_alloc(4096, STACK));
	CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstack(&attributes, stack, STACK) == 0);
	CHECK(pthread_create(&thread, &attributes, function, NULL) == 0 && pthread_join(thread, NULL) == 0);
	pthread_attr_destroy(&attributes);
	free(stack);
}

static void check_places(void)
{
	struct vmmalloc_stats before, after;
	size_t bytes[2], index[2];
	char *end = sbrk(0);

	ordinary_memory(&bytes[0], &index[0]);
	vmmalloc_stats(&before, sizeof(before));
	take_all_sizes(NULL);
	for (int i = 0; i < 5; i++)
		run_thread(take_all_sizes);
	for (unsigned i = 0; i < figure("arenas.narenas"); i++)
		CHECK(!je_arenas[i] || vmmalloc_contains(je_arenas[i]));
	CHECK(vmmalloc_contains(je_b0get()) && je_arenas[1]);
	CHECK(vmmalloc_contains(je_base_alloc_edata(NULL, je_b0get())));
	vmmalloc_stats(&after, sizeof(after));
	ordinary_memory(&bytes[1], &index[1]);
	CHECK(after.mode == VMMALLOC_MODE_POOL && after.metadata_bytes > before.metadata_bytes);
	CHECK(after.outside_bytes == 0 && after.outside_metadata_bytes == 0);
	CHECK(index[1] > 0 && bytes[1] - bytes[0] == index[1] - index[0]);
	CHECK(sbrk(0) == end && thread_is_alone());
}

/*
 * A large block that has no room for its size class is as short as the request (seam.h). Where it is zeroed, what lies
 * behind it stays.
 */
static void check_short_block(void)
{
	static unsigned char *blocks[64];
	size_t had = 0, first = 0, in_row = 0, each = MIB / 4 * 5;  /* three of these are short of a class, of 4 MiB */
	unsigned char *block;

	while (had < 64 && (blocks[had] = malloc(each)))
		memset(blocks[had++], 1, each);
	for (size_t i = 0; i < had && in_row < 5; i++) {
		in_row = in_row && blocks[i] == blocks[i - 1] + each ? in_row + 1 : 1;
		first = i + 1 - in_row;
	}
	CHECK(in_row == 5);
	for (size_t i = 1; i < 4; i++) {
		free(blocks[first + i]);
		blocks[first + i] = NULL;
	}
	CHECK((block = calloc(3, each)) && malloc_usable_size(block) == 3 * each);
	for (size_t i = 0; i < 3 * each; i++)
		CHECK(block[i] == 0);
	free(block);
	for (size_t i = 0; i < had; i++) {
		CHECK(!blocks[i] || (blocks[i][0] == 1 && memcmp(blocks[i], blocks[i] + 1, each - 1) == 0));
		free(blocks[i]);
	}
}

/* realloc() leaves a block alone in just the sizes of its class. */
static void check_realloc(void)
{
	for (size_t bytes = 1; bytes <= 12 * MIB; bytes += bytes < 20000 ? 1 : bytes / 97) {
		size_t class_bytes = je_nallocx(bytes, 0), sizes[] = { class_bytes, bytes, class_bytes + 1, bytes };

		for (size_t i = 0; i < 4; i++) {
			void *block = malloc(sizes[i]), *moved;
			bool is_kept = je_nallocx(sizes[(i + 1) % 4], 0) == je_nallocx(sizes[i], 0);

			CHECK(block);
			moved = realloc(block, sizes[(i + 1) % 4]);
			CHECK(moved && (!is_kept || moved == block));
			CHECK(malloc_usable_size(moved) == je_nallocx(sizes[(i + 1) % 4], 0));
			free(moved);
		}
	}
}

static struct full_pool full;

static void *begin_on_full(void *unused)
{
	void *block;

	full_pool_begin(&full);
	for (int i = 0; i < 10000; i++) {
		CHECK(block = malloc(100 + i % 1000));
		free(block);
	}
	CHECK(je_tsd_tls[0] == 1);
	return unused;
}

/* A thread whose first request comes when the pool is full is told so. When there is room it has a cache as others. */
static void check_full_pool(void)
{
	pthread_t threads[BEGINNERS];

	full_pool_init(&full, BEGINNERS);
	for (int i = 0; i < BEGINNERS; i++)
		CHECK(pthread_create(&threads[i], NULL, begin_on_full, NULL) == 0);
	full_pool_happen(&full);
	for (int i = 0; i < BEGINNERS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

static size_t page_of(const void *pointer)
{
	return ((uintptr_t)pointer - vmm_front.base) / JEMALLOC_PAGE;
}

/* What free() finds of blocks of every small size. */
static void check_classes(void)
{
	char *block;

	for (size_t bytes = 0; bytes <= FRONT_BYTES_MOST; bytes++) {
		CHECK(block = malloc(bytes));
		CHECK(vmm_front.classes[page_of(block)] == je_sz_size2index_tab[(bytes + 7) / 8] + 1);
		CHECK(malloc_usable_size(block) == je_nallocx(bytes ? bytes : 1, 0));
		free(block);
	}
}

/* The same pages, as slabs and as large blocks: what they were before is forgotten. */
static void check_other_use(void)
{
	static const size_t sizes[] = { 64, 256 << 10, 320, 16 << 10, 4096, MIB };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t count = 0, wrong = 0;
		void **chain = NULL, **block;
		bool is_slab = sizes[i] <= FRONT_BYTES_MOST;

		for (; (block = malloc(sizes[i])); count++) {
			wrong += !is_slab != !vmm_front.classes[page_of(block)];
			*block = chain;
			chain = block;
		}
		for (; chain; chain = block) {
			block = *chain;
			free(chain);
		}
		CHECK(count * sizes[i] > 40 * MIB && wrong == 0);
		malloc_trim(0);
	}
}

static void *end_with_cache(void *unused)
{
	free(malloc(100));
	CHECK(vmm_front_thread.bins);
	return unused;
}

static void check_front(void)
{
	free(malloc(1000));
	CHECK(vmm_front_thread.bins && vmm_front.pages == 64 * MIB / JEMALLOC_PAGE);
	set_cache(false);
	CHECK(!vmm_front_thread.bins);
	free(malloc(1000));
	CHECK(!vmm_front_thread.bins);
	set_cache(true);
	check_classes();
	CHECK(vmm_front_thread.bins);
	run_thread(end_with_cache);
	check_other_use();
}

static size_t *handed[2000];

#define HANDED (sizeof(handed) / sizeof(*handed))

static void make_handed(void)
{
	for (size_t i = 0; i < HANDED; i++) {
		CHECK(handed[i] = malloc(HANDED_BYTES));
		for (size_t j = 0; j < HANDED_BYTES / sizeof(size_t); j++)
			handed[i][j] = i;
	}
}

/* Of a thread that has allocated nothing. */
static void *free_handed(void *unused)
{
	for (size_t i = 0; i < HANDED; i++) {
		for (size_t j = 0; j < HANDED_BYTES / sizeof(size_t); j++)
			CHECK(handed[i][j] == i);
		free(handed[i]);
	}
	CHECK(je_tsd_tls[0] == 1);
	return unused;
}

static size_t in_transfer(void)
{
	size_t count = 0;

	for (size_t i = 0; i < TRANSFER_CLASSES; i++)
		count += vmm_transfer.classes[i].count;
	return count;
}

/* A thread that only frees has a cache. What that cannot hold is the next one's, and nobody's when the pool is full. */
static void check_transfer(void)
{
	void **chain = NULL, **block;
	size_t count;

	CHECK(figure("arenas.nbins") <= TRANSFER_CLASSES);
	for (int i = 0; i < 2; i++) {
		make_handed();
		CHECK(i == 0 || in_transfer() < count);
		run_thread(free_handed);
		count = in_transfer();
		CHECK(count > 0 && count <= TRANSFER_BLOCKS_MOST);
	}
	while ((block = malloc(3 * HANDED_BYTES))) {
		*block = chain;
		chain = block;
	}
	CHECK(in_transfer() == 0);
	for (; chain; chain = block) {
		block = *chain;
		free(chain);
	}
	make_handed();
	run_thread(free_handed);
	CHECK(in_transfer() > 0);
	vmm_transfer_age();
	CHECK(in_transfer() > 0);
	vmm_transfer_age();
	CHECK(in_transfer() == 0);
}

int main(void)
{
	check_sizes();
	check_thread_data();
	check_options();
	check_cached();
	check_slabs();
	check_places();
	check_short_block();
	check_realloc();
	check_front();
	check_transfer();
	check_full_pool();
	return 0;
}
