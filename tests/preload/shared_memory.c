/* The heap does not return while a process that clone made with CLONE_VM, and that is no thread, writes to it. */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>

#include "tests/preload/forking.h"

#define PAGES 512
#define LONGS 512   /* of a page */

static atomic_bool stop;
static atomic_long rounds;
static char stack[1 << 16] __attribute__((aligned(16)));

/* It has its parent's thread data, too, and hardly calls anything. */
static int counts(void *argument)
{
	volatile long *cells = argument;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (; !stop; rounds++)
		for (int i = 0; i < PAGES; i++) {
			if (cells[i * LONGS] != rounds)
				return 1;
			cells[i * LONGS] = rounds + 1;
		}
	return 0;
}

int main(void)
{
	long *cells = aligned_alloc(4096, PAGES * LONGS * sizeof(long)), before;
	pid_t pid;

	for (int i = 0; i < PAGES * LONGS; i++)
		cells[i] = 0;
	alarm(60);
	pid = clone(counts, stack + sizeof(stack), CLONE_VM | SIGCHLD, cells);
	CHECK(pid > 0);
	for (int i = 0; i < 3; i++) {
		CHECK(forks_well());
		before = rounds;
		for (int tries = 0; tries < 60; tries++) {
			sleep_ms(20);  /* a return becomes due, by and by */
			allocate();
			CHECK(stats().mode == VMMALLOC_MODE_PRIVATE);
		}
		CHECK(rounds > before);
	}
	stop = 1;
	CHECK(ended_well(pid));
	return comes_back() ? 0 : 1;
}
