/* Calls that fail before they fork: forkpty without a descriptor for its terminal, clone without a stack. */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include "tests/preload/forking.h"

static int never(void *argument)
{
	_exit(argument != NULL);
}

int main(void)
{
	struct rlimit usual, none;
	int master, lowest = open("/dev/null", O_RDONLY);

	alarm(10);
	CHECK(close(lowest) == 0 && getrlimit(RLIMIT_NOFILE, &usual) == 0);
	/* one that is left is enough for a copy of the pool, but not for a terminal */
	none = (struct rlimit){ (rlim_t)lowest + 1, usual.rlim_max };
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(forkpty(&master, NULL, NULL, NULL) == -1 && stats().forks == 0);
	CHECK(setrlimit(RLIMIT_NOFILE, &usual) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(clone(never, NULL, SIGCHLD, NULL) == -1 && errno == EINVAL && stats().forks == 0);
	CHECK(forks_well() && stats().forks == 1 && comes_back());
	return 0;
}
