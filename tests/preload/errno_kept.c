/* errno is 0 when main begins, and what a thread's first block needs leaves it alone. */
#include <errno.h>
#include <pthread.h>
#include "check.h"

static void *first_block(void *unused)
{
	void *block;

	errno = 7;
	block = malloc(100);
	CHECK(block && errno == 7);
	free(block);
	CHECK(errno == 7);
	return unused;
}

int main(void)
{
	int at_start = errno;
	pthread_t thread;

	CHECK(at_start == 0);
	for (int i = 0; i < 20; i++)
		CHECK(!pthread_create(&thread, NULL, first_block, NULL) && !pthread_join(thread, NULL));
	return 0;
}
