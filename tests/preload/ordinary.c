/*
 * A program whose pool could not be made does all on ordinary memory: ordinary [pool]. It prints "done" and, with
 * `pool`, may have one after all.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/check.h"

#define THREADS 4
#define BLOCKS 120
#define LARGE ((size_t)64 << 20)

static int may_have_pool;

static struct vmmalloc_stats figures(void)
{
	struct vmmalloc_stats now;

	CHECK(vmmalloc_stats(&now, sizeof(now)) == 0);
	return now;
}

static size_t size_of(int i)
{
	return (size_t)1 << (i % 21) | (size_t)i;
}

static void *all_sizes(void *argument)
{
	unsigned char *blocks[BLOCKS];

	for (int i = 0; i < BLOCKS; i++) {
		size_t align = (size_t)16 << (i % 10), size = size_of(i);

		blocks[i] = i % 3 == 0 ? malloc(size) : i % 3 == 1 ? memalign(align, size) : calloc(1, size);
		CHECK(blocks[i] && malloc_usable_size(blocks[i]) >= size);
		CHECK(i % 3 != 1 || (uintptr_t)blocks[i] % align == 0);
		CHECK(i % 3 != 2 || (blocks[i][0] == 0 && blocks[i][size - 1] == 0));
		CHECK(may_have_pool || !vmmalloc_contains(blocks[i]));
		blocks[i][0] = blocks[i][size - 1] = (unsigned char)i;
	}
	for (int i = 0; i < BLOCKS; i++) {
		CHECK(blocks[i][0] == (unsigned char)i && blocks[i][size_of(i) - 1] == (unsigned char)i);
		blocks[i] = realloc(blocks[i], 2 * size_of(i));
		CHECK(blocks[i] && blocks[i][0] == (unsigned char)i);
		free(blocks[i]);
	}
	return argument;
}

static void in_threads(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, all_sizes, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

static pid_t raw_fork(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

/* Parent and child write to the same blocks, and neither sees the other's. */
static void forks(pid_t (*how)(void))
{
	char *block = malloc(LARGE / 8);
	int status;
	pid_t pid;

	memset(block, 'p', LARGE / 8);
	pid = how();
	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(block[LARGE / 8 - 1] == 'p');
		memset(block, 'c', LARGE / 8);
		(void)all_sizes(NULL);
		_exit(7);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
	CHECK(block[0] == 'p' && block[LARGE / 8 - 1] == 'p');
	free(block);
}

static void asks(void)
{
	struct vmmalloc_stats before;
	struct mallinfo2 info;
	uint64_t held;
	char *block;
	int trimmed;

	/* what others have freed would serve, and be counted as it was */
	(void)malloc_trim(0);
	before = figures();
	block = malloc(LARGE);
	info = mallinfo2();
	CHECK(block && info.uordblks >= LARGE && info.arena >= info.uordblks);
	memset(block, 1, LARGE);
	if (before.mode == VMMALLOC_MODE_ORDINARY) {
		CHECK(before.pool_bytes == 0 && before.used_bytes == 0);
		CHECK(figures().outside_bytes >= before.outside_bytes + LARGE);
	}
	free(block);
	held = figures().outside_bytes;
	trimmed = malloc_trim(0);
	CHECK(trimmed == (figures().outside_bytes < held) || before.mode != VMMALLOC_MODE_ORDINARY);
	CHECK(before.mode != VMMALLOC_MODE_ORDINARY || figures().outside_bytes < before.outside_bytes + LARGE);
}

/* What there is no memory for is NULL, and the program goes on. */
static void no_memory(void)
{
	struct rlimit limit, before;
	size_t blocks = 0;
	void *last = NULL;

	CHECK(getrlimit(RLIMIT_AS, &before) == 0);
	limit = before;
	if (limit.rlim_cur > (size_t)2 << 30)
		limit.rlim_cur = (size_t)2 << 30;
	CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
	for (void **block; blocks < 4096 && (block = malloc(LARGE)); blocks++) {
		*block = last;
		last = block;
	}
	CHECK(blocks < 4096 && errno == ENOMEM);
	while (last) {
		void *next = *(void **)last;

		free(last);
		last = next;
	}
	CHECK(setrlimit(RLIMIT_AS, &before) == 0);
}

int main(int argc, char **argv)
{
	may_have_pool = argc > 1 && strcmp(argv[1], "pool") == 0;
	CHECK(may_have_pool || figures().mode == VMMALLOC_MODE_ORDINARY);
	(void)all_sizes(NULL);
	forks(fork);
	in_threads();
	forks(fork);
	forks(_Fork);
	forks(raw_fork);
	asks();
	no_memory();
	puts("done");
	return 0;
}
