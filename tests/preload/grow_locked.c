/* mlockall() touches what a heap of many pools needs to know of the pools that it has, and not of all there may be. */
#include <sys/mman.h>

#include "tests/preload/forking.h"

#define MIB ((size_t)1 << 20)
#define LITTLE (8 * MIB)  /* of all that VMMALLOC_MAX_SIZE=256G allows it is 1.5 GiB, and 8 MiB for a fork */

int main(void)
{
	size_t before = status_bytes("RssAnon:");
	char *block;

	CHECK(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
	CHECK(status_bytes("RssAnon:") < before + LITTLE);
	for (int i = 0; i < 3; i++) {
		size_t pools = stats().pool_bytes;

		/* more than there is, and more again */
		block = malloc(pools);
		CHECK(block && stats().pool_bytes > pools);
		block[0] = block[pools - 1] = 'x';
		CHECK(forks_well() && comes_back());
		CHECK(block[0] == 'x' && block[pools - 1] == 'x');
		CHECK(status_bytes("RssAnon:") < before + LITTLE);
		free(block);
	}
	return 0;
}
