/* orphan FILE -- a child outlives its parent, allocates for long, and exits through its handlers. */
#include <string.h>
#include <unistd.h>

#include "tests/preload/check.h"

static const char *path;
static char *message;

static void at_exit(void)
{
	FILE *file = fopen(path, "w");

	fputs(message, file);
	fclose(file);
}

int main(int argc, char **argv)
{
	int gate[2];
	char byte;

	CHECK(argc == 2 && pipe(gate) == 0);
	path = argv[1];
	message = strdup("done\n");
	pid_t pid = fork();
	if (pid > 0)
		_exit(0);
	close(gate[1]);
	CHECK(read(gate[0], &byte, 1) == 0);  /* until the parent is gone */
	atexit(at_exit);
	for (int round = 0; round < 300; round++) {
		char *blocks[500];

		for (int i = 0; i < 500; i++)
			memset(blocks[i] = malloc((size_t)i * 100 + 1), i, (size_t)i * 100 + 1);
		for (int i = 0; i < 500; i++) {
			CHECK(blocks[i][i * 100] == (char)i);
			free(blocks[i]);
		}
	}
	return 0;
}
