/* What an arena that is destroyed gives back, its metadata too, is as good as any free space: calloc zeroes it. */
#include <string.h>

#include "tests/preload/check.h"

int mallctl(const char *name, void *old, size_t *old_length, void *new, size_t new_length);
void *mallocx(size_t size, int flags);

#define BLOCK ((size_t)1 << 20)

int main(void)
{
	struct vmmalloc_stats before, after;
	unsigned arena;
	size_t length = sizeof(arena);
	char name[64];

	CHECK(mallctl("arenas.create", &arena, &length, NULL, 0) == 0);
	vmmalloc_stats(&before, sizeof(before));
	for (int i = 0; i < 1000; i++)
		memset(mallocx(5000, (int)((arena + 1) << 20) | 0x100), 0xff, 5000);
	snprintf(name, sizeof(name), "arena.%u.destroy", arena);
	CHECK(mallctl(name, NULL, NULL, NULL, 0) == 0);
	vmmalloc_stats(&after, sizeof(after));
	CHECK(after.metadata_bytes < before.metadata_bytes);

	for (char *block; (block = calloc(1, BLOCK));)
		for (size_t i = 0; i < BLOCK; i++)
			CHECK(block[i] == 0);
	return 0;
}
