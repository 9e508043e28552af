/*
 * grow WHAT -- VMMALLOC_ON_FULL=grow: a heap takes pools as it needs them, and is one heap.
 *
 *   blocks BYTES     many blocks, small and large, hold what they held; then one block of all; then trim
 *   bound BYTES      so much, and no more: NULL and ENOMEM, and all else goes on
 *   after BYTES MORE so much, though requests of MORE that nobody can serve go between
 *   forks            parents and children grow, before and after their forks, and see what is theirs
 *   pages BYTES      after a fork, and the way back, the pages of all pools are there as they were
 *   threads          eight threads grow at the same time, while the process forks
 *   clean            zeros are zeros in a pool that was the last one, and was not, and is not again
 *   one BYTES        the pool grows no more: it is full below that
 *   idle BYTES       what is not in use for long goes back by itself: VMMALLOC_RELEASE
 *   waits BYTES      it is full; when something can be read, it has so much more
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/preload/forking.h"

#define MIB ((size_t)1 << 20)
#define THREADS 8

int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes);

/* A list of blocks, each with its own number in its first and last bytes. */
struct block {
	struct block *next;
	size_t bytes, number;
};

static struct block *take(size_t bytes, size_t number, struct block *next)
{
	struct block *block = malloc(bytes);

	if (!block)
		return NULL;
	memset(block, (int)(number % 251), bytes);
	*block = (struct block){ .next = next, .bytes = bytes, .number = number };
	return block;
}

static void look_at(const struct block *block)
{
	for (; block; block = block->next) {
		const unsigned char *bytes = (const unsigned char *)block;

		for (size_t at = sizeof(*block); at < block->bytes; at += at + 4096 < block->bytes ? 4096 : 1)
			CHECK(bytes[at] == block->number % 251);
	}
}

static void give(struct block *block)
{
	look_at(block);
	for (struct block *next; block; block = next) {
		next = block->next;
		free(block);
	}
}

/* Blocks of all sizes, of `bytes` in all. */
static struct block *fill(size_t bytes, struct block *list)
{
	static const size_t sizes[] = { 40, 3 * MIB, 200, 70000, 4096, MIB / 2, 1000, 9 * MIB, 20 };
	size_t taken = 0;

	for (size_t i = 0; taken < bytes; i++) {
		size_t size = sizes[i % 9] < sizeof(struct block) ? sizeof(struct block) : sizes[i % 9];

		list = take(size, i, list);
		CHECK(list);
		taken += size;
	}
	return list;
}

static void blocks(size_t bytes)
{
	size_t first = stats().pool_bytes;
	struct block *list;

	for (int round = 0; round < 3; round++) {
		list = fill(bytes, NULL);
		CHECK(stats().pool_bytes > bytes && stats().outside_bytes == 0);
		give(list);
		(void)malloc_trim(0);
		/* metadata stay: no more than the last pool that has some */
		CHECK(stats().used_bytes < bytes / 2);
	}
	list = take(bytes, 7, NULL);
	CHECK(list && stats().outside_bytes == 0 && stats().failed_requests == 0);
	give(list);
	CHECK(stats().pool_bytes >= first);
}

/* A file system may be full before the last pool is. */
static void bound(size_t bytes)
{
	size_t most = getenv("VMMALLOC_MAX_SIZE") ? bytes : bytes + 16 * MIB;
	struct block *list = NULL, *next;
	size_t taken = 0;

	while ((next = take(MIB, taken, list)))
		list = next, taken++;
	CHECK(errno == ENOMEM && taken > bytes / MIB / 2 && stats().pool_bytes <= most);
	CHECK(!malloc(bytes) && errno == ENOMEM && stats().pool_bytes <= most && stats().outside_bytes == 0);
	give(list);
	CHECK((list = take(bytes / 4, 1, NULL)));
	give(list);
}

static void after(size_t bytes, size_t more)
{
	struct block *list = NULL;

	for (size_t taken = 0; taken < bytes; taken += MIB) {
		CHECK(!malloc(more) && errno == ENOMEM);
		list = take(MIB, taken, list);
		CHECK(list);
	}
	give(list);
}

static void child(struct block *list)
{
	look_at(list);
	list = fill(40 * MIB, list);
	for (int depth = 0; depth < 2; depth++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			give(fill(20 * MIB, list));
			_exit(0);
		}
		list = fill(5 * MIB, list);
		CHECK(ended_well(pid));
	}
	give(list);
	_exit(0);
}

static void forks(void)
{
	struct block *list = fill(30 * MIB, NULL);

	for (int round = 0; round < 4; round++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0)
			child(list);
		list = fill(30 * MIB, list);
		look_at(list);
		CHECK(ended_well(pid));
		look_at(list);
		list = fill(10 * MIB, list);
		allocate();
	}
	CHECK(stats().outside_bytes == 0 && stats().forks == 4);
	if (!getenv("VMMALLOC_FORK") || strcmp(getenv("VMMALLOC_FORK"), "auto") == 0)
		CHECK(comes_back() && stats().private_bytes == 0);
	give(list);
	list = fill(100 * MIB, NULL);
	give(list);
}

