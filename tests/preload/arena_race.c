/*
 * Threads make arenas, fill, reset and destroy them; others ask for more than there is, so that malloc takes back what
 * arenas keep, or call malloc_trim; and the process forks. Arguments: seconds; "trim".
 */
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/check.h"

#define ASKERS 2
#define USERS 4
#define NO_CACHE 0x100   /* MALLOCX_TCACHE_NONE and MALLOCX_ARENA of jemalloc(3) */
#define IN_ARENA(arena) ((int)((arena) + 1) << 20)

int mallctl(const char *name, void *old, size_t *old_length, void *new, size_t new_length);
void *mallocx(size_t size, int flags);
void dallocx(void *pointer, int flags);

static bool trims, stop;

static void *ask(void *unused)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (trims)
			malloc_trim(0);
		else
			CHECK(!malloc((size_t)1 << 30));
	}
	return unused;
}

static void order(const char *what, unsigned arena)
{
	char name[64];

	snprintf(name, sizeof(name), "arena.%u.%s", arena, what);
	CHECK(mallctl(name, NULL, NULL, NULL, 0) == 0);
}

static void use_an_arena(void)
{
	unsigned arena;
	size_t length = sizeof(arena);
	void *blocks[64];

	CHECK(mallctl("arenas.create", &arena, &length, NULL, 0) == 0);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 64; i++)
			if ((blocks[i] = mallocx(5000 + 997 * i, IN_ARENA(arena) | NO_CACHE)))
				memset(blocks[i], 1, 5000);
		for (size_t i = 0; i < 64; i += 2)
			if (blocks[i])
				dallocx(blocks[i], NO_CACHE);
		order(round ? "destroy" : "reset", arena);
	}
}

static void *use_arenas(void *unused)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		use_an_arena();
	return unused;
}

static void fork_one(void)
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(!malloc((size_t)1 << 30));
		use_an_arena();
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
	pthread_t askers[ASKERS], users[USERS];

	trims = argc > 2;
	for (int i = 0; i < ASKERS; i++)
		CHECK(pthread_create(&askers[i], NULL, ask, NULL) == 0);
	for (int i = 0; i < USERS; i++)
		CHECK(pthread_create(&users[i], NULL, use_arenas, NULL) == 0);
	while (time(NULL) < end) {
		fork_one();
		usleep(1000);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < ASKERS; i++)
		CHECK(pthread_join(askers[i], NULL) == 0);
	for (int i = 0; i < USERS; i++)
		CHECK(pthread_join(users[i], NULL) == 0);
	return 0;
}
