/*
 * Whatever promises zeros gives them, in a pool that is nearly full: threads, and children that a thread forks, take,
 * grow and give back blocks of all kinds at random, fill what they hold, and check it. Argument: seconds; a seed.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/check.h"

#define THREADS 3
#define SLOTS 160
#define CHILD_STEPS 600
#define STEPS_A_FORK 4000
#define ZERO 0x40   /* MALLOCX_ZERO, MALLOCX_TCACHE_NONE, MALLOCX_LG_ALIGN and MALLOCX_ARENA of jemalloc(3) */
#define NO_CACHE 0x100
#define IN_ARENA(arena) ((int)((arena) + 1) << 20)

int mallctl(const char *name, void *old, size_t *old_length, void *new, size_t new_length);
void *mallocx(size_t size, int flags);
void *rallocx(void *pointer, size_t size, int flags);
size_t xallocx(void *pointer, size_t size, size_t extra, int flags);
size_t sallocx(const void *pointer, int flags);

struct walker {
	uint64_t random, seed;
	unsigned char *blocks[SLOTS];
	size_t bytes[SLOTS];
	unsigned char tags[SLOTS];
};

static time_t end;

static size_t below(struct walker *walker, size_t limit)
{
	walker->random = walker->random * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(walker->random >> 33) % limit;
}

static size_t some_size(struct walker *walker)
{
	static const size_t most[] = { 200, 5000, 40000, 300000, 3000000 };

	return 1 + below(walker, most[below(walker, 5)]);
}

static void expect_all(const struct walker *walker, const unsigned char *from, size_t bytes, int value,
		       const char *what)
{
	for (size_t i = 0; i < bytes; i++)
		if (from[i] != value) {
			fprintf(stderr, "seed %lu: %s: byte %zu of %zu at %p is %d\n", (unsigned long)walker->seed,
				what, i, bytes, (void *)from, from[i]);
			_exit(1);
		}
}

static void hold(struct walker *walker, size_t slot, unsigned char *block, size_t bytes)
{
	walker->blocks[slot] = block;
	walker->bytes[slot] = bytes;
	walker->tags[slot] = (unsigned char)(1 + below(walker, 255));
	if (block)
		memset(block, walker->tags[slot], bytes);
}

static void take(struct walker *walker, size_t slot)
{
	size_t bytes = some_size(walker);
	int align = (int)below(walker, 17);
	unsigned char *block;
	bool zero = true;

	switch (below(walker, 4)) {
	case 0:
		block = calloc(1, bytes);
		break;
	case 1:
		block = mallocx(bytes, ZERO | align);
		break;
	case 2:
		block = mallocx(bytes, ZERO | NO_CACHE);
		break;
	default:
		block = below(walker, 2) ? malloc(bytes) : memalign((size_t)1 << align, bytes);
		zero = false;
	}
	/* also what there is beyond the bytes that were asked for */
	if (block && zero && below(walker, 2))
		bytes = sallocx(block, 0);
	if (block && zero)
		expect_all(walker, block, bytes, 0, "a new block");
	hold(walker, slot, block, bytes);
}

static void grow(struct walker *walker, size_t slot)
{
	unsigned char *block = walker->blocks[slot], *moved;
	size_t before = sallocx(block, 0), bytes = some_size(walker), kept;

	kept = walker->bytes[slot] < bytes ? walker->bytes[slot] : bytes;
	if (below(walker, 3) == 0) {
		moved = realloc(block, bytes);
	} else if (below(walker, 2)) {
		moved = rallocx(block, bytes, ZERO);
		if (moved && sallocx(moved, 0) > before)
			expect_all(walker, moved + before, sallocx(moved, 0) - before, 0, "a block that grew");
	} else {
		size_t after = xallocx(block, bytes, 0, ZERO);

		moved = block;
		if (after > before)
			expect_all(walker, block + before, after - before, 0, "a block that grew in place");
		if (after < bytes)
			bytes = after;
		kept = walker->bytes[slot] < bytes ? walker->bytes[slot] : bytes;
	}
	if (!moved)
		return;
	expect_all(walker, moved, kept, walker->tags[slot], "what a block held before it grew");
	hold(walker, slot, moved, bytes);
}

static void drop(struct walker *walker, size_t slot)
{
	expect_all(walker, walker->blocks[slot], walker->bytes[slot], walker->tags[slot], "a block");
	free(walker->blocks[slot]);
	walker->blocks[slot] = NULL;
}

/* Its metadata become free space where anybody's blocks may be. */
static void use_an_arena(struct walker *walker)
{
	unsigned arena;
	size_t length = sizeof(arena);
	char name[64];

	if (mallctl("arenas.create", &arena, &length, NULL, 0))
		return;
	for (int i = 0; i < 200; i++) {
		size_t bytes = 1 + below(walker, 9000);
		unsigned char *block = mallocx(bytes, IN_ARENA(arena) | NO_CACHE | ZERO);

		if (!block)
			break;
		expect_all(walker, block, bytes, 0, "a block of a new arena");
		memset(block, 0xff, bytes);
	}
	snprintf(name, sizeof(name), "arena.%u.destroy", arena);
	CHECK(mallctl(name, NULL, NULL, NULL, 0) == 0);
}

/* Until so many 64ths of the pool are used, for good; then metadata come from what was just reserved. */
static void fill(struct walker *walker, size_t parts)
{
	struct vmmalloc_stats stats;

	do
		vmmalloc_stats(&stats, sizeof(stats));
	while (stats.used_bytes < stats.pool_bytes / 64 * parts && malloc((size_t)1 << 20));
	use_an_arena(walker);
}

static void step(struct walker *walker)
{
	size_t slot = below(walker, SLOTS), what = below(walker, 1000);

	if (what < 2)
		malloc_trim(0);
	else if (!walker->blocks[slot])
		take(walker, slot);
	else if (what < 400)
		grow(walker, slot);
	else
		drop(walker, slot);
}

static void *walk(void *argument)
{
	struct walker *walker = argument;

	while (time(NULL) < end)
		step(walker);
	return NULL;
}

static void fork_one(struct walker *walker)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < CHILD_STEPS; i++)
			step(walker);
		_exit(0);
	}
	if (pid > 0) {
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(status == 0);
	}
}

int main(int argc, char **argv)
{
	static struct walker walkers[THREADS + 1];
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct walker *mine = &walkers[THREADS];
	pthread_t threads[THREADS];

	end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
	for (unsigned i = 0; i <= THREADS; i++)
		walkers[i].random = walkers[i].seed = seed + i;
	fill(mine, below(mine, 3) ? 52 + below(mine, 8) : 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, walk, &walkers[i]) == 0);
	for (int steps = 1; time(NULL) < end; steps++) {
		step(mine);
		if (steps % 500 == 0)
			use_an_arena(mine);
		if (steps % STEPS_A_FORK == 0)
			fork_one(mine);
	}
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	for (size_t i = 0; i <= THREADS; i++)
		for (size_t slot = 0; slot < SLOTS; slot++)
			if (walkers[i].blocks[slot])
				drop(&walkers[i], slot);
	return 0;
}
