/* A handler of the program forks while a fork is under way: in the parent after it, or with "prepare" before it. */
#include <pthread.h>

#include "tests/preload/forking.h"

static int depth;

static void handler(void)
{
	if (depth++ == 0)
		CHECK(forks_well());
	depth--;
}

int main(int argc, char **argv)
{
	(void)argv;
	alarm(20);
	CHECK(argc > 1 ? pthread_atfork(handler, NULL, NULL) == 0 : pthread_atfork(NULL, handler, NULL) == 0);
	for (int i = 0; i < 10; i++)
		CHECK(forks_well());
	CHECK(stats().forks == 20 && pools_open() == 1 && comes_back());
	return 0;
}
