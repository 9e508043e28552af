/*
 * A fork that glibc's malloc gets through gets through here: under each limit that leaves room for what is in use, and
 * where no more mappings are allowed. Parent and child have their memory, and can go on.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/preload/forking.h"

#define MIB ((size_t)1 << 20)
#define BLOCK (MIB / 4)
#define BLOCKS 16

static char *blocks[BLOCKS];
static char *words;
static atomic_bool stop;
static bool may_fail;

static void limit(int resource, size_t bytes)
{
	struct rlimit limit = { bytes, bytes };

	CHECK(setrlimit(resource, &limit) == 0);
}

/* Until there may be no more; neighbours that are alike would be one. */
static void map_all(size_t left)
{
	static void *last[64];
	size_t n = 0;
	void *page;

	while ((page = mmap(NULL, 4096, n % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) !=
	       MAP_FAILED)
		last[n++ % 64] = page;
	CHECK(errno == ENOMEM && n > 1000);
	for (size_t i = 0; i < left; i++)
		CHECK(munmap(last[--n % 64], 4096) == 0);
}

static void *writes(void *unused)
{
	while (!atomic_load(&stop))
		for (size_t i = 0; i < MIB; i += 4096)
			words[i]++;
	return unused;
}

static void check_blocks(int add)
{
	for (int i = 0; i < BLOCKS; i++)
		for (size_t at = 0; at < BLOCK; at += 1000)
			CHECK(blocks[i][at] == (char)(i + add));
}

static void set_blocks(int add)
{
	for (int i = 0; i < BLOCKS; i++)
		memset(blocks[i], i + add, BLOCK);
}

/* Small blocks need no new memory of the process. */
static void allocates(void)
{
	for (int i = 0; i < 100; i++) {
		char *block = malloc(100);

		CHECK(block);
		memset(block, i, 100);
		free(block);
	}
}

static void child(int add)
{
	check_blocks(add);
	set_blocks(add + 1);
	allocates();
	check_blocks(add + 1);
	_exit(0);
}

static void check_forks(bool both)
{
	for (int i = 0; i < 3; i++) {
		pid_t pid;

		set_blocks(i);
		pid = both && i == 1 ? _Fork() : fork();
		if (pid == 0)
			child(i);
		/* VMMALLOC_FORK=2: there is no fork without a copy, but no child that dies either */
		CHECK(pid > 0 || (may_fail && errno == ENOMEM));
		if (pid < 0)
			continue;
		set_blocks(i + 50);
		CHECK(ended_well(pid));
		check_blocks(i + 50);
		allocates();
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";
	bool threads = argc > 1 && strcmp(argv[1], "threads") == 0;
	size_t spare = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	pthread_t thread;

	may_fail = getenv("VMMALLOC_FORK") && strcmp(getenv("VMMALLOC_FORK"), "2") == 0;
	for (int i = 0; i < BLOCKS; i++)
		CHECK(blocks[i] = malloc(BLOCK));
	CHECK(words = malloc(MIB));
	allocates();
	if (threads)
		CHECK(pthread_create(&thread, NULL, writes, NULL) == 0);
	if (strcmp(what, "as") == 0)
		limit(RLIMIT_AS, status_bytes("VmSize:") + spare);
	else if (strcmp(what, "data") == 0)
		limit(RLIMIT_DATA, status_bytes("VmData:") + 12 * MIB + spare);
	else if (strcmp(what, "maps") == 0)
		map_all(spare);
	check_forks(true);
	if (strcmp(what, "data") == 0) {
		char *more = malloc(2 * MIB);  /* it was inaccessible until now */

		CHECK(more);
		memset(more, 1, 2 * MIB);
	}
	atomic_store(&stop, true);
	if (threads)
		CHECK(pthread_join(thread, NULL) == 0);
	_exit(0);
}
