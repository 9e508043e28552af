/* A vforked child that has its parent's process id, in a new PID namespace, does not take its parent's heap back. */
#include <sched.h>
#include <signal.h>

#include "tests/preload/counting.h"
#include "tests/preload/forking.h"

#define PAGES 6000
#define ROUNDS 4

static struct counting counting;
static char stack[1 << 18] __attribute__((aligned(16)));

static int allocates(void *unused)
{
	(void)unused;
	CHECK(getpid() == 1);
	free(malloc(3 << 20));
	_exit(0);
}

/* The first process of its namespace, with a thread that writes. */
static int first(void)
{
	CHECK(getpid() == 1);
	counting_start(&counting, PAGES);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(forks_well());
		sleep_ms(1100);     /* a return may be due again */
		CHECK(ended_well(clone(allocates, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_NEWPID |
				       SIGCHLD, NULL)));
	}
	counting_stop(&counting);
	return 0;
}

int main(int count, char **arguments)
{
	(void)arguments;
	if (count > 1)
		return first();
	if (unshare(CLONE_NEWPID) < 0)
		return 77;
	pid_t pid = fork();
	if (pid == 0) {
		char self[] = "/proc/self/exe";

		execl(self, "same_number", "first", NULL);
		_exit(1);
	}
	CHECK(ended_well(pid));
	return 0;
}
