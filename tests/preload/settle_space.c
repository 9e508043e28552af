/* The pool of a child that settled takes what the child uses, not what its parent once needed. */
#include <string.h>
#include <sys/stat.h>

#include "tests/preload/forking.h"

#define MIB ((size_t)1 << 20)
#define CHILDREN 6

/* What the file system gave for files that are as large as a pool. */
static size_t pool_file_bytes(void)
{
	size_t bytes = 0;
	struct stat st;

	for (int fd = 0; fd < 4096; fd++)
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == stats().pool_bytes)
			bytes += (size_t)st.st_blocks * 512;
	return bytes;
}

int main(void)
{
	pid_t children[CHILDREN];

	free(memset(malloc(200 * MIB), 1, 200 * MIB));
	CHECK(stats().peak_bytes >= 200 * MIB && pool_file_bytes() > 0);
	for (int i = 0; i < CHILDREN; i++)
		if ((children[i] = fork()) == 0) {
			CHECK(comes_back());
			CHECK(pool_file_bytes() > 0 && pool_file_bytes() < 32 * MIB);
			_exit(0);
		}
	for (int i = 0; i < CHILDREN; i++)
		CHECK(ended_well(children[i]));
	CHECK(comes_back());
	return 0;
}
