/* blocks.h -- for the programs that do random work: BLOCKS blocks, each filled with its mark. */
#ifndef TESTS_PRELOAD_BLOCKS_H
#define TESTS_PRELOAD_BLOCKS_H

#include <stddef.h>

static struct block {
	unsigned char *bytes, mark;
	size_t size;
} blocks[BLOCKS];

static unsigned seed;

static unsigned next_random(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

#endif
