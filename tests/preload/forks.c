/* forks [THREADS] -- parent and child see the same heap at the fork, and their own after it, nested and again. */
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/check.h"

#define BLOCKS 2000

static volatile int stop;

static void *churn(void *unused)
{
	while (!stop) {
		char *block = malloc(1 + (size_t)rand() % 20000);

		CHECK(block);
		memset(block, 1, 1);
		free(block);
	}
	return unused;
}

static int wait_for(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Checks what it inherited, spoils it, allocates, and forks again. */
static int child(unsigned char **blocks, unsigned char mark, int depth)
{
	for (int i = 0; i < BLOCKS; i++) {
		CHECK(blocks[i][0] == mark && blocks[i][i] == mark);
		memset(blocks[i], mark + 1, (size_t)i + 1);
	}
	for (size_t size = 1; size < 8 << 20; size *= 2) {
		memset(malloc(size), 3, size);
		free(calloc(size, 2));
	}
	if (depth > 0) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(child(blocks, (unsigned char)(mark + 1), depth - 1));
		CHECK(wait_for(pid));
	}
	for (int i = 0; i < BLOCKS; i++)
		CHECK(blocks[i][i] == (unsigned char)(mark + 1));
	return 0;
}

int main(int argc, char **argv)
{
	int thread_count = argc > 1 ? atoi(argv[1]) : 0;
	static unsigned char *blocks[BLOCKS];
	pthread_t threads[16];

	for (int i = 0; i < thread_count; i++)
		CHECK(pthread_create(&threads[i], NULL, churn, NULL) == 0);
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = malloc((size_t)i + 1);
	for (int round = 0; round < (thread_count ? 18 : 40); round++) {
		for (int i = 0; i < BLOCKS; i++)
			memset(blocks[i], round, (size_t)i + 1);
		pid_t pid = fork();
		if (pid == 0)
			_exit(child(blocks, (unsigned char)round, round % 6));
		for (int i = 0; i < BLOCKS; i++) {
			blocks[i][i] = 0xee;
			blocks[i] = realloc(blocks[i], (size_t)i + 1 + (size_t)(round % 3) * 100);
		}
		CHECK(wait_for(pid));
		for (int i = 0; i < BLOCKS; i++)
			CHECK(blocks[i][i] == 0xee);
	}
	stop = 1;
	for (int i = 0; i < thread_count; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
