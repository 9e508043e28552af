/* A handler of the program forks while a fork is under way in the parent. */
#include <pthread.h>

#include "tests/preload/forking.h"

static int depth;

static void in_parent(void)
{
	if (depth++ == 0)
		CHECK(forks_well());
	depth--;
}

int main(void)
{
	alarm(20);
	CHECK(pthread_atfork(NULL, in_parent, NULL) == 0);
	for (int i = 0; i < 10; i++)
		CHECK(forks_well());
	CHECK(stats().forks == 20 && comes_back());
	return 0;
}
