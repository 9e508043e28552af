/* What a request reserved before it failed is given back, also while the heap is private. On a small file system. */
#include <sys/statfs.h>

#include "tests/preload/forking.h"

#define MIB ((size_t)1 << 20)

static size_t free_bytes(void)
{
	struct statfs fs;

	CHECK(statfs(getenv("VMMALLOC_POOL_DIR"), &fs) == 0);
	return fs.f_bfree * (size_t)fs.f_bsize;
}

int main(void)
{
	int gate[2];
	char byte;

	CHECK(pipe(gate) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(gate[1]);
		_exit(read(gate[0], &byte, 1) != 0);
	}
	CHECK(pid > 0 && stats().mode == VMMALLOC_MODE_PRIVATE);
	size_t before = free_bytes();
	CHECK(before < 110 * MIB && !malloc(200 * MIB));
	CHECK(free_bytes() + 2 * MIB >= before);
	close(gate[1]);
	CHECK(ended_well(pid) && comes_back());
	CHECK(free_bytes() + 2 * MIB >= before);
	return 0;
}
