/* Registers a handler of forks before anybody else, so that it runs between the library's: a cancellation point. */
#include <pthread.h>

__attribute__((constructor)) static void constructor(void)
{
	pthread_atfork(pthread_testcancel, NULL, NULL);
}
