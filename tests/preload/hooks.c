/*
 * hooks SEED -- functions for extents that allocate and free themselves, in an arena that this thread is bound to, and
 * an arena's caches that they find half filled. Nobody finds another's bytes in a block.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/preload/check.h"

#define BLOCKS 4000
#define STEPS 400000
#define INNER 64
#define BYTES_MOST 1024

/* As in <jemalloc/jemalloc.h>. */
typedef struct extent_hooks extent_hooks;
struct extent_hooks {
	void *(*alloc)(extent_hooks *hooks, void *at, size_t bytes, size_t align, bool *zero, bool *commit,
		       unsigned arena);
	bool (*dalloc)(extent_hooks *hooks, void *address, size_t bytes, bool committed, unsigned arena);
	void (*destroy)(extent_hooks *hooks, void *address, size_t bytes, bool committed, unsigned arena);
	bool (*of_pages[4])(void);  /* to commit, decommit and purge them */
	bool (*split)(extent_hooks *hooks, void *address, size_t bytes, size_t low, size_t high, bool committed,
		      unsigned arena);
	bool (*merge)(extent_hooks *hooks, void *low, size_t low_bytes, void *high, size_t high_bytes, bool committed,
		      unsigned arena);
};

int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes);

struct slot {
	unsigned char *bytes;
	size_t size;
	unsigned char mark;
};

static struct slot outer[BLOCKS], inner[INNER];
static uint64_t state;
static unsigned calls;

static uint32_t next_random(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33);
}

/* Frees what is in the slot, and puts a block into it. */
static void renew(struct slot *slot)
{
	if (slot->bytes) {
		CHECK(slot->bytes[0] == slot->mark && memcmp(slot->bytes, slot->bytes + 1, slot->size - 1) == 0);
		free(slot->bytes);
		slot->bytes = NULL;
		if (next_random() % 2)
			return;
	}
	slot->size = 1 + next_random() % BYTES_MOST;
	slot->mark = (unsigned char)next_random();
	CHECK(slot->bytes = malloc(slot->size));
	memset(slot->bytes, slot->mark, slot->size);
}

static void use_heap(void)
{
	calls++;
	for (int i = 0; i < 40; i++)
		renew(&inner[next_random() % INNER]);
}

static void *hook_alloc(extent_hooks *hooks, void *at, size_t bytes, size_t align, bool *zero, bool *commit,
			unsigned arena)
{
	char *address, *aligned;

	(void)hooks, (void)arena;
	use_heap();
	if (at)
		return NULL;
	address = mmap(NULL, bytes + align, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (address == MAP_FAILED)
		return NULL;
	aligned = (char *)(((uintptr_t)address + align - 1) / align * align);
	*zero = *commit = true;
	return aligned;
}

static bool hook_dalloc(extent_hooks *hooks, void *address, size_t bytes, bool committed, unsigned arena)
{
	(void)hooks, (void)committed, (void)arena;
	use_heap();
	return munmap(address, bytes) != 0;
}

static bool hook_split(extent_hooks *hooks, void *address, size_t bytes, size_t low, size_t high, bool committed,
		       unsigned arena)
{
	(void)hooks, (void)address, (void)bytes, (void)low, (void)high, (void)committed, (void)arena;
	return false;
}

static bool hook_merge(extent_hooks *hooks, void *low, size_t low_bytes, void *high, size_t high_bytes, bool committed,
		       unsigned arena)
{
	(void)hooks, (void)low, (void)low_bytes, (void)high, (void)high_bytes, (void)committed, (void)arena;
	return true;
}

int main(int argc, char **argv)
{
	static extent_hooks own = { .alloc = hook_alloc, .dalloc = hook_dalloc, .split = hook_split,
		.merge = hook_merge };
	extent_hooks *hooks = &own;
	ssize_t at_once = 0;
	unsigned arena;
	char name[64];

	state = argc == 2 ? (uint64_t)atoi(argv[1]) : 1;
	CHECK(mallctl("arenas.create", &arena, &(size_t){ sizeof(arena) }, &hooks, sizeof(hooks)) == 0);
	snprintf(name, sizeof(name), "arena.%u.dirty_decay_ms", arena);
	CHECK(mallctl(name, NULL, NULL, &at_once, sizeof(at_once)) == 0);
	CHECK(mallctl("thread.arena", NULL, NULL, &arena, sizeof(arena)) == 0);
	for (int i = 0; i < STEPS; i++)
		renew(&outer[next_random() % (i / 50000 % 2 ? 100 : BLOCKS)]);
	for (int i = 0; i < BLOCKS; i++)
		while (outer[i].bytes)
			renew(&outer[i]);
	CHECK(calls > 20);
	return 0;
}
