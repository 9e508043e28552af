/* VMMALLOC_ON_FULL=dram: what does not fit is served from ordinary memory, and counted. */
#include <string.h>

#include "tests/preload/check.h"

int main(void)
{
	struct vmmalloc_stats stats;
	void *blocks[64];

	for (int i = 0; i < 64; i++) {
		CHECK((blocks[i] = malloc(1 << 20)) != NULL);
		memset(blocks[i], i, 1 << 20);
	}
	vmmalloc_stats(&stats, sizeof(stats));
	CHECK(stats.outside_bytes >= 32 << 20 && !vmmalloc_contains(blocks[63]) && vmmalloc_contains(blocks[0]));
	for (int i = 0; i < 64; i++) {
		CHECK(*(char *)blocks[i] == i);
		free(blocks[i]);
	}
	malloc_trim(0);
	vmmalloc_stats(&stats, sizeof(stats));
	CHECK(stats.outside_bytes == 0);
	return 0;
}
