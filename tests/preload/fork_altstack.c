/* A signal handler waits for children, on a stack that was allocated ("guard": on a small one with a guard page). */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "tests/preload/forking.h"

#define SMALL 8192

static volatile sig_atomic_t reaped;

static void reap(int signal)
{
	int saved_errno = errno;

	(void)signal;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		reaped++;
	errno = saved_errno;
}

static char *guarded(void)
{
	size_t page = page_bytes();
	char *pages = mmap(NULL, page + SMALL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(pages != MAP_FAILED && mprotect(pages, page, PROT_NONE) == 0);
	return pages + page;
}

int main(int argc, char **argv)
{
	stack_t stack = { .ss_size = argc > 1 ? SMALL : 8 * SMALL };
	struct sigaction action = { .sa_handler = reap, .sa_flags = SA_ONSTACK | SA_RESTART };

	(void)argv;
	stack.ss_sp = argc > 1 ? guarded() : malloc(stack.ss_size);
	CHECK(sigaltstack(&stack, NULL) == 0 && sigaction(SIGCHLD, &action, NULL) == 0);
	for (int i = 0; i < 30; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		CHECK(pid > 0);
		while (reaped <= i)
			sleep_ms(1);
		sleep_ms(5);
	}
	CHECK(comes_back());
	return 0;
}
