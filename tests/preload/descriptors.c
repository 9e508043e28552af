/* Closing every descriptor, and reusing their numbers, hurts neither the heap nor the program's own files. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/preload/check.h"

int main(void)
{
	char path[] = "/tmp/vmmalloc-test.XXXXXX";
	struct stat st;
	int file = mkstemp(path);

	CHECK(file >= 0 && unlink(path) == 0);
	for (int round = 0; round < 2; round++) {
		for (size_t size = 1; size < 64 << 20; size *= 2) {
			char *block = malloc(size);

			CHECK(block && vmmalloc_contains(block));
			memset(block, 1, size);
			free(block);
		}
		for (int fd = 3; fd < 1024; fd++)
			if (fd != file)
				round ? dup2(file, fd) : close(fd);
		memset(malloc(100 << 20), 2, 100 << 20);
	}
	CHECK(fstat(file, &st) == 0 && st.st_size == 0 && st.st_blocks == 0);
	return 0;
}
