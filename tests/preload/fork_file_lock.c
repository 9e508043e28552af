/* A FILE that is locked during a fork stays locked in the parent, also if there are no threads any more. */
#include <pthread.h>

#include "tests/preload/forking.h"

static void *tries(void *file)
{
	return ftrylockfile(file) == 0 ? file : NULL;
}

/* Whether another thread could lock it. It does not unlock: FILEs know their owner. */
static int is_free(FILE *file)
{
	pthread_t thread;
	void *locked;

	CHECK(pthread_create(&thread, NULL, tries, file) == 0 && pthread_join(thread, &locked) == 0);
	return locked != NULL;
}

int main(void)
{
	FILE *file = fopen("/dev/null", "w"), *other = fopen("/dev/null", "w");

	CHECK(file && other && vmmalloc_contains(file) && is_free(other));
	for (int i = 0; i < 3; i++) {
		flockfile(file);
		CHECK(forks_well() && !is_free(file));
		funlockfile(file);
	}
	CHECK(is_free(file));
	_exit(0);   /* at exit all FILEs are flushed, and these are locked for ever */
}
