/* SPDX-License-Identifier: BSD-3-Clause */
/* real -- sort, awk and the shell on pools of the daemon: what they print is known, or they have been killed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/storm/driver.h"

#define RUNNING_MOST 16
#define LINES 60000
#define OUTPUT_MOST (4 << 20)

static const char *const scripts[] = {
	"exec sort -n -r lines",
	"exec awk '{ s[$1 % 997] = s[$1 % 997] $2 } END { for (i = 0; i < 997; i++) print i, s[i] }' lines",
	"for i in 1 2 3 4 5 6 7 8; do a=\"$a$(echo $i; echo $a)\"; done; echo \"$a\"",
};
#define SCRIPTS (sizeof(scripts) / sizeof(scripts[0]))

static char *expected[SCRIPTS];

static struct real {
	pid_t pid;                     /* 0: the place is free */
	size_t script;
	unsigned number;
	bool killed;
} running[RUNNING_MOST];
static unsigned last_number, good, refused;

static void file_path(const char *prefix, unsigned number, char path[DRIVER_PATH * 2])
{
	snprintf(path, DRIVER_PATH * 2, "%s/%s.%u", driver.work, prefix, number);
}

/* malloc'ed; what is not there is empty */
static char *read_file(const char *path)
{
	char *text = calloc(1, OUTPUT_MOST + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t n;

	if (!text)
		driver_die("memory");
	while (fd >= 0 && length < OUTPUT_MOST && (n = read(fd, text + length, OUTPUT_MOST - length)) > 0)
		length += (size_t)n;
	if (fd >= 0)
		close(fd);
	return text;
}

static pid_t start(size_t script, unsigned number, const char *class, uid_t uid)
{
	char ctl[DRIVER_PATH * 2], own[DRIVER_PATH * 2], name[32];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	snprintf(ctl, sizeof(ctl), "%s/vmmallocctl", driver.bin);
	snprintf(own, sizeof(own), "%s/own", driver.pools);
	snprintf(name, sizeof(name), "out.%u", number);
	driver_redirect(STDOUT_FILENO, name);
	snprintf(name, sizeof(name), "err.%u", number);
	driver_redirect(STDERR_FILENO, name);
	driver_become(uid);
	if (chdir(driver.work) < 0)
		_exit(126);
	setenv("LC_ALL", "C", 1);
	if (!class)
		execl("/bin/sh", "sh", "-c", scripts[script], NULL);
	else if (number % 3 == 0)
		execl(ctl, ctl, "run", "--runtime-dir", service_runtime_dir, "--class", class, "--dir", own,
		      "--size", "14M", "--", "/bin/sh", "-c", scripts[script], NULL);
	else
		execl(ctl, ctl, "run", "--runtime-dir", service_runtime_dir, "--class", class, "--",
		      "/bin/sh", "-c", scripts[script], NULL);
	_exit(126);
}

void real_prepare(void)
{
	char path[DRIVER_PATH * 2];
	FILE *lines;

	/* where a program makes a pool of its own when the daemon has none */
	snprintf(path, sizeof(path), "%s/own", driver.pools);
	if (mkdir(path, 0777) < 0 || chmod(path, 01777) < 0)
		driver_die(path);
	snprintf(path, sizeof(path), "%s/lines", driver.work);
	lines = fopen(path, "we");
	for (unsigned i = 0; lines && i < LINES; i++)
		fprintf(lines, "%u line%u\n", i * 7919 % LINES, i);
	if (!lines || fclose(lines) != 0 || chmod(path, 0644) < 0)
		driver_die("the file of lines");
	for (size_t i = 0; i < SCRIPTS; i++) {
		pid_t pid = start(i, 0, NULL, getuid());
		int status;

		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			driver_die(scripts[i]);
		file_path("out", 0, path);
		expected[i] = read_file(path);
		unlink(path);
	}
}

void real_start(void)
{
	for (size_t i = 0; i < RUNNING_MOST; i++) {
		struct real *real = &running[i];

		if (real->pid)
			continue;
		*real = (struct real){
			.script = driver_between(0, SCRIPTS - 1), .number = ++last_number,
		};
		real->pid = start(real->script, real->number, service_any_class()->name,
				  driver.uids[driver_between(0, (unsigned)driver.uid_count - 1)]);
		if (real->pid < 0)
			driver_die("fork");
		return;
	}
}

/* The library has no pool, in the program itself or in one that it starts, and says so; or vmmallocctl run does. */
static bool says_no_pool(const char *errors)
{
	return strstr(errors, "Error (libvmmalloc): ") != NULL || strstr(errors, "vmmallocctl: there is no class '");
}

static void check_end(const struct real *real, int status)
{
	char out[DRIVER_PATH * 2], err[DRIVER_PATH * 2];
	char *output, *errors;

	file_path("out", real->number, out);
	file_path("err", real->number, err);
	output = read_file(out);
	errors = read_file(err);
	if (real->killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		;
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && strcmp(output, expected[real->script]) == 0)
		good++;
	else if (WIFEXITED(status) && says_no_pool(errors))
		refused++;
	else
		driver_violation("%s: wait status 0x%x, %zu bytes of output, %zu expected; it says: %s",
				 scripts[real->script], (unsigned)status, strlen(output),
				 strlen(expected[real->script]), errors);
	free(output);
	free(errors);
	unlink(out);
	unlink(err);
}

bool real_reaped(pid_t pid, int status)
{
	for (size_t i = 0; i < RUNNING_MOST; i++) {
		if (running[i].pid != pid)
			continue;
		check_end(&running[i], status);
		running[i].pid = 0;
		return true;
	}
	return false;
}

size_t real_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < RUNNING_MOST; i++)
		count += running[i].pid != 0;
	return count;
}

static void kill_real(struct real *real)
{
	if (!real->pid)
		return;
	real->killed = true;
	kill(real->pid, SIGKILL);
}

void real_kill_one(void)
{
	kill_real(&running[driver_between(0, RUNNING_MOST - 1)]);
}

void real_kill_all(void)
{
	for (size_t i = 0; i < RUNNING_MOST; i++)
		kill_real(&running[i]);
}

void real_print_figures(void)
{
	printf("real programs: %u started, %u ended well, %u were without a pool\n", last_number, good, refused);
}
