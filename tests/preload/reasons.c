/*
 * What is outside of the pool is counted by reason, and the reasons add up to the sum: in the header, where others read
 * it, and in vmmalloc_stats(). The argument is the reason that is to be the only one.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/pool_header.h"
#include "tests/preload/forking.h"

#define MIB ((size_t)1 << 20)
#define BLOCKS 64
#define THREADS 40

static char *blocks[BLOCKS];
static const char *only;

/* Of the process's own pool: a child that is private still has its parent's. */
static struct pool_page read_page(void)
{
	struct pool_page page = { 0 };

	for (int fd = 0; fd < 1024; fd++)
		if (pread(fd, &page, sizeof(page), 0) == sizeof(page) &&
		    memcmp(page.header.magic, POOL_HEADER_MAGIC, sizeof(page.header.magic)) == 0 &&
		    page.header.owner_pid == (uint32_t)getpid())
			return page;
	CHECK(!"no pool");
	return page;
}

static uint64_t sum_of(const struct pool_outside *outside)
{
	uint64_t sum = 0;

	for (int i = 0; i < POOL_OUTSIDE_MOST; i++)
		sum += outside->bytes[i];
	return sum;
}

static uint64_t metadata_of(const struct pool_outside *outside)
{
	return outside->bytes[POOL_OUTSIDE_METADATA_FULL] + outside->bytes[POOL_OUTSIDE_METADATA_SPACE];
}

static uint64_t told(const struct vmmalloc_stats *now)
{
	return now->outside_early_bytes + now->outside_full_bytes + now->outside_space_bytes +
	       now->outside_large_bytes + now->outside_metadata_bytes;
}

/* At rest nothing changes while it is read. */
static void expect_sums(void)
{
	struct vmmalloc_stats now = stats();

	CHECK(told(&now) == now.outside_bytes);
	if (now.mode == VMMALLOC_MODE_POOL) {
		struct pool_page page = read_page();

		CHECK(strcmp(page.outside.magic, POOL_OUTSIDE_MAGIC) == 0);
		CHECK(page.outside.reasons == POOL_OUTSIDE_REASONS);
		CHECK(page.header.outside_bytes == now.outside_bytes && sum_of(&page.outside) == now.outside_bytes);
		CHECK(page.outside.bytes[POOL_OUTSIDE_FULL] == now.outside_full_bytes);
		CHECK(metadata_of(&page.outside) == now.outside_metadata_bytes);
	}
}

static uint64_t of(const char *reason)
{
	struct vmmalloc_stats now = stats();
	struct pool_page page;

	expect_sums();
	if (strcmp(reason, "early") == 0)
		return now.outside_early_bytes;
	if (strcmp(reason, "full") == 0)
		return now.outside_full_bytes;
	if (strcmp(reason, "space") == 0)
		return now.outside_space_bytes;
	if (strcmp(reason, "large") == 0)
		return now.outside_large_bytes;
	page = read_page();
	CHECK(metadata_of(&page.outside) == now.outside_metadata_bytes);
	return page.outside.bytes[strcmp(reason, "metadata_full") == 0 ? POOL_OUTSIDE_METADATA_FULL
								      : POOL_OUTSIDE_METADATA_SPACE];
}

static void expect_only(uint64_t least)
{
	if (of(only) < least || of(only) != stats().outside_bytes)
		fprintf(stderr, "%s: %lu of %lu bytes\n", only, of(only), stats().outside_bytes);
	CHECK(of(only) >= least && of(only) == stats().outside_bytes);
}

static void fill(void)
{
	for (int i = 0; i < BLOCKS; i++) {
		CHECK((blocks[i] = malloc(MIB)) != NULL);
		memset(blocks[i], i, MIB);
	}
}

/* Every third, so that what goes back is in many pieces; then the others. */
static void empty(void)
{
	for (int round = 0; round < 3; round++) {
		for (int i = round; i < BLOCKS; i += 3) {
			CHECK(blocks[i][0] == (char)i);
			free(blocks[i]);
			expect_sums();
		}
		malloc_trim(0);
		expect_sums();
	}
}

static void child(void)
{
	struct vmmalloc_stats before = stats();

	expect_only(16 * MIB);
	empty();
	CHECK(stats().outside_bytes == 0 && before.outside_bytes > 0);
	/* it may be on a pool of its own by now, or will be */
	fill();
	expect_only(16 * MIB);
	_exit(0);
}

