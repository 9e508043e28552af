/*
 * grow_forks WHAT -- VMMALLOC_ON_FULL=grow beside what other libraries do around a fork.
 *
 *   allocates     a handler that registered before ours allocates, in a full pool: fork, and threads, go on
 *   trims         such a handler trims: the child has the heap that was prepared for it
 *   descriptors   a child that shares our descriptors neither closes nor opens one of them
 */
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include "tests/preload/forking.h"

#define MIB ((size_t)1 << 20)
#define BLOCKS 10
#define BLOCK_BYTES (8 * MIB)
#define DESCRIPTORS 4096

static char *blocks[BLOCKS];
static void (*in_handler)(void);

static void take(void)
{
	for (size_t i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(BLOCK_BYTES);
		if (blocks[i])
			memset(blocks[i], 1 + (int)i, BLOCK_BYTES);
	}
}

static void drop(void)
{
	for (size_t i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	memset(blocks, 0, sizeof(blocks));
}

static void give(void)
{
	for (size_t i = 0; i < BLOCKS; i++)
		CHECK(!blocks[i] || (blocks[i][0] == 1 + (int)i && blocks[i][BLOCK_BYTES - 1] == 1 + (int)i));
	drop();
}

static bool has_all(void)
{
	for (size_t i = 0; i < BLOCKS; i++)
		if (!blocks[i])
			return false;
	return true;
}

static void trim(void)
{
	(void)malloc_trim(0);
}

static void before_fork(void)
{
	if (in_handler)
		in_handler();
}

/* Before the library's own, which is then called before it. */
static void register_first(void)
{
	CHECK(pthread_atfork(before_fork, NULL, NULL) == 0);
}

__attribute__((section(".preinit_array"), used)) static void (*preinit)(void) = register_first;

static void *take_and_give(void *unused)
{
	take();
	CHECK(has_all());
	give();
	return unused;
}

static void fork_with(void (*handler)(void))
{
	sigset_t blocked;
	pid_t pid;

	in_handler = handler;
	pid = fork();
	in_handler = NULL;
	if (pid == 0) {
		drop();  /* where it has a copy, that was made before the handler wrote */
		take_and_give(NULL);
		_exit(0);
	}
	CHECK(ended_well(pid));
	CHECK(sigprocmask(SIG_SETMASK, NULL, &blocked) == 0 && !sigismember(&blocked, SIGALRM));
}

static void allocates(void)
{
	pthread_t thread;

	fork_with(take);
	give();
	CHECK(pthread_create(&thread, NULL, take_and_give, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

static void trims(void)
{
	for (int i = 0; i < 3; i++) {
		take_and_give(NULL);
		fork_with(trim);
	}
}

/* The pools that are open, by their numbers. The marker of children is empty, and comes and goes with them. */
static void list(ino_t *inodes)
{
	struct stat st;

	for (int fd = 0; fd < DESCRIPTORS; fd++)
		inodes[fd] = fstat(fd, &st) == 0 && st.st_size > 0 ? st.st_ino : 0;
}

static void share(void (*in_child)(void))
{
	static ino_t before[DESCRIPTORS], after[DESCRIPTORS];
	pid_t pid;

	list(before);
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		in_child();
		_exit(0);
	}
	CHECK(ended_well(pid));
	list(after);
	CHECK(memcmp(before, after, sizeof(before)) == 0);
}

static void give_and_trim(void)
{
	give();
	trim();
}

/* No pool is taken here, and so it has no more than the first has. */
static void take_more(void)
{
	memset(blocks, 0, sizeof(blocks));
	take();
	CHECK(!has_all());
}

static void descriptors(void)
{
	take();
	CHECK(has_all());
	share(give_and_trim);
	share(take_more);
	give();
	take_and_give(NULL);
}

int main(int count, char **words)
{
	CHECK(count == 2);
	if (strcmp(words[1], "allocates") == 0)
		allocates();
	else if (strcmp(words[1], "trims") == 0)
		trims();
	else
		descriptors();
	return 0;
}
