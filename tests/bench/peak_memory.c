/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peak_memory -- runs a program and prints how much memory it had at the most.
 *
 *   peak_memory FILE COMMAND [ARGUMENT...]     writes "file KIB ordinary KIB both KIB samples N" to FILE
 *
 * Every few milliseconds, and at its end: what the files in VMMALLOC_POOL_DIR have that the process and what it started
 * have open (its pool), and the process's own pages that are in no file (RssAnon). `both` is the peak of their sum.
 * Without such a file the peak is the kernel's (VmHWM, less RssFile), however short it was. Ends as the command does,
 * which has PRELOAD for its LD_PRELOAD.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/heap_files.h"

#define SAMPLE_NS 2000000

struct sample {
	long file, ordinary, both, count;
};

static long status_kib(pid_t pid, const char *word)
{
	char path[64], line[256];
	size_t length = strlen(word);
	long kib = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, word, length) == 0 && line[length] == ':')
			kib = strtol(line + length + 1, NULL, 10);
	if (status)
		fclose(status);
	return kib;
}

static void raise_to(long *most, long value)
{
	*most = value > *most ? value : *most;
}

static void take_sample(pid_t pid, const char *pool_dir, struct sample *most)
{
	long ordinary = status_kib(pid, "RssAnon"), file = (long)heap_files_kib(pid, pool_dir);

	raise_to(&most->ordinary, ordinary);
	raise_to(&most->file, file);
	raise_to(&most->both, ordinary + file);
	most->count++;
}

/* It has all that it had, and the kernel knows the peak of that. Without a pool nearly all of it is ordinary. */
static void take_last(pid_t pid, const char *pool_dir, struct sample *most)
{
	take_sample(pid, pool_dir, most);
	if (most->file == 0)
		raise_to(&most->ordinary, status_kib(pid, "VmHWM") - status_kib(pid, "RssFile"));
	raise_to(&most->both, most->ordinary);
}

/* The command stops where it ends, for the last sample; its signals are handed on. */
static int watch(pid_t pid, struct sample *most)
{
	const struct timespec pause = { .tv_nsec = SAMPLE_NS };
	const char *pool_dir = getenv("VMMALLOC_POOL_DIR");
	int status;

	pool_dir = pool_dir ? pool_dir : "/nonexistent";
	for (;;) {
		pid_t changed = waitpid(pid, &status, WNOHANG | __WALL);

		if (changed == 0) {
			take_sample(pid, pool_dir, most);
			nanosleep(&pause, NULL);
		} else if (changed < 0 || !WIFSTOPPED(status)) {
			return changed < 0 ? -1 : status;
		} else if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8)) {
			take_last(pid, pool_dir, most);
			(void)ptrace(PTRACE_CONT, pid, NULL, NULL);
		} else {
			(void)ptrace(PTRACE_CONT, pid, NULL, status >> 16 ? 0L : (long)WSTOPSIG(status));
		}
	}
}

int main(int argc, char **argv)
{
	const char *preload = getenv("PRELOAD");
	struct sample most = { 0 };
	FILE *out;
	pid_t pid;
	int status;

	if (argc < 3 || !(out = fopen(argv[1], "we"))) {
		fprintf(stderr, "usage: [PRELOAD=LIBRARY] peak_memory FILE COMMAND [ARGUMENT...]%s%s\n",
			argc < 3 ? "" : ": ", argc < 3 ? "" : strerror(errno));
		return EXIT_FAILURE;
	}
	pid = fork();
	if (pid == 0) {
		(void)raise(SIGSTOP);  /* until it is watched */
		if (preload && *preload)
			(void)setenv("LD_PRELOAD", preload, 1);
		(void)unsetenv("PRELOAD");
		execvp(argv[2], argv + 2);
		fprintf(stderr, "peak_memory: %s: %s\n", argv[2], strerror(errno));
		_exit(127);
	}
	status = pid < 0 || waitpid(pid, &status, WUNTRACED) != pid ? -1 : 0;
	if (status == 0 && ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL) < 0)
		fprintf(stderr, "peak_memory: ptrace: %s: peaks of sampling only\n", strerror(errno));
	if (status == 0 && kill(pid, SIGCONT) == 0)
		status = watch(pid, &most);
	fprintf(out, "file %ld ordinary %ld both %ld samples %ld\n", most.file, most.ordinary, most.both, most.count);
	return fclose(out) == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}
