/* A fork of a full pool: both processes go on, and each can free and allocate what is its own. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/check.h"

static void *fill(void)
{
	void *list = NULL;

	for (size_t size = 1 << 20; size >= 64; size /= 4)
		for (void **block; (block = malloc(size)); list = block) {
			memset(block, 0x11, size);
			*block = list;
		}
	return list;
}

static size_t drain(void *list)
{
	size_t count = 0;

	for (void **block = list, **next; block; block = next, count++) {
		next = *block;
		free(block);
	}
	return count;
}

int main(void)
{
	int status;

	for (int round = 0; round < 3; round++) {
		void *list = fill();
		pid_t pid = fork();
		if (pid == 0) {
			CHECK(drain(list) > 10 && drain(fill()) > 10);
			_exit(0);
		}
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
		CHECK(drain(list) > 10);
	}
	return 0;
}
