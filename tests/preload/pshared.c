/* A thread that waits on a process-shared semaphore in the heap is woken after a fork and exec. */
#include <pthread.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/check.h"

static volatile int woken;

static void *wait_for_it(void *semaphore)
{
	CHECK(sem_wait(semaphore) == 0);
	woken = 1;
	return NULL;
}

int main(void)
{
	sem_t *semaphore = malloc(sizeof(*semaphore));
	struct timespec moment = { .tv_nsec = 10000000 };
	pthread_t thread;
	int status;

	CHECK(sem_init(semaphore, 1, 0) == 0);
	CHECK(pthread_create(&thread, NULL, wait_for_it, semaphore) == 0);
	nanosleep(&moment, NULL);
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(sem_post(semaphore) == 0);
	for (int i = 0; i < 300 && !woken; i++)
		nanosleep(&moment, NULL);
	return woken ? 0 : 3;
}
