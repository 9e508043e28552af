/* Programs that close all descriptors, or open something else under their numbers, may fork all the same. */
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/check.h"

#define MIB ((size_t)1 << 20)

static int child(char *block)
{
	for (size_t i = 0; i < 10 * MIB; i++)
		if (block[i] != (char)i)
			return 1;
	memset(block, 7, 10 * MIB);
	free(block);
	for (size_t size = 1; size < 100 * MIB; size *= 3) {
		memset(block = malloc(size), 1, size);
		free(block);
	}
	if (fork() == 0)
		_exit(malloc(MIB) == NULL);
	int status;
	return wait(&status) < 0 || status != 0;
}

int main(int argc, char **argv)
{
	int null = open("/dev/null", O_RDWR), status;
	char *block = malloc(10 * MIB);

	(void)argv;
	for (size_t i = 0; i < 10 * MIB; i++)
		block[i] = (char)i;
	for (int fd = 3; fd < 1024; fd++)
		argc > 1 ? dup2(null, fd) : close(fd);
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(child(block));
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
		CHECK(block[5 * MIB + 3] == (char)(5 * MIB + 3));
		free(malloc(50 * MIB));
	}
	return 0;
}
