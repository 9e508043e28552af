/* Blocks that are shorter than their size class keep to their real size in every function that asks for it. */
#include <string.h>

#include "tests/preload/check.h"

void *rallocx(void *pointer, size_t size, int flags);
size_t xallocx(void *pointer, size_t size, size_t extra, int flags);
size_t sallocx(const void *pointer, int flags);

#define MIB ((size_t)1 << 20)

static unsigned char *short_block(size_t size)
{
	unsigned char *block = malloc(size);

	CHECK(block && vmmalloc_contains(block + size - 1));
	CHECK(malloc_usable_size(block) == size && sallocx(block, 0) == size);
	memset(block, 0x77, size);
	return block;
}

/* In a pool of 64 MiB: 50 MiB belong to the class of 56, which the rest cannot hold beside 10 MiB. */
int main(void)
{
	void *ballast = malloc(8 * MIB);
	unsigned char *block = short_block(49 * MIB);

	CHECK(xallocx(block, 50 * MIB, 0, 0) == 49 * MIB);
	CHECK(realloc(block, 60 * MIB) == NULL && block[49 * MIB - 1] == 0x77);
	CHECK(realloc(block, 50 * MIB) == block && malloc_usable_size(block) == 50 * MIB);
	CHECK(realloc(block, 48 * MIB) == block && block[48 * MIB - 1] == 0x77);
	block = realloc(block, 2 * MIB);
	CHECK(block && block[2 * MIB - 1] == 0x77);
	free(block);

	block = short_block(49 * MIB);
	block = rallocx(block, 3 * MIB, 0);
	CHECK(block && block[3 * MIB - 1] == 0x77);
	block = realloc(block, 40 * MIB);
	CHECK(block && block[3 * MIB - 1] == 0x77);
	free(block);
	block = calloc(7, 7 * MIB);
	CHECK(block && malloc_usable_size(block) == 49 * MIB);
	for (size_t i = 0; i < 49 * MIB; i++)
		CHECK(block[i] == 0);
	free(block);
	free(ballast);
	return 0;
}
