/* Metadata of an arena from below the end of a full pool, given back, are as dirty as anything: calloc zeroes them. */
#include <string.h>

#include "tests/preload/check.h"

int mallctl(const char *name, void *old, size_t *old_length, void *new, size_t new_length);
void *mallocx(size_t size, int flags);

#define BLOCK ((size_t)256 << 10)

int main(void)
{
	struct vmmalloc_stats stats;
	unsigned arena;
	size_t length = sizeof(arena);
	char name[64];

	do {
		CHECK(malloc(1 << 20));
		vmmalloc_stats(&stats, sizeof(stats));
	} while (stats.used_bytes < stats.pool_bytes / 64 * 58);

	CHECK(mallctl("arenas.create", &arena, &length, NULL, 0) == 0);
	for (int i = 0; i < 200; i++) {
		void *block = mallocx(5000, (int)((arena + 1) << 20) | 0x100);

		if (block)
			memset(block, 0xff, 5000);
	}
	snprintf(name, sizeof(name), "arena.%u.destroy", arena);
	CHECK(mallctl(name, NULL, NULL, NULL, 0) == 0);
	for (char *block; (block = calloc(1, BLOCK));)
		for (size_t i = 0; i < BLOCK; i++)
			CHECK(block[i] == 0);
	return 0;
}
