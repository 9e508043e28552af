/* SPDX-License-Identifier: BSD-3-Clause */
/* child -- see child.h. */
#include "tests/bench/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/heap_files.h"

#define WATCH_MS 10

static volatile sig_atomic_t stopped;
static const char *watched_dir;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

void child_catch_signals(void)
{
	struct sigaction action = { .sa_handler = stop };       /* no SA_RESTART: poll must return */
	struct rlimit no_core = { 0 };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	setrlimit(RLIMIT_CORE, &no_core);
}

void child_watch_files(const char *dir)
{
	watched_dir = dir;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void close_pipe(int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int open_pipe(int ret_fds[2])
{
	if (pipe2(ret_fds, O_CLOEXEC) < 0)
		return -errno;
	/* a grandchild may hold the other end for longer than the child lives */
	fcntl(ret_fds[0], F_SETFL, O_NONBLOCK);
	return 0;
}

/* What is in the pipe is all there will be: the child has ended, and a pipe holds more than a child may write. */
static void read_pipe(int fd, char *ret_text)
{
	size_t length = 0;
	ssize_t n;

	while (length < CHILD_OUTPUT_MOST - 1 && (n = read(fd, ret_text + length, CHILD_OUTPUT_MOST - 1 - length)) > 0)
		length += (size_t)n;
	ret_text[length] = '\0';
}

static int start(const char *const argv[], char *const environment[], int output, int errors, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int r;

	if ((r = posix_spawn_file_actions_init(&actions)) != 0)
		return -r;
	if ((r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)) == 0 &&
	    (r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)) == 0 &&
	    (r = posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)) == 0)
		r = posix_spawnp(ret_pid, argv[0], &actions, NULL, (char *const *)argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static void watch_files(pid_t pid, struct child *child)
{
	double kib = watched_dir ? heap_files_kib(pid, watched_dir) : 0;

	if (kib > child->file_kib)
		child->file_kib = kib;
}

/* Waits for the child's end, until `end` on the clock; false when the child is still there. */
static bool wait_until(pid_t pid, int pidfd, double end, struct child *child)
{
	for (;;) {
		double left = end - now();
		struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

		if (stopped || left <= 0)
			return false;
		if (poll(&poll_fd, 1, watched_dir ? WATCH_MS : (int)(left * 1000) + 1) == 1)
			return true;
		watch_files(pid, child);
	}
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void reap(pid_t pid, struct child *child)
{
	struct rusage usage = { 0 };

	while (wait4(pid, &child->wait_status, 0, &usage) < 0 && errno == EINTR)
		;
	child->user_s = seconds_of(usage.ru_utime);
	child->system_s = seconds_of(usage.ru_stime);
	child->faults = (double)(usage.ru_minflt + usage.ru_majflt);
	child->peak_kib = (double)usage.ru_maxrss;
}

static int finish(pid_t pid, double end, struct child *child)
{
	int pidfd = pidfd_open(pid, 0);
	bool ended = pidfd >= 0 && wait_until(pid, pidfd, end, child);
	int r = pidfd < 0 ? -errno : stopped ? -EINTR : 0;

	if (!ended)
		kill(pid, SIGKILL);     /* not waited for yet, so the pid is still the child's */
	reap(pid, child);
	child->timed_out = !ended;
	if (pidfd >= 0)
		close(pidfd);
	return r;
}

static int run(const char *const argv[], char *const environment[], int deadline_s, int output[2], int errors[2],
	       struct child *ret_child)
{
	struct child child = { 0 };
	double begin;
	pid_t pid;
	int r;

	if ((r = open_pipe(output)) < 0 || (r = open_pipe(errors)) < 0)
		return r;
	begin = now();
	if ((r = start(argv, environment, output[1], errors[1], &pid)) < 0 ||
	    (r = finish(pid, begin + deadline_s, &child)) < 0)
		return r;
	child.seconds = now() - begin;
	read_pipe(output[0], child.output);
	read_pipe(errors[0], child.errors);
	*ret_child = child;
	return 0;
}

int child_run(const char *const argv[], char *const environment[], int deadline_s, struct child *ret_child)
{
	int output[2] = { -1, -1 }, errors[2] = { -1, -1 };
	int r = stopped ? -EINTR : run(argv, environment, deadline_s, output, errors, ret_child);

	close_pipe(output);
	close_pipe(errors);
	return r;
}

bool child_failed(const struct child *child, char *ret_text, size_t size)
{
	int line = (int)strcspn(child->errors, "\n");
	const char *separator = line > 0 ? ": " : "";

	if (child->timed_out)
		snprintf(ret_text, size, "killed past its deadline%s%.*s", separator, line, child->errors);
	else if (WIFSIGNALED(child->wait_status))
		snprintf(ret_text, size, "signal %d%s%.*s", WTERMSIG(child->wait_status), separator, line,
			 child->errors);
	else if (WEXITSTATUS(child->wait_status) != 0)
		snprintf(ret_text, size, "exit status %d%s%.*s", WEXITSTATUS(child->wait_status), separator, line,
			 child->errors);
	else
		return false;
	return true;
}