/* A child goes on with its parent's figures, on its parent's pool and on its own. */
static void forks(void)
{
	for (int i = 0; i < 2; i++) {
		struct vmmalloc_stats before = stats();
		pid_t pid = fork();

		if (pid == 0)
			child();
		CHECK(ended_well(pid));
		expect_sums();
		CHECK(stats().outside_bytes == before.outside_bytes);
	}
}

/* Not much of the pool is in use, so a child gets one of its own: what is outside stays, and its reason is known. */
static void large(void)
{
	char *block = malloc(100 * MIB);
	pid_t pid;

	memset(block, 1, 100 * MIB);
	expect_only(100 * MIB);
	pid = fork();
	if (pid == 0) {
		expect_only(100 * MIB);
		CHECK(comes_back());
		CHECK(read_page().header.outside_bytes >= 100 * MIB);
		expect_only(100 * MIB);
		free(block);
		expect_sums();
		CHECK(stats().outside_bytes == 0);
		_exit(0);
	}
	CHECK(ended_well(pid) && comes_back());
	expect_only(100 * MIB);
	/* it grows where it lies, or moves: it is as large all the same */
	CHECK((block = realloc(block, 140 * MIB)));
	expect_only(140 * MIB);
	free(block);
	CHECK(stats().outside_bytes == 0);
	/* the alignment alone */
	CHECK(posix_memalign((void **)&block, (size_t)1 << 40, 4096) == 0);
	expect_only(4096);
	free(block);
	malloc_trim(0);
	expect_sums();
}

static pthread_barrier_t all_there;

static void *have_an_arena(void *unused)
{
	pthread_barrier_wait(&all_there);
	pthread_barrier_wait(&all_there);
	free(malloc(100));
	return unused;
}

/* Each thread's arena needs bookkeeping of its own. */
static void metadata(void)
{
	pthread_t threads[THREADS];

	CHECK(pthread_barrier_init(&all_there, NULL, THREADS + 1) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, have_an_arena, NULL) == 0);
	pthread_barrier_wait(&all_there);
	while (malloc(100000))
		;
	while (malloc(64))
		;
	pthread_barrier_wait(&all_there);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	expect_only(4096);
}

/* What glibc's functions say of it. The stream itself is on the heap. */
static void expect_words(void)
{
	struct vmmalloc_stats now;
	static char xml[2000], expected[200];
	FILE *stream = fmemopen(xml, sizeof(xml), "w");

	setbuf(stream, NULL);
	now = stats();
	CHECK(malloc_info(0, stream) == 0);
	snprintf(expected, sizeof(expected), "<outside early=\"%lu\" full=\"%lu\" space=\"%lu\" large=\"%lu\" "
		 "metadata=\"%lu\"/>\n", now.outside_early_bytes, now.outside_full_bytes, now.outside_space_bytes,
		 now.outside_large_bytes, now.outside_metadata_bytes);
	CHECK(strstr(xml, expected));
	fclose(stream);
}

/* The library is there, and there was no pool when another library asked for memory. */
static void early(void)
{
	uint64_t before = of("early");

	CHECK(before > 0 && before == stats().outside_bytes);
	fill();
	expect_sums();
	/* of what came early some is free, and goes back */
	CHECK(of("early") > 0 && of("early") <= before && of("full") > 16 * MIB);
	CHECK(of("early") + of("full") == stats().outside_bytes);
	expect_words();
	empty();
	CHECK(of("early") <= before && of("early") == stats().outside_bytes);
}

/* All that there is. */
static void ordinary(void)
{
	CHECK(stats().mode == VMMALLOC_MODE_ORDINARY);
	fill();
	expect_words();
	CHECK(stats().outside_bytes > BLOCKS * MIB && stats().outside_early_bytes == stats().outside_bytes);
}

int main(int argc, char **argv)
{
	CHECK(argc == 2);
	only = argv[1];
	if (strcmp(only, "early") == 0) {
		early();
	} else if (strcmp(only, "ordinary") == 0) {
		ordinary();
	} else if (strcmp(only, "large") == 0) {
		large();
	} else if (strncmp(only, "metadata", 8) == 0) {
		metadata();
	} else {
		fill();
		expect_only(16 * MIB);
		forks();
		empty();
		CHECK(stats().outside_bytes == 0);
		fill();
		expect_only(16 * MIB);
	}
	return 0;
}
