/* Ten thousand forks, and the parent is none the worse. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/check.h"

int main(void)
{
	struct vmmalloc_stats stats;
	char *blocks[100];

	for (int i = 0; i < 100; i++)
		blocks[i] = calloc(1, 1000);
	for (int i = 0; i < 10000; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(blocks[i % 100][5] != (char)(i / 100));
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
		blocks[i % 100][5]++;
		if (i % 10 == 0)
			blocks[i % 100] = realloc(blocks[i % 100], 1000 + (size_t)i);
	}
	vmmalloc_stats(&stats, sizeof(stats));
	CHECK(stats.forks == 10000);
	return 0;
}
