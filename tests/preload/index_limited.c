/*
 * A process that may have no more addresses (RLIMIT_AS) has all of its pool, also what no part of jemalloc's index was
 * for until then. A part is for 1 GiB or less, so the pool must be larger.
 */
#include <stdint.h>

#include "tests/preload/check.h"
#include "tests/preload/limited.h"

#define GIB ((size_t)1 << 30)

int main(void)
{
	void *first = malloc(1), *block;

	no_more_memory();
	CHECK(block = aligned_alloc(GIB, 1));
	CHECK(vmmalloc_contains(block) && (uintptr_t)first / GIB != (uintptr_t)block / GIB);
	free(block);
	return 0;
}
