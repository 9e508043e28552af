/*
 * core MIB WORD... -- holds that many blocks of 1 MiB with a mark in each, does what the words say, and ends by
 * SIGABRT.
 *
 *   free    gives all blocks but every 16th back
 *   freeall gives all blocks back
 *   fork    forks a child that ends; what is done next is done by the parent, whose heap is private
 *   child   forks, and what is done next is done by the child; the parent waits
 *   stays   forks a child that stays until the parent ends
 *   back    allocates until the heap is on its pool again
 *   thread  begins a thread, which stays
 *   wait    prints the pid and waits for a line instead
 *
 * Prints the number of marks that must be in the core, and the pid.
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/check.h"

#define BLOCK ((size_t)1 << 20)
#define MOST 1024

int mallctl(const char *name, void *old, size_t *old_length, void *new, size_t new_length);

static char *blocks[MOST];
static int count;

static void give_back(int but)
{
	for (int i = 0; i < count; i++)
		if (blocks[i] && (but == 0 || i % but)) {
			memset(blocks[i], '-', BLOCK);
			free(blocks[i]);
			blocks[i] = NULL;
		}
	/* all arenas, as MALLCTL_ARENAS_ALL */
	CHECK(mallctl("arena.4096.purge", NULL, NULL, NULL, 0) == 0);
}

static void come_back(void)
{
	struct vmmalloc_stats stats;
	time_t end = time(NULL) + 20;

	do {
		free(malloc(5 << 20));
		CHECK(time(NULL) < end);
		vmmalloc_stats(&stats, sizeof(stats));
	} while (stats.mode != VMMALLOC_MODE_POOL);
}

static void *stay(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void become_child(void)
{
	pid_t parent = getpid(), pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		return;
	CHECK(waitpid(pid, NULL, 0) == pid && getpid() == parent);
	_exit(0);
}

static void fork_one(bool stays)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (stays)
			stay(NULL);
		_exit(0);
	}
	if (!stays)
		CHECK(waitpid(pid, NULL, 0) == pid);
}

static void act(const char *word)
{
	pthread_t thread;

	if (strcmp(word, "free") == 0)
		give_back(16);
	else if (strcmp(word, "freeall") == 0)
		give_back(0);
	else if (strcmp(word, "fork") == 0)
		fork_one(false);
	else if (strcmp(word, "stays") == 0)
		fork_one(true);
	else if (strcmp(word, "child") == 0)
		become_child();
	else if (strcmp(word, "back") == 0)
		come_back();
	else if (strcmp(word, "thread") == 0)
		CHECK(pthread_create(&thread, NULL, stay, NULL) == 0);
	else
		CHECK(strcmp(word, "wait") == 0);
}

int main(int argc, char **argv)
{
	int left = 0;

	count = atoi(argv[1]);
	CHECK(count <= MOST);
	for (int i = 0; i < count; i++) {
		CHECK(blocks[i] = malloc(BLOCK));
		memset(blocks[i], '+', BLOCK);
		/* put together here, so that it is nowhere else */
		sprintf(blocks[i] + BLOCK / 2, "%s in a block %d.", "Mark", i);
	}
	for (int i = 2; i < argc; i++)
		act(argv[i]);
	for (int i = 0; i < count; i++)
		left += blocks[i] != NULL;
	printf("%d %d\n", left, getpid());
	fflush(stdout);
	if (strcmp(argv[argc - 1], "wait") == 0)
		return getchar() == EOF;
	abort();
}