static long faults_to_read(struct block *list)
{
	struct rusage before, after;

	CHECK(getrusage(RUSAGE_THREAD, &before) == 0);
	look_at(list);
	CHECK(getrusage(RUSAGE_THREAD, &after) == 0);
	return after.ru_minflt - before.ru_minflt;
}

/* Their page tables are set aside by the fork, and moved back, also if there are more pools or fewer by then. */
static void pages(size_t bytes)
{
	struct block *list = fill(bytes, NULL), *more;
	/* the kernel maps 16 pages at a fault of a file */
	long most = (long)(bytes / (size_t)sysconf(_SC_PAGESIZE) / 16 / 4);

	CHECK(stats().pool_bytes > bytes);
	for (int round = 0; round < 3; round++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0)
			_exit(0);
		more = fill(round * 30 * MIB, NULL);
		if (round == 2) {
			give(more);
			(void)malloc_trim(0);
			more = NULL;
		}
		CHECK(ended_well(pid) && comes_back());
		CHECK(faults_to_read(list) < most);
		give(more);
		(void)malloc_trim(0);
	}
	give(list);
}

static void *grow_too(void *unused)
{
	for (int round = 0; round < 3; round++)
		give(fill(20 * MIB, NULL));
	return unused;
}

static void threads(void)
{
	struct block *list = fill(20 * MIB, NULL);
	pthread_t thread[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, grow_too, NULL) == 0);
	for (int i = 0; i < 6; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			give(fill(10 * MIB, list));
			_exit(0);
		}
		CHECK(ended_well(pid));
		look_at(list);
	}
	for (size_t i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	give(list);
	CHECK(stats().outside_bytes == 0);
}

static void one(size_t bytes)
{
	struct block *list = NULL, *next;

	while ((next = take(MIB, 1, list)))
		list = next;
	CHECK(errno == ENOMEM && stats().pool_bytes < bytes);
	for (int i = 0; i < 8; i++)
		CHECK(dup(STDERR_FILENO) >= 0);
	/* to ask for one more again and again makes no difference */
	for (int i = 0; i < 100; i++) {
		CHECK(!malloc(MIB) && stats().pool_bytes < bytes);
		sleep_ms(1);
	}
	give(list);
}

static void idle(size_t bytes)
{
	size_t first = stats().pool_bytes;
	struct block *list = fill(bytes, NULL);

	CHECK(stats().pool_bytes > bytes);
	give(list);
	/* jemalloc keeps what is free for a while, too: here it does not */
	CHECK(mallctl("thread.tcache.flush", NULL, NULL, NULL, 0) == 0);
	CHECK(mallctl("arena.4096.purge", NULL, NULL, NULL, 0) == 0);
	for (int i = 0; i < 2000 && stats().pool_bytes > 2 * first; i++) {
		sleep_ms(10);
		for (int n = 0; n < 100; n++)
			free(malloc(1000));
	}
	CHECK(stats().pool_bytes <= 2 * first);
	give(fill(bytes / 2, NULL));
}

static void waits(size_t bytes)
{
	struct block *list = NULL, *next;
	char line[2];

	for (size_t size = MIB; size >= 4096; size /= 2)
		while ((next = take(size, 1, list)))
			list = next;
	CHECK(puts("full") >= 0 && fflush(stdout) == 0 && read(STDIN_FILENO, line, sizeof(line)) > 0);
	sleep_ms(50);  /* it asked for a pool a moment ago */
	for (size_t taken = 0; taken < bytes; taken += MIB) {
		next = take(MIB, 2, list);
		CHECK(next);
		list = next;
	}
	give(list);
}

/* Pools come, go and come again while what lies before them is used. */
static void clean(void)
{
	char *blocks[8];

	for (int round = 0; round < 3; round++) {
		char *large = malloc(20 * MIB);

		CHECK(large);
		memset(large, 1, 20 * MIB);
		for (int i = 0; i < 8; i++) {
			CHECK((blocks[i] = calloc(1, MIB)));
			for (size_t at = 0; at < MIB; at++)
				CHECK(blocks[i][at] == 0);
			memset(blocks[i], 0xee, MIB);
		}
		for (int i = round == 1 ? 4 : 0; i < 8; i++)
			free(blocks[i]);
		free(large);
		(void)malloc_trim(0);
		for (int i = 0; i < 8; i++)
			memset((blocks[i] = malloc(MIB)), 0xee, MIB);
		for (int i = 0; i < 8; i++)
			free(blocks[i]);
	}
}

int main(int count, char **words)
{
	size_t bytes = count > 2 ? strtoul(words[2], NULL, 10) * MIB : 0;

	if (strcmp(words[1], "blocks") == 0)
		blocks(bytes);
	else if (strcmp(words[1], "bound") == 0)
		bound(bytes);
	else if (strcmp(words[1], "after") == 0)
		after(bytes, strtoul(words[3], NULL, 10) * MIB);
	else if (strcmp(words[1], "forks") == 0)
		forks();
	else if (strcmp(words[1], "pages") == 0)
		pages(bytes);
	else if (strcmp(words[1], "threads") == 0)
		threads();
	else if (strcmp(words[1], "clean") == 0)
		clean();
	else if (strcmp(words[1], "idle") == 0)
		idle(bytes);
	else if (strcmp(words[1], "waits") == 0)
		waits(bytes);
	else
		one(bytes);
	return 0;
}
