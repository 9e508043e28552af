/* A server that takes an empty root directory and another user goes on growing its heap. */
#include <string.h>
#include <unistd.h>

#include "tests/preload/check.h"

int main(int argc, char **argv)
{
	CHECK(argc == 2 && chroot(argv[1]) == 0 && chdir("/") == 0 && setgid(65534) == 0 && setuid(65534) == 0);
	for (size_t size = 1 << 10; size < 256 << 20; size *= 2) {
		void *block = malloc(size);

		CHECK(block && vmmalloc_contains(block));
		memset(block, 1, size);
		free(block);
	}
	return 0;
}
