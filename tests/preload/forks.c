/* A fork in a program whose threads allocate: parent and child go on, each with its own heap, and nobody hangs. */
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/check.h"

static volatile int stop;

static void *churn(void *unused)
{
	while (!stop) {
		char *block = malloc(1 + (size_t)rand() % 20000);

		CHECK(block);
		memset(block, 1, 1);
		free(block);
	}
	return unused;
}

static int child(char *shared)
{
	strcpy(shared, "child");
	for (int i = 0; i < 2000; i++)
		free(malloc((size_t)i * 100));
	return strcmp(shared, "child");
}

int main(void)
{
	pthread_t threads[4];
	char *shared = malloc(100000);
	int status;

	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, churn, NULL) == 0);
	for (int i = 0; i < 100; i++) {
		strcpy(shared, "parent");
		pid_t pid = fork();
		if (pid == 0)
			_exit(child(shared));
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
		CHECK(strcmp(shared, "parent") == 0);
	}
	stop = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
