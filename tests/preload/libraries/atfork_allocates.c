/* Registers handlers of forks before anybody else, so that they run between the library's. They allocate. */
#include <pthread.h>
#include <stdlib.h>

#define BLOCK_BYTES ((size_t)24 << 20)

void *taken_before_fork, *taken_in_child;

static void prepare(void)
{
	taken_before_fork = malloc(BLOCK_BYTES);
}

static void in_child(void)
{
	taken_in_child = malloc(BLOCK_BYTES);
}

__attribute__((constructor)) static void constructor(void)
{
	pthread_atfork(prepare, NULL, in_child);
}
