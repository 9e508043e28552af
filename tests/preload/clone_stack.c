/* clone on a stack that was allocated: the child allocates, and lives past the time after which others settle. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "tests/preload/forking.h"

#define STACK_BYTES ((size_t)256 << 10)

static int child(void *text)
{
	for (int i = 0; i < 40; i++) {
		sleep_ms(10);
		allocate();
	}
	_exit(strcmp(text, "parent") != 0);
}

/* "closed": without descriptors the child would get its heap, and so its stack, when it runs on it already. */
int main(int argc, char **argv)
{
	char *stack = malloc(STACK_BYTES), *text = strdup("parent");

	(void)argv;
	for (int fd = 3; argc > 1 && fd < 1024; fd++)
		close(fd);
	pid_t pid = clone(child, stack + STACK_BYTES, SIGCHLD, text);
	if (argc > 1) {
		CHECK(pid == -1 && errno == ENOMEM && forks_well());
	} else {
		strcpy(text, "other");
		CHECK(ended_well(pid));
	}
	return 0;
}
