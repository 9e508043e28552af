/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * daemon_exec -- how long it takes from exec to main, and from spawn to the end, with an environment of its own.
 *
 *   daemon_exec MIB [NAME=VALUE]...
 *
 * Starts itself with these variables and no others, and prints "main US end US touch US faults N": what went by until
 * the child was in main, until it was waited for, and in the loop that writes a byte to each page of one new block of
 * so many MiB, with its minor faults. MIB may be 0: nothing is touched.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/daemon_take.h"

#define PAGE 4096
#define BEGAN "BENCH_BEGAN_NS="

struct figures {
	int64_t main_ns, touch_ns, faults;
};

static int64_t minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* In the child: figures go through its standard output. No stdio: that would be measured as well. */
static int child(int64_t main_ns, size_t bytes)
{
	struct figures figures = { .main_ns = main_ns };

	if (bytes > 0) {
		volatile char *block = malloc(bytes);
		int64_t faults, began;

		if (!block)
			return 3;
		faults = minor_faults();
		began = now_ns();
		for (size_t i = 0; i < bytes; i += PAGE)
			block[i] = 1;
		figures.touch_ns = now_ns() - began;
		figures.faults = minor_faults() - faults;
	}
	return write(STDOUT_FILENO, &figures, sizeof(figures)) != sizeof(figures);
}

static pid_t start(char **argv, char **environment, int output)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	r = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		die("posix_spawn", r);
	return pid;
}

int main(int argc, char **argv)
{
	int64_t arrived_ns = now_ns(), began_ns;
	const char *parents_ns = getenv("BENCH_BEGAN_NS");
	char began[64], **environment = calloc((size_t)argc + 1, sizeof(char *));
	struct figures figures;
	int channel[2], status;
	pid_t pid;

	if (argc < 2)
		return 2;
	if (parents_ns)
		return child(arrived_ns - strtoll(parents_ns, NULL, 10), strtoul(argv[1], NULL, 10) << 20);
	if (!environment || pipe(channel) < 0)
		die("pipe", errno);
	environment[0] = began;
	for (int i = 2; i < argc; i++)
		environment[i - 1] = argv[i];
	began_ns = now_ns();
	snprintf(began, sizeof(began), BEGAN "%lld", (long long)began_ns);
	pid = start(argv, environment, channel[1]);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("the child has failed", ECHILD);
	arrived_ns = now_ns();
	if (read(channel[0], &figures, sizeof(figures)) != sizeof(figures))
		die("the child's figures", EIO);
	printf("main %.1f end %.1f touch %.1f faults %lld\n", (double)figures.main_ns / 1e3,
	       (double)(arrived_ns - began_ns) / 1e3, (double)figures.touch_ns / 1e3, (long long)figures.faults);
	return 0;
}
