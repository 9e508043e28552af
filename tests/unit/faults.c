/* SPDX-License-Identifier: BSD-3-Clause */
/* faults -- see faults.h. */
#include "tests/unit/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"

#define MOST_FAULTS 24

struct fault {
	const char *call;
	int after, times, error;
	int calls;
};

static struct {
	struct fault faults[MOST_FAULTS];  /* those that were ordered or called */
	char log[512];
	int kill_after;                    /* -1: never */
	size_t limit;
	const char *at_each;               /* what FAULTS_AT_EACH() is about */
} state = { .kill_after = -1 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct fault *find(const char *call)
{
	for (size_t i = 0; i < MOST_FAULTS; i++) {
		struct fault *fault = &state.faults[i];

		if (!fault->call)
			fault->call = call;
		if (strcmp(fault->call, call) == 0)
			return fault;
	}
	fail_msg("more than %d calls that may fail", MOST_FAULTS);
	return NULL;
}

void faults_order(const char *call, int after, int times, int error)
{
	struct fault *fault;

	pthread_mutex_lock(&lock);
	fault = find(call);
	fault->after = after;
	fault->times = times;
	fault->error = error;
	pthread_mutex_unlock(&lock);
}

void faults_clear(void)
{
	pthread_mutex_lock(&lock);
	memset(&state, 0, sizeof(state));
	state.kill_after = -1;
	pthread_mutex_unlock(&lock);
}

static void write_down(const char *call)
{
	size_t length = strlen(state.log);

	if (strcmp(call, "memory") == 0)
		return;
	if (state.kill_after >= 0 && state.kill_after-- == 0)
		raise(SIGKILL);
	snprintf(state.log + length, sizeof(state.log) - length, " %s", call);
}

static int error_of(struct fault *fault)
{
	fault->calls++;
	if (fault->after > 0) {
		fault->after--;
		return 0;
	}
	if (fault->times == 0)
		return 0;
	fault->times -= fault->times != FAULTS_ALWAYS;
	return fault->error;
}

int faults_strike(const char *call)
{
	int error;

	pthread_mutex_lock(&lock);
	write_down(call);
	error = error_of(find(call));
	pthread_mutex_unlock(&lock);
	return error;
}

bool faults_strike_errno(const char *call)
{
	int error = faults_strike(call);

	if (error)
		errno = error;
	return error;
}

int faults_left(const char *call)
{
	return find(call)->times;
}

int faults_calls(const char *call)
{
	return find(call)->calls;
}

const char *faults_log(void)
{
	return state.log;
}

void faults_clear_log(void)
{
	state.log[0] = '\0';
}

void faults_kill_after(int calls)
{
	state.kill_after = calls;
}

void faults_limit(size_t bytes)
{
	state.limit = bytes;
}

bool faults_go_on(const char *call, int n, int error)
{
	if (n > 0 && state.at_each != call)
		fail_msg("faults_clear() within FAULTS_AT_EACH()");
	state.at_each = call;
	/* the one before has struck if nothing of it is left */
	if (n > 0 && faults_left(call) > 0) {
		faults_order(call, 0, 0, 0);
		return false;
	}
	faults_order(call, n, 1, error);
	return true;
}

/* --- the calls: in place of those that a test's "wrap" line names, and weaker than a test's own --- */

#define WRAPPER(type, name, ...) \
	type __real_##name(__VA_ARGS__) __attribute__((weak)); \
	type __wrap_##name(__VA_ARGS__) __attribute__((weak)); \
	type __wrap_##name(__VA_ARGS__)

WRAPPER(void *, malloc, size_t bytes)
{
	return faults_strike_errno("memory") ? NULL : __real_malloc(bytes);
}

WRAPPER(void *, calloc, size_t count, size_t bytes)
{
	return faults_strike_errno("memory") ? NULL : __real_calloc(count, bytes);
}

WRAPPER(void *, realloc, void *old, size_t bytes)
{
	return faults_strike_errno("memory") ? NULL : __real_realloc(old, bytes);
}

WRAPPER(void *, reallocarray, void *old, size_t count, size_t bytes)
{
	return faults_strike_errno("memory") ? NULL : __real_reallocarray(old, count, bytes);
}

WRAPPER(char *, strdup, const char *string)
{
	return faults_strike_errno("memory") ? NULL : __real_strdup(string);
}

WRAPPER(int, asprintf, char **ret, const char *format, ...)
{
	va_list args;
	int r;

	if (faults_strike_errno("memory"))
		return -1;
	va_start(args, format);
	r = vasprintf(ret, format, args);
	va_end(args);
	return r;
}

WRAPPER(int, open, const char *path, int flags, ...)
{
	mode_t mode;
	va_list args;

	va_start(args, flags);
	mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return faults_strike_errno("open") ? -1 : __real_open(path, flags, mode);
}

WRAPPER(int, openat, int dir, const char *path, int flags, mode_t mode)
{
	return faults_strike_errno("openat") ? -1 : __real_openat(dir, path, flags, mode);
}

static size_t limited(size_t bytes)
{
	return state.limit && bytes > state.limit ? state.limit : bytes;
}

WRAPPER(ssize_t, read, int fd, void *data, size_t bytes)
{
	return faults_strike_errno("read") ? -1 : __real_read(fd, data, limited(bytes));
}

WRAPPER(ssize_t, pwrite, int fd, const void *data, size_t bytes, off_t offset)
{
	return faults_strike_errno("pwrite") ? -1 : __real_pwrite(fd, data, limited(bytes), offset);
}

/* As on Linux: a failed close() closes all the same. */
WRAPPER(int, close, int fd)
{
	int error = faults_strike("close"), r = __real_close(fd);

	if (!error)
		return r;
	errno = error;
	return -1;
}

WRAPPER(int, fsync, int fd)
{
	return faults_strike_errno("fsync") ? -1 : __real_fsync(fd);
}

WRAPPER(int, fstat, int fd, struct stat *st)
{
	return faults_strike_errno("fstat") ? -1 : __real_fstat(fd, st);
}

WRAPPER(int, fallocate, int fd, int mode, off_t offset, off_t bytes)
{
	return faults_strike_errno("fallocate") ? -1 : __real_fallocate(fd, mode, offset, bytes);
}

WRAPPER(int, linkat, int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	return faults_strike_errno("linkat") ? -1 : __real_linkat(from_dir, from, to_dir, to, flags);
}

WRAPPER(int, renameat, int from_dir, const char *from, int to_dir, const char *to)
{
	return faults_strike_errno("renameat") ? -1 : __real_renameat(from_dir, from, to_dir, to);
}

WRAPPER(int, unlinkat, int dir, const char *name, int flags)
{
	return faults_strike_errno("unlinkat") ? -1 : __real_unlinkat(dir, name, flags);
}

WRAPPER(int, accept4, int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	return faults_strike_errno("accept4") ? -1 : __real_accept4(fd, address, length, flags);
}
