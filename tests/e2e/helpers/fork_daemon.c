/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fork_daemon MIB FILE -- fills MIB of heap, becomes a daemon, writes its PID to FILE and goes on allocating a little
 * until the file "stop" is there; its directory and descriptors stay. Then it ends with "right" as a second line of
 * FILE if its heap held what it should.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 4096

int main(int argc, char **argv)
{
	size_t count = argc == 3 ? strtoul(argv[1], NULL, 10) * (1048576 / BLOCK) : 0;
	char **blocks = malloc((count + 1) * sizeof(*blocks));
	FILE *file;

	for (size_t i = 0; i < count; i++) {
		blocks[i] = malloc(BLOCK);
		memset(blocks[i], (int)(i % 251), BLOCK);
	}
	if (daemon(1, 1) < 0)
		return 1;
	file = fopen(argv[2], "w");
	fprintf(file, "%d\n", (int)getpid());
	fflush(file);
	while (access("stop", F_OK) < 0) {
		char *block = malloc(9 << 20);

		memset(block, 1, 1 << 20);
		free(block);
		usleep(50000);
	}
	for (size_t i = 0; i < count; i++)
		for (size_t byte = 0; byte < BLOCK; byte++)
			if (blocks[i][byte] != (char)(i % 251))
				return 1;
	fputs("right\n", file);
	return fclose(file);
}
