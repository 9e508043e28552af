/* daemon and forkpty that the kernel refuses leave nothing locked or counted. Must start as root. */
#include <errno.h>
#include <pty.h>
#include <sys/resource.h>

#include "tests/preload/forking.h"

int main(void)
{
	struct rlimit usual, none;
	int master;

	alarm(10);
	CHECK(getrlimit(RLIMIT_NPROC, &usual) == 0);
	CHECK(setgid(65534) == 0 && setuid(65534) == 0);
	none = (struct rlimit){ 0, usual.rlim_max };
	CHECK(setrlimit(RLIMIT_NPROC, &none) == 0);
	for (int i = 0; i < 3; i++) {
		CHECK(daemon(0, 1) == -1 && errno == EAGAIN && stats().forks == 0);
		CHECK(forkpty(&master, NULL, NULL, NULL) == -1 && errno == EAGAIN && stats().forks == 0);
		allocate();
	}
	CHECK(setrlimit(RLIMIT_NPROC, &usual) == 0);
	CHECK(forks_well() && stats().forks == 1);
	return 0;
}
