/* What a private heap grew by is reserved in the file: it can be used on the file, after the disk has filled up. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "tests/preload/forking.h"

#define MIB ((size_t)1 << 20)
#define BLOCK MIB
#define BLOCKS 24

static char *blocks[BLOCKS];

static size_t take(void)
{
	size_t n = 0;

	while (n < BLOCKS && (blocks[n] = malloc(BLOCK))) {
		memset(blocks[n], (int)n + 1, BLOCK);
		n++;
	}
	return n;
}

static void give(size_t n)
{
	for (size_t i = 0; i < n; i++)
		CHECK(blocks[i][0] == (char)(i + 1) && blocks[i][BLOCK - 1] == (char)(i + 1)), free(blocks[i]);
}

static void fill_disk(void)
{
	static const char data[1 << 16] = { 1 };
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/filler", getenv("VMMALLOC_POOL_DIR"));
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	CHECK(fd >= 0);
	for (size_t size = sizeof(data); size >= 512; size /= 2)
		while (write(fd, data, size) == (ssize_t)size)
			;
	CHECK(fsync(fd) == 0 || errno == ENOSPC);
	close(fd);
}

static void *stays(void *unused)
{
	pause();
	return unused;
}

static int returned(void)
{
	int mode = stats().mode;

	return mode == VMMALLOC_MODE_POOL || mode == VMMALLOC_MODE_RETURNING;
}

int main(int argc, char **argv)
{
	int gate[2], status;
	pthread_t thread;
	size_t had, again;
	pid_t pid;

	if (argc > 1 && strcmp(argv[1], "threads") == 0)
		CHECK(pthread_create(&thread, NULL, stays, NULL) == 0);
	if (argc > 1 && strcmp(argv[1], "large") == 0)
		memset(malloc(17 * MIB), 1, 17 * MIB);
	CHECK(pipe(gate) == 0);
	pid = fork();
	if (pid == 0) {
		close(gate[1]);
		_exit((int)read(gate[0], &status, 1));
	}
	CHECK(pid > 0 && stats().mode == VMMALLOC_MODE_PRIVATE);
	had = take();
	CHECK(had >= BLOCKS / 2);
	give(had);
	close(gate[1]);
	CHECK(ended_well(pid));
	for (int i = 0; i < 3000 && !returned(); i++) {
		sleep_ms(10);
		allocate();
	}
	CHECK(returned());
	fill_disk();
	again = take();
	give(again);
	CHECK(again >= had / 2);
	return 0;
}
