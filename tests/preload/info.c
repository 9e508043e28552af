/* glibc's questions about the heap are answered from the pool; malloc_trim gives space back. */
#include <string.h>

#include "tests/preload/check.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  /* mallinfo: old programs call it */

int main(void)
{
	struct mallinfo2 before = mallinfo2(), during, after;
	struct vmmalloc_stats stats;
	char *xml, *block;
	size_t length;

	FILE *stream = open_memstream(&xml, &length);
	CHECK(malloc_info(0, stream) == 0 && fclose(stream) == 0);
	CHECK(strstr(xml, "<malloc version=\"libvmmalloc-" VMMALLOC_VERSION "\">") && strstr(xml, "</malloc>"));
	CHECK(malloc_info(1, stdout) == -1);

	memset(block = malloc(32 << 20), 1, 32 << 20);
	during = mallinfo2();
	CHECK(during.uordblks >= before.uordblks + (32 << 20) && during.arena >= during.uordblks);
	CHECK((size_t)mallinfo().uordblks == during.uordblks);
	CHECK(vmmalloc_stats(&stats, sizeof(stats)) == 0 && stats.mode == VMMALLOC_MODE_POOL);
	CHECK(stats.used_bytes >= 32 << 20 && stats.reserved_bytes >= stats.used_bytes);
	CHECK(stats.peak_bytes >= stats.used_bytes && stats.pool_bytes >= stats.reserved_bytes);
	free(block);
	CHECK(malloc_trim(0) == 1);
	after = mallinfo2();
	CHECK(after.uordblks < during.uordblks);
	CHECK(vmmalloc_stats(&stats, sizeof(stats)) == 0 && stats.reserved_bytes < 32 << 20);
	block = calloc(1, 32 << 20);
	for (size_t i = 0; i < 32 << 20; i += 4096)
		CHECK(block[i] == 0);
	CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);
	CHECK(vmmalloc_stats(NULL, 0) == -1 && strcmp(vmmalloc_version(), VMMALLOC_VERSION) == 0);
	CHECK(!vmmalloc_contains(&stats) && !vmmalloc_contains(NULL));
	malloc_stats();
	return 0;
}
