/* Every road to a fork that glibc offers gives the child memory of its own. */
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/check.h"

pid_t __fork(void);

static char *block;
static int stack[1 << 16] __attribute__((aligned(16)));

static int child(void *unused)
{
	(void)unused;
	if (strcmp(block, "parent") != 0)
		_exit(1);
	strcpy(block, "child");
	_exit(0);
}

static void check(pid_t pid)
{
	int status;

	if (pid == 0)
		child(NULL);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(strcmp(block, "parent") == 0);
}

static void check_daemon(void)
{
	char answer[8] = "";
	int ends[2];

	CHECK(pipe(ends) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (daemon(0, 1) == 0) {
			free(malloc(1 << 20));
			(void)!write(ends[1], block, 7);
		}
		_exit(0);
	}
	CHECK(waitpid(pid, NULL, 0) == pid);
	CHECK(read(ends[0], answer, 7) == 7 && strcmp(answer, "parent") == 0);
	close(ends[0]), close(ends[1]);
}

int main(void)
{
	int master;

	block = strdup("parent");
	for (int i = 0; i < 3; i++) {
		check(fork());
		check(__fork());
		check(_Fork());
		check(forkpty(&master, NULL, NULL, NULL));
		close(master);
		check(clone(child, stack + (1 << 16), SIGCHLD, NULL));
		check_daemon();
		CHECK(system("exit 3") == 3 << 8);
		FILE *pipe_end = popen("echo hello", "r");
		char line[16] = "";
		CHECK(pipe_end && fgets(line, sizeof(line), pipe_end) && strcmp(line, "hello\n") == 0);
		CHECK(pclose(pipe_end) == 0);
		pid_t pid = vfork();
		if (pid == 0)
			_exit(7);
		int status;
		CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
	}
	return 0;
}
