/* What a child is told of its heap is that of the fork, whatever its parent does before the child has begun. */
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/check.h"

static uint64_t used(void)
{
	struct vmmalloc_stats stats;

	CHECK(vmmalloc_stats(&stats, sizeof(stats)) == 0);
	return stats.used_bytes;
}

int main(void)
{
	for (int i = 0; i < 200; i++) {
		void *block = malloc((size_t)8 << 20);
		uint64_t before = used();
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(used() != before);
		CHECK(pid > 0);
		/* too large for a cache: the heap hears of it at once */
		free(block);
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(status == 0);
	}
	return 0;
}
