/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * look -- see look.h. A process that hangs in the kernel cannot be killed before the kernel lets go of it: then it is
 * not waited for, and init has it when this one has ended.
 */
#include "vmmallocd/doctor/look.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/steady_clock.h"

#define KILLED_WAIT_MS 200

/* In a child: goes with its parent, which may have gone already. */
static void follow_parent(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

/* Reads until the other end is closed. 0, -ETIMEDOUT or -errno. `take` may leave bytes for the next time. */
static int read_until_closed(int fd, int64_t deadline_ms,
			     size_t (*take)(void *context, const char *bytes, size_t count), void *context)
{
	char bytes[2 * LOOK_OUTPUT_BYTES];
	size_t count = 0;

	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		int64_t left_ms = deadline_ms - steady_clock_ms();
		ssize_t n = 0;
		size_t taken;

		if (left_ms <= 0)
			return -ETIMEDOUT;
		if (poll(&ready, 1, (int)left_ms) <= 0)
			continue;
		n = read(fd, bytes + count, sizeof(bytes) - count);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		count += (size_t)n;
		taken = take(context, bytes, count);
		count -= taken;
		memmove(bytes, bytes + taken, count);
		if (count == sizeof(bytes))
			return -EMSGSIZE;
	}
}

/* Kills it if it is not to be waited for. -ETIMEDOUT: it does not end. */
static int end_child(pid_t pid, bool kill_it, int64_t deadline_ms, int *ret_status)
{
	pid_t ended;

	if (kill_it) {
		(void)kill(pid, SIGKILL);
		deadline_ms = steady_clock_ms() + KILLED_WAIT_MS;
	}
	while ((ended = waitpid(pid, ret_status, WNOHANG)) == 0 && steady_clock_ms() < deadline_ms)
		(void)poll(NULL, 0, 2);
	if (ended == 0 && !kill_it)
		(void)end_child(pid, true, 0, ret_status);
	return ended == pid ? 0 : -ETIMEDOUT;
}

static size_t take_findings(void *context, const char *bytes, size_t count)
{
	return findings_take(context, bytes, count);
}

/* What it does not say, after this. */
static void say_stopped(struct findings *findings, enum check check, int r, int status)
{
	if (r == -ETIMEDOUT)
		findings_add(findings, FINDING_PROBLEM, check, "see what the file systems' servers and devices do",
			     "no answer within %d seconds: something hangs", LOOK_SECONDS);
	else if (r < 0)
		findings_add(findings, FINDING_PROBLEM, check, NULL, "could not be looked at: %s", strerrordesc_np(-r));
	else if (WIFSIGNALED(status))
		findings_add(findings, FINDING_PROBLEM, check, NULL, "could not be looked at: SIG%s",
			     sigabbrev_np(WTERMSIG(status)));
}

void look(struct findings *findings, const char *subject, enum check check,
	  void (*function)(struct findings *findings, void *context), void *context)
{
	int64_t deadline_ms = steady_clock_ms() + LOOK_SECONDS * 1000;
	int pipes[2], status = 0, r;
	pid_t self = getpid(), pid;

	findings->subject = subject;
	if (pipe2(pipes, O_CLOEXEC) < 0) {
		say_stopped(findings, check, -errno, 0);
		return;
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		follow_parent(self);
		(void)signal(SIGIO, SIG_IGN);
		close(pipes[0]);
		findings->fd = pipes[1];
		function(findings, context);
		_exit(0);
	}
	r = pid < 0 ? -errno : 0;
	close(pipes[1]);
	if (pid > 0) {
		r = read_until_closed(pipes[0], deadline_ms, take_findings, findings);
		if (end_child(pid, r < 0, deadline_ms, &status) < 0)
			r = -ETIMEDOUT;
	}
	close(pipes[0]);
	say_stopped(findings, check, r, status);
}

static size_t take_output(void *context, const char *bytes, size_t count)
{
	struct look_output *output = context;
	size_t room = sizeof(output->text) - 1 - output->length, part = count < room ? count : room;

	memcpy(output->text + output->length, bytes, part);
	output->length += part;
	return count;
}

/* In the child. Where there is no program, the pipe says which error it was. */
static void become(const char *const argv[], char *const envp[], int out, bool with_errors, int failure)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), r;

	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(with_errors ? out : null, STDERR_FILENO) >= 0)
		(void)execve(argv[0], (char *const *)argv, envp);
	r = -errno;
	if (write(failure, &r, sizeof(r)) < 0)
		_exit(126);
	_exit(127);
}

int look_run(const char *const argv[], char *const envp[], bool with_errors, int timeout_ms,
	     struct look_output *ret_output)
{
	int64_t deadline_ms = steady_clock_ms() + timeout_ms;
	int out[2], failure[2], r, failed = 0;
	pid_t self = getpid(), pid;

	*ret_output = (struct look_output){ .status = -1 };
	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(failure, O_CLOEXEC) < 0) {
		r = -errno;
		close(out[0]);
		close(out[1]);
		return r;
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		follow_parent(self);
		become(argv, envp, out[1], with_errors, failure[1]);
	}
	r = pid < 0 ? -errno : 0;
	close(out[1]);
	close(failure[1]);
	if (pid > 0) {
		r = read_until_closed(out[0], deadline_ms, take_output, ret_output);
		if (end_child(pid, r < 0, deadline_ms, &ret_output->status) < 0)
			r = -ETIMEDOUT;
		if (r == 0 && read(failure[0], &failed, sizeof(failed)) == sizeof(failed))
			r = failed;
	}
	close(out[0]);
	close(failure[0]);
	return r;
}
