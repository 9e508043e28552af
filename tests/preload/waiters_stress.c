/* Pairs of threads wake each other by process-shared semaphores all the time; no fork stops a pair. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "tests/preload/forking.h"

#define PAIRS 4
#define DEADLINE_S 30

/* Alone in its page: others' writes do not make it private. */
struct pair {
	sem_t ping, pong;
	atomic_ulong rounds;
} *pairs[PAIRS];

static atomic_int stop;

static void *pings(void *argument)
{
	struct pair *pair = argument;

	while (!atomic_load(&stop)) {
		CHECK(sem_post(&pair->ping) == 0 && sem_wait(&pair->pong) == 0);
		atomic_fetch_add(&pair->rounds, 1);
		if (atomic_load(&pair->rounds) % 16 == 0)
			free(malloc(200 << 10));  /* memory returns, and heaps come back */
	}
	sem_post(&pair->ping);
	return NULL;
}

static void *pongs(void *argument)
{
	struct pair *pair = argument;

	while (!atomic_load(&stop))
		CHECK(sem_wait(&pair->ping) == 0 && sem_post(&pair->pong) == 0);
	sem_post(&pair->pong);
	return NULL;
}

static void check_progress(void)
{
	time_t deadline = time(NULL) + DEADLINE_S;

	for (int i = 0; i < PAIRS; i++) {
		unsigned long before = atomic_load(&pairs[i]->rounds);

		while (atomic_load(&pairs[i]->rounds) < before + 2) {
			CHECK(time(NULL) < deadline);
			sleep_ms(0);
		}
	}
}

int main(int argc, char **argv)
{
	int forks = argc > 1 ? atoi(argv[1]) : 300;
	pthread_t threads[2 * PAIRS];

	for (int i = 0; i < PAIRS; i++) {
		CHECK(posix_memalign((void **)&pairs[i], 4096, 4096) == 0);
		atomic_init(&pairs[i]->rounds, 0);
		CHECK(sem_init(&pairs[i]->ping, 1, 0) == 0 && sem_init(&pairs[i]->pong, 1, 0) == 0);
		CHECK(pthread_create(&threads[2 * i], NULL, pings, pairs[i]) == 0);
		CHECK(pthread_create(&threads[2 * i + 1], NULL, pongs, pairs[i]) == 0);
	}
	for (int i = 0; i < forks; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		CHECK(ended_well(pid));
		check_progress();
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < 2 * PAIRS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	return 0;
}
