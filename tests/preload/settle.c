/* A small child that lives on gets a pool of its own, and its parent returns while the child still lives. */
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/check.h"

static int on_pool(void)
{
	struct vmmalloc_stats stats;

	for (int i = 0; i < 3000; i++) {
		vmmalloc_stats(&stats, sizeof(stats));
		if (stats.mode == VMMALLOC_MODE_POOL)
			return 1;
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
		free(malloc(1 << 20));
	}
	return 0;
}

int main(void)
{
	char *text = strdup("from the parent"), byte;
	int to_child[2], to_parent[2], status;

	CHECK(pipe(to_child) == 0 && pipe(to_parent) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		CHECK(strcmp(text, "from the parent") == 0);
		CHECK(on_pool() && vmmalloc_contains(text));
		CHECK(write(to_parent[1], "x", 1) == 1 && read(to_child[0], &byte, 1) == 1);
		CHECK(strcmp(text, "from the parent") == 0);
		memset(malloc(50 << 20), 1, 50 << 20);
		_exit(0);
	}
	close(to_child[0]), close(to_parent[1]);
	strcpy(text, "the parent's own");
	CHECK(read(to_parent[0], &byte, 1) == 1);
	CHECK(on_pool() && strcmp(text, "the parent's own") == 0);
	CHECK(write(to_child[1], "x", 1) == 1);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(strcmp(text, "the parent's own") == 0);
	return 0;
}
