/* A plugin's constructor waits, in dlopen, for another thread's first fork. Argument: the libraries' folder. */
#include <dlfcn.h>
#include <pthread.h>

#include "tests/preload/forking.h"

static int asked[2], answered[2];

static void *forks(void *argument)
{
	char byte;

	CHECK(read(asked[0], &byte, 1) == 1);
	CHECK(forks_well());
	CHECK(write(answered[1], "x", 1) == 1);
	return argument;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	char path[4096];

	alarm(10);
	CHECK(pipe(asked) == 0 && pipe(answered) == 0);
	CHECK(dup2(asked[1], 100) == 100 && dup2(answered[0], 101) == 101);
	snprintf(path, sizeof(path), "%s/waits.so", argv[argc - 1]);
	CHECK(pthread_create(&thread, NULL, forks, NULL) == 0);
	CHECK(dlopen(path, RTLD_NOW));
	CHECK(pthread_join(thread, NULL) == 0);
	return 0;
}
