/* Signal handlers that write to the heap while it leaves and returns lose nothing. */
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/check.h"

#define CELLS 4000

static volatile unsigned *cells[CELLS];
static volatile unsigned ticks;

static void on_tick(int signal)
{
	(void)signal;
	ticks++;
	for (int i = 0; i < CELLS; i++)
		++*cells[i];
}

int main(void)
{
	struct itimerval every = { .it_interval = { .tv_usec = 300 }, .it_value = { .tv_usec = 300 } };
	sigset_t alarm_only;

	for (int i = 0; i < CELLS; i++)
		cells[i] = calloc(1, 1500);
	signal(SIGALRM, on_tick);
	setitimer(ITIMER_REAL, &every, NULL);
	for (int round = 0; round < 400; round++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			for (int i = 1; i < CELLS; i++)
				CHECK(*cells[i] == *cells[0] && ticks == *cells[0]);
			_exit(0);
		}
		CHECK(pid > 0);
		while (waitpid(pid, &status, 0) < 0)
			;
		CHECK(status == 0);
		free(malloc(round * 1000));
	}
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm_only, NULL);
	for (int i = 0; i < CELLS; i++)
		CHECK(*cells[i] == ticks);
	return 0;
}
