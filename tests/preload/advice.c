/* What madvise(2) does to pages of the heap, as the manual page says it. "private": also while the heap is private. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/preload/forking.h"

#define BYTES ((size_t)64 << 10)

static int all_are(const char *block, char value)
{
	for (size_t i = 0; i < BYTES; i++)
		if (block[i] != value)
			return 0;
	return 1;
}

int main(int argc, char **argv)
{
	int gate[2], status, is_private = argc > 1 && strcmp(argv[1], "private") == 0;
	char *block;
	pid_t pid;

	CHECK(posix_memalign((void **)&block, 4096, BYTES) == 0);
	memset(block, 'a', BYTES);
	CHECK(madvise(block, BYTES, MADV_DONTNEED) == 0 && all_are(block, 'a'));
	CHECK(madvise(block, BYTES, MADV_FREE) < 0 && errno == EINVAL);
	if (!is_private)
		return 0;
	CHECK(pipe(gate) == 0);
	pid = fork();
	if (pid == 0) {
		close(gate[1]);
		/* a child's are its own */
		memset(block, 'c', BYTES);
		CHECK(madvise(block, BYTES, MADV_DONTNEED) == 0 && all_are(block, 'a'));
		_exit((int)read(gate[0], &status, 1));
	}
	CHECK(pid > 0 && stats().mode == VMMALLOC_MODE_PRIVATE);
	memset(block, 'p', BYTES);
	CHECK(madvise(block, BYTES, MADV_FREE) < 0 && errno == EINVAL && all_are(block, 'p'));
	CHECK(madvise(block, BYTES, MADV_DONTNEED) == 0 && all_are(block, 'a'));
	memset(block, 'q', BYTES);
	close(gate[1]);
	CHECK(ended_well(pid) && comes_back());
	CHECK(madvise(block, BYTES, MADV_DONTNEED) == 0 && all_are(block, 'q'));
	return 0;
}
