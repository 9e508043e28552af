/* Where RLIMIT_DATA does not allow for a private heap, fork works or fails; but there is no child that dies. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/preload/forking.h"

static void *waits(void *argument)
{
	pause();
	return argument;
}

/* "threads", "closed": with another thread, without descriptors. */
int main(int argc, char **argv)
{
	struct rlimit little = { 300 << 20, 300 << 20 };
	pthread_t thread;
	int status;

	if (argc > 1 && strcmp(argv[1], "threads") == 0)
		CHECK(pthread_create(&thread, NULL, waits, NULL) == 0);
	for (int fd = 3; argc > 1 && strcmp(argv[1], "closed") == 0 && fd < 1024; fd++)
		close(fd);
	CHECK(setrlimit(RLIMIT_DATA, &little) == 0 && stats().pool_bytes > little.rlim_cur);
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			allocate();
			_exit(0);
		}
		if (pid < 0)
			CHECK(errno == ENOMEM && waitpid(-1, &status, 0) == -1 && errno == ECHILD);
		else
			CHECK(ended_well(pid));
		allocate();
	}
	exit(0);
}
