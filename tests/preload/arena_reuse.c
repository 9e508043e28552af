/* Arenas that are made and destroyed again and again take no more of the pool than one of them. */
#include "tests/preload/check.h"

int mallctl(const char *name, void *old, size_t *old_length, void *new, size_t new_length);
void *mallocx(size_t size, int flags);

#define ROUNDS 300
#define NO_CACHE 0x100   /* MALLOCX_TCACHE_NONE and MALLOCX_ARENA of jemalloc(3) */

int main(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		unsigned arena;
		size_t length = sizeof(arena);
		char name[64];

		CHECK(mallctl("arenas.create", &arena, &length, NULL, 0) == 0);
		for (size_t i = 1; i <= 20; i++)
			CHECK(mallocx(i * 7000, (int)((arena + 1) << 20) | NO_CACHE));
		snprintf(name, sizeof(name), "arena.%u.destroy", arena);
		CHECK(mallctl(name, NULL, NULL, NULL, 0) == 0);
	}
	CHECK(malloc((size_t)32 << 20));
	return 0;
}
