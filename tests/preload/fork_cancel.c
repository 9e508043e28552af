/* malloc and fork are no cancellation points: a thread that shall end holds no lock when it does. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/preload/forking.h"

#define MIB ((size_t)1 << 20)

static atomic_bool cancelled;
static atomic_int done;

static void wait_for_cancellation(void)
{
	while (!cancelled)
		;
}

static void *allocates(void *unused)
{
	wait_for_cancellation();
	for (int i = 0; i < 100; i++)
		done += malloc(2 * MIB) != NULL;
	pthread_testcancel();
	return unused;
}

static void *forks(void *unused)
{
	wait_for_cancellation();
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	done += pid > 0;
	pthread_testcancel();
	return unused;
}

int main(int argc, char **argv)
{
	int is_fork = argc > 1 && strcmp(argv[1], "fork") == 0;
	pthread_t thread;
	void *result;

	alarm(10);
	CHECK(pthread_create(&thread, NULL, is_fork ? forks : allocates, NULL) == 0);
	CHECK(pthread_cancel(thread) == 0);
	cancelled = 1;
	CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
	CHECK(done == (is_fork ? 1 : 100));
	for (int i = 0; i < 20; i++)
		CHECK(malloc(4 * MIB));
	CHECK(forks_well());
	return 0;
}
