/* A parent with a small heap whose children stay: it leaves them the file, and goes on on another. */
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/check.h"

static int on_pool(void)
{
	struct vmmalloc_stats stats;

	for (int i = 0; i < 1000; i++) {
		vmmalloc_stats(&stats, sizeof(stats));
		if (stats.mode == VMMALLOC_MODE_POOL)
			return (int)stats.forks;
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
		free(malloc(1 << 20));
	}
	return 0;
}

int main(void)
{
	char *text = strdup("from the parent"), byte;
	int gate[2], status;
	pid_t idle[3], pid;

	CHECK(pipe(gate) == 0);
	for (int i = 0; i < 3; i++) {
		idle[i] = fork();
		if (idle[i] == 0) {
			close(gate[1]);
			CHECK(read(gate[0], &byte, 1) == 0);  /* idle: it never allocates, and keeps the file */
			CHECK(strcmp(text, "from the parent") == 0);
			_exit(0);
		}
	}
	CHECK(on_pool() == 3);
	strcpy(text, "the parent's own");
	/* and from there it forks and returns as ever */
	for (int i = 0; i < 3; i++) {
		pid = fork();
		if (pid == 0)
			_exit(strcmp(text, "the parent's own") != 0);
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
		CHECK(on_pool() == 4 + i && strcmp(text, "the parent's own") == 0);
	}
	close(gate[1]);
	for (int i = 0; i < 3; i++)
		CHECK(waitpid(idle[i], &status, 0) == idle[i] && status == 0);
	return 0;
}
