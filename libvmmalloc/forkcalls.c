/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * forkcalls -- the functions of libc that fork, or wait for what was forked, with ours around them.
 *
 * fork, forkpty and daemon run glibc's handlers, which do the work (fork.c); the wrappers let a fork fail. _Fork and
 * clone run none. After a wait a child is gone, and the heap may be able to return to its pool. vfork, posix_spawn,
 * system and popen share the memory until exec, and need nothing. Raw system calls pass us by.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pty.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libvmmalloc/context.h"
#include "libvmmalloc/fork.h"

#pragma GCC visibility push(default)

/* The next definition of a function after ours: libc's, unless somebody else wraps it too. */
static void *find_next(const char *name, void **slot)
{
	void *found = __atomic_load_n(slot, __ATOMIC_RELAXED);

	if (!found) {
		found = dlsym(RTLD_NEXT, name);
		__atomic_store_n(slot, found, __ATOMIC_RELAXED);
	}
	return found;
}

static pid_t fork_with(pid_t (*next)(void))
{
	int r = vmm_fork_begin();
	pid_t pid;

	if (r < 0) {
		errno = -r;
		return -1;
	}
	pid = vmm_fork_end(next());
	if (pid < -1) {
		errno = -pid;
		return -1;
	}
	return pid;
}

pid_t fork(void)
{
	static void *next;

	return fork_with((pid_t(*)(void))find_next("fork", &next));
}

pid_t __fork(void);
pid_t __fork(void)
{
	static void *next;

	return fork_with((pid_t(*)(void))find_next("__fork", &next));
}

pid_t _Fork(void)
{
	static void *slot;
	pid_t (*next)(void) = (pid_t(*)(void))find_next("_Fork", &slot);
	bool locked = vmm_fork_before_raw();
	pid_t pid = next();

	vmm_fork_after_raw(pid, locked);
	return pid;
}

int forkpty(int *master, char *name, const struct termios *termios, const struct winsize *size)
{
	static void *slot;
	int (*next)(int *, char *, const struct termios *, const struct winsize *) =
		(int (*)(int *, char *, const struct termios *, const struct winsize *))find_next("forkpty", &slot);
	int r = vmm_fork_begin();

	if (r == 0)
		r = vmm_fork_end(next(master, name, termios, size));
	if (r < -1)
		errno = -r;
	return r < 0 ? -1 : r;
}

/* The parent never returns from it. */
int daemon(int keep_directory, int keep_descriptors)
{
	static void *slot;
	int (*next)(int, int) = (int (*)(int, int))find_next("daemon", &slot);
	int r = vmm_fork_begin();

	if (r < 0) {
		errno = -r;
		return -1;
	}
	return next(keep_directory, keep_descriptors);
}

/* Runs first in a child that clone made without CLONE_VM: its memory is its own, this structure too. */
struct clone_call {
	int (*function)(void *);
	void *argument;
	bool locked;
};

static int cloned(void *call)
{
	struct clone_call copy = *(struct clone_call *)call;

	vmm_fork_after_raw(0, copy.locked);
	return copy.function(copy.argument);
}

int clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
{
	static void *slot;
	int (*next)(int (*)(void *), void *, int, void *, ...) =
		(int (*)(int (*)(void *), void *, int, void *, ...))find_next("clone", &slot);
	struct clone_call call = { .function = function, .argument = argument };
	va_list args;

	va_start(args, argument);
	pid_t *parent_tid = va_arg(args, pid_t *);
	void *tls = va_arg(args, void *);
	pid_t *child_tid = va_arg(args, pid_t *);
	va_end(args);

	if (flags & CLONE_VM)
		return next(function, stack, flags, argument, parent_tid, tls, child_tid);
	call.locked = vmm_fork_before_raw();
	int pid = next(cloned, stack, flags, &call, parent_tid, tls, child_tid);
	vmm_fork_after_raw(pid, call.locked);
	return pid;
}

static pid_t waited(pid_t pid)
{
	if (pid > 0 && vmm.away)
		(void)vmm_fork_return();
	return pid;
}

pid_t wait(int *status)
{
	static void *slot;

	return waited(((pid_t(*)(int *))find_next("wait", &slot))(status));
}

pid_t waitpid(pid_t pid, int *status, int options)
{
	static void *slot;

	return waited(((pid_t(*)(pid_t, int *, int))find_next("waitpid", &slot))(pid, status, options));
}

pid_t wait3(int *status, int options, struct rusage *usage)
{
	static void *slot;

	return waited(((pid_t(*)(int *, int, struct rusage *))find_next("wait3", &slot))(status, options, usage));
}

pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	static void *slot;

	return waited(((pid_t(*)(pid_t, int *, int, struct rusage *))find_next("wait4", &slot))(pid, status, options,
												 usage));
}

int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	static void *slot;
	int r = ((int (*)(idtype_t, id_t, siginfo_t *, int))find_next("waitid", &slot))(type, id, info, options);

	if (r == 0)
		(void)waited(1);
	return r;
}
