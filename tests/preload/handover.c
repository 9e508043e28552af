/*
 * handover ROUNDS SEED MODE -- threads that make blocks, threads that free what others made, and such as do both, at
 * random. Nobody finds another's bytes in a block.
 *
 *   threads   and some of them end, and others begin
 *   forks     and children that look at all blocks, and make and free some
 *   arenas    and arenas that one thread makes, another frees the blocks of, and the first destroys
 *   trims     and malloc_trim
 */
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

#define SLOTS 8192
#define THREADS 6
#define STEPS 60000
#define ARENA_BLOCKS 2000
#define CHILD_BLOCKS 500

struct block {
	struct block *self;
	size_t bytes;
	unsigned char mark, rest[];
};

enum { PRODUCER, CONSUMER, BOTH, ROLES };

static struct block *slots[SLOTS];

int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes);
void *mallocx(size_t size, int flags);

#define IN_ARENA(arena) (((int)(arena) + 1) << 20 | 1 << 8)  /* MALLOCX_ARENA, MALLOCX_TCACHE_NONE */

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static struct block *fill(struct block *block, size_t bytes, uint64_t *random)
{
	if (!block)
		return NULL;
	*block = (struct block){ .self = block, .bytes = bytes, .mark = (unsigned char)next_random(random) };
	memset(block->rest, block->mark, bytes - sizeof(*block));
	return block;
}

static struct block *make(uint64_t *random)
{
	static const size_t most[] = { 64, 64, 256, 1024, 2048, 16000 };
	size_t bytes = sizeof(struct block) + 8 + next_random(random) % most[next_random(random) % 6];

	return fill(next_random(random) % 8 ? malloc(bytes) : realloc(malloc(bytes / 2), bytes), bytes, random);
}

static void look(const struct block *block)
{
	size_t rest = block->bytes - sizeof(*block);

	CHECK(block->self == block);
	CHECK(block->rest[0] == block->mark && memcmp(block->rest, block->rest + 1, rest - 1) == 0);
}

static void end(struct block *block)
{
	if (!block)
		return;
	look(block);
	memset(block, 0xee, block->bytes);
	free(block);
}

struct worker {
	pthread_t thread;
	uint64_t random;
	int role;
};

/* A slot is as full as it was, or one block more or less. */
static void *work(void *argument)
{
	struct worker *worker = argument;

	for (int i = 0; i < STEPS; i++) {
		struct block **slot = &slots[next_random(&worker->random) % SLOTS], *none = NULL, *made;

		if (worker->role == CONSUMER) {
			end(__atomic_exchange_n(slot, NULL, __ATOMIC_ACQ_REL));
		} else if (worker->role == BOTH) {
			made = make(&worker->random);
			end(__atomic_exchange_n(slot, made, __ATOMIC_ACQ_REL));
		} else if (!__atomic_load_n(slot, __ATOMIC_RELAXED)) {
			made = make(&worker->random);
			if (!__atomic_compare_exchange_n(slot, &none, made, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
				end(made);
		}
	}
	return NULL;
}

/* Producers and consumers are as many. */
static void begin(struct worker *worker, int number, uint64_t *random)
{
	worker->random = next_random(random);
	worker->role = number % ROLES;
	CHECK(pthread_create(&worker->thread, NULL, work, worker) == 0);
}

static void in_child(uint64_t *random)
{
	struct block *blocks[CHILD_BLOCKS];

	for (int i = 0; i < SLOTS; i++)
		if (slots[i])
			look(slots[i]);
	for (int i = 0; i < CHILD_BLOCKS; i++)
		blocks[i] = make(random);
	for (int i = 0; i < SLOTS; i++)
		end(slots[i]);
	for (int i = 0; i < CHILD_BLOCKS; i++)
		end(blocks[i]);
	_exit(0);
}

static void fork_once(uint64_t *random)
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		in_child(random);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(status == 0);
}

static struct block *of_arena[ARENA_BLOCKS];

static void *free_of_arena(void *unused)
{
	for (int i = 0; i < ARENA_BLOCKS; i++)
		end(of_arena[i]);
	CHECK(mallctl("thread.tcache.flush", NULL, NULL, NULL, 0) == 0);
	return unused;
}

static void use_arena(uint64_t *random)
{
	unsigned arena;
	char name[32];
	pthread_t thread;

	CHECK(mallctl("arenas.create", &arena, &(size_t){ sizeof(arena) }, NULL, 0) == 0);
	for (int i = 0; i < ARENA_BLOCKS; i++)
		CHECK(of_arena[i] = fill(mallocx(200, IN_ARENA(arena)), 200, random));
	CHECK(pthread_create(&thread, NULL, free_of_arena, NULL) == 0 && pthread_join(thread, NULL) == 0);
	snprintf(name, sizeof(name), "arena.%u.destroy", arena);
	CHECK(mallctl(name, NULL, NULL, NULL, 0) == 0);
}

int main(int argc, char **argv)
{
	struct worker workers[THREADS];
	int rounds = argc == 4 ? atoi(argv[1]) : 0;
	uint64_t random = argc == 4 ? (uint64_t)atoi(argv[2]) : 0;

	CHECK(rounds > 0);
	for (int i = 0; i < THREADS; i++)
		begin(&workers[i], i, &random);
	for (int i = 0; i < rounds; i++) {
		int n = i % THREADS;

		CHECK(pthread_join(workers[n].thread, NULL) == 0);
		begin(&workers[n], n, &random);
		if (strcmp(argv[3], "forks") == 0)
			fork_once(&random);
		else if (strcmp(argv[3], "arenas") == 0)
			use_arena(&random);
		else if (strcmp(argv[3], "trims") == 0)
			malloc_trim(0);
	}
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(workers[i].thread, NULL) == 0);
	for (int i = 0; i < SLOTS; i++)
		end(slots[i]);
	return 0;
}
