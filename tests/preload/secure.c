/* A set-uid program keeps ordinary memory, whatever the environment says. */
#include "tests/preload/check.h"

int main(void)
{
	struct vmmalloc_stats stats;
	void *block = malloc(1 << 20);

	CHECK(vmmalloc_stats(&stats, sizeof(stats)) == 0 && stats.mode == VMMALLOC_MODE_ORDINARY);
	CHECK(block && !vmmalloc_contains(block));
	free(block);
	free(calloc(100, 1 << 20));
	return 0;
}
