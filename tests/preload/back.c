/*
 * A parent with one thread is back on its pool when its child is gone, with all that it wrote meanwhile; and nothing
 * else is written to the file.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/check.h"

#define BYTES ((size_t)32000 << 10)

static size_t page;            /* the kernel's, of which one that is written to is written back */
static size_t pages;

static uint64_t mode(void)
{
	struct vmmalloc_stats stats;

	vmmalloc_stats(&stats, sizeof(stats));
	return stats.mode;
}

/* Returning is rationed: small activity, until it is its turn. */
static int comes_back(void)
{
	for (int i = 0; i < 3000 && mode() != VMMALLOC_MODE_POOL; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
		free(malloc(1 << 20));
	}
	return mode() == VMMALLOC_MODE_POOL;
}

/* Bytes that this process has written to files so far: /proc/PID/io, wchar. */
static size_t written(void)
{
	char text[512] = "";
	int fd = open("/proc/self/io", O_RDONLY);

	CHECK(read(fd, text, sizeof(text) - 1) > 0 && strstr(text, "wchar: "));
	close(fd);
	return strtoul(strstr(text, "wchar: ") + 7, NULL, 10);
}

/* Changes every n-th page while a child lives; then all pages must be as they were written last. */
static void change_one_in(size_t n, unsigned char *block, unsigned char *expected, unsigned char mark)
{
	int gate[2], status;
	char byte;

	CHECK(pipe(gate) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(gate[1]);
		while (read(gate[0], &byte, 1) > 0)
			;
		for (size_t i = 0; i < pages; i++)
			if (block[i * page + 7] != expected[i])
				_exit(1);
		_exit(0);
	}
	CHECK(pid > 0 && mode() == VMMALLOC_MODE_PRIVATE);
	size_t before = written();
	for (size_t i = 0; i < pages; i++)
		CHECK(block[i * page + 7] == expected[i]);
	for (size_t i = 0; i < pages; i += n)
		block[i * page + 7] = mark;
	void *grown = memset(malloc(3 << 20), mark, 3 << 20);
	close(gate[0]), close(gate[1]);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	for (size_t i = 0; i < pages; i += n)
		expected[i] = mark;
	CHECK(comes_back());
	/* and what is new, 3 MiB; a little is the allocator's own */
	CHECK(written() - before <= pages / n * page + (5 << 20));
	for (size_t i = 0; i < pages; i++)
		CHECK(block[i * page + 7] == expected[i]);
	for (int i = 0; i < 3 << 20; i++)
		CHECK(((unsigned char *)grown)[i] == mark);
	free(grown);
}

int main(void)
{
	unsigned char *block = malloc(BYTES), *expected;

	page = page_bytes();
	pages = BYTES / page;
	expected = calloc(1, pages);
	memset(block, 0, BYTES);
	CHECK(mode() == VMMALLOC_MODE_POOL);
	for (unsigned char mark = 1; mark <= 12; mark++)
		change_one_in((const size_t[]){ 1, 2, 3, 10, 100, pages }[mark % 6], block, expected, mark);
	return 0;
}
