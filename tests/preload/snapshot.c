/* A child's memory is the parent's at one moment: writers step through many objects, and no child may see two steps. */
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload/check.h"

#define WRITERS 3
#define OBJECTS 6000
#define OBJECT_BYTES 700
#define CHILDREN 12

static volatile unsigned *objects[WRITERS][OBJECTS];
static volatile int stop;

/* Every object gets the same number, one after the other, then all get the next. */
static void *write_steps(void *number)
{
	for (unsigned step = 1; !stop; step++)
		for (int i = 0; i < OBJECTS; i++)
			*objects[(size_t)number][i] = step;
	return NULL;
}

/* The numbers may fall once, by one: where the writer was. Returns their sum. */
static unsigned check_steps(int writer)
{
	unsigned first = *objects[writer][0], last = *objects[writer][OBJECTS - 1], sum = 0;

	CHECK(first - last <= 1);
	for (int i = 1; i < OBJECTS; i++) {
		CHECK(*objects[writer][i] <= *objects[writer][i - 1]);
		sum += *objects[writer][i];
	}
	return sum;
}

/* ... and stay so, while the parent writes on. */
static int child(void)
{
	unsigned sums[WRITERS];
	time_t end = time(NULL) + 2;

	for (int i = 0; i < WRITERS; i++)
		sums[i] = check_steps(i);
	while (time(NULL) < end)
		for (int i = 0; i < WRITERS; i++)
			CHECK(check_steps(i) == sums[i]);
	return 0;
}

int main(void)
{
	pthread_t threads[WRITERS];
	pid_t pids[CHILDREN];
	int status;

	for (int i = 0; i < WRITERS; i++)
		for (int j = 0; j < OBJECTS; j++)
			objects[i][j] = calloc(1, OBJECT_BYTES);
	for (size_t i = 0; i < WRITERS; i++)
		CHECK(pthread_create(&threads[i], NULL, write_steps, (void *)i) == 0);
	for (int i = 0; i < CHILDREN; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(child());
		CHECK(pids[i] > 0);
	}
	for (int i = 0; i < CHILDREN; i++)
		CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
	stop = 1;
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
