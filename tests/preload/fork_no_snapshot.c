/*
 * With threads and without the pool's descriptor there is no fork: glibc's child would write to the parent's heap, to
 * the locks of FILEs and other threads' data. With one thread ("single") there is.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/preload/forking.h"

#define KEYS 80     /* the first 32 are not in the heap */
#define THREADS 3
#define ROUNDS 10

static pthread_key_t keys[KEYS];
static pthread_barrier_t set, forked;
static FILE *file;

static void *keeps_data(void *mark)
{
	for (int i = 0; i < KEYS; i++)
		CHECK(pthread_setspecific(keys[i], mark) == 0);
	pthread_barrier_wait(&set);
	pthread_barrier_wait(&forked);
	for (int i = 0; i < KEYS; i++)
		CHECK(pthread_getspecific(keys[i]) == mark);
	for (int i = 0; i < 2; i++)
		CHECK(fputs("x", file) >= 0);
	return NULL;
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? 0 : THREADS;
	pthread_t ids[THREADS];
	int failed = 0;

	(void)argv;
	alarm(10);
	file = fopen("/dev/null", "w");
	for (int i = 0; i < KEYS; i++)
		CHECK(pthread_key_create(&keys[i], NULL) == 0);
	pthread_barrier_init(&set, NULL, THREADS + 1), pthread_barrier_init(&forked, NULL, THREADS + 1);
	for (size_t i = 0; i < (size_t)threads; i++)
		CHECK(pthread_create(&ids[i], NULL, keeps_data, &keys[i]) == 0);
	if (threads)
		pthread_barrier_wait(&set);
	for (int fd = 3; fd < 1024; fd++)
		if (fd != fileno(file))
			close(fd);
	for (int i = 0; i < ROUNDS; i++) {
		flockfile(file);
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		failed += pid < 0 && errno == ENOMEM;
		CHECK(pid < 0 || ended_well(pid));
		funlockfile(file);
	}
	if (threads)
		pthread_barrier_wait(&forked);
	for (int i = 0; i < threads; i++)
		CHECK(pthread_join(ids[i], NULL) == 0);
	CHECK(failed == (threads ? ROUNDS : 0));
	return 0;
}
