/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine_steps BYTES STEPS -- so often malloc and free of BYTES, for callgrind to count (engines.bash). With 0 bytes a
 * step is a realloc: a block grows by half from 16 bytes to 64 KiB, and shrinks to 16 again.
 */
#include <stdlib.h>

#define LEAST 16
#define MOST 65536

static void *volatile block;

int main(int argc, char **argv)
{
	size_t bytes = argc == 3 ? strtoul(argv[1], NULL, 10) : 0, now = LEAST;
	unsigned long steps = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

	for (unsigned long i = 0; i < steps; i++)
		if (bytes) {
			block = malloc(bytes);
			free(block);
		} else {
			block = realloc(block, now);
			now = now < MOST ? now + now / 2 : LEAST;
		}
	return steps ? EXIT_SUCCESS : EXIT_FAILURE;
}
