/* Signals that a program holds back stay so, those of faults too: one that was sent waits through malloc and fork. */
#include <signal.h>
#include <string.h>

#include "tests/preload/forking.h"

static void check_waits(int number)
{
	sigset_t pending;

	CHECK(sigpending(&pending) == 0 && sigismember(&pending, number));
}

static void check(int number)
{
	sigset_t one;
	char *blocks[8];

	CHECK(kill(getpid(), number) == 0);
	for (int i = 0; i < 8; i++)
		CHECK((blocks[i] = malloc(3 << 20)) && memset(blocks[i], number, 3 << 20));
	check_waits(number);
	CHECK(forks_well());
	for (int i = 0; i < 8; i++)
		free(blocks[i]);
	check_waits(number);
	CHECK(comes_back());
	check_waits(number);
	sigemptyset(&one);
	sigaddset(&one, number);
	CHECK(sigwaitinfo(&one, NULL) == number);
}

int main(void)
{
	static const int numbers[] = { SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS, SIGTERM };
	sigset_t all;

	sigfillset(&all);
	CHECK(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		check(numbers[i]);
	return 0;
}
