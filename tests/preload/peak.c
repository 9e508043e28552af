/* Holds so many MiB in blocks of so many bytes, all written to: peak MIB BYTES. */
#include <string.h>

#include "tests/preload/check.h"

int main(int argc, char **argv)
{
	size_t mib = argc > 2 ? strtoul(argv[1], NULL, 10) : 0, bytes = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

	CHECK(mib > 0 && bytes > 0);
	for (size_t got = 0; got < mib << 20; got += bytes) {
		char *block = malloc(bytes);

		CHECK(block);
		memset(block, 1, bytes);
	}
	return 0;
}
