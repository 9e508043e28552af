/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * calls -- the functions of libc that fork, or wait for what was forked, with ours around them.
 *
 * fork and forkpty run glibc's handlers, which do the work (fork.c); the wrappers let a fork fail. _Fork and
 * clone run none. After a wait a child is gone, and the heap may be able to return to its pool. vfork, posix_spawn,
 * system and popen share the memory until exec, and need nothing. Raw system calls: rawcall.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/context/context.h"
#include "libvmmalloc/exports/loader.h"
#include "libvmmalloc/fork/comeback.h"
#include "libvmmalloc/fork/fork.h"

#pragma GCC visibility push(default)

#define FIND(name) __atomic_store_n((void **)&vmm_next.name, vmm_loader_next(#name), __ATOMIC_RELAXED)
#define NEXT(name) ((void)(vmm_next.name || (find_next(), 1)), vmm_next.name)

/*
 * All are looked up at the start: later that could wait for another thread's dlopen, and a signal handler may be the
 * first to wait for a child.
 */
__attribute__((constructor(102))) static void find_next(void)
{
	FIND(fork);
	FIND(__fork);
	FIND(_Fork);
	FIND(forkpty);
	FIND(clone);
	FIND(wait);
	FIND(waitpid);
	FIND(wait3);
	FIND(wait4);
	FIND(waitid);
}

static pid_t or_errno(pid_t pid)
{
	return pid < 0 ? -errno : pid;
}

pid_t fork(void)
{
	struct vmm_fork this;
	int r = vmm_fork_begin(&this);

	return (int)kernel_result(r < 0 ? r : vmm_fork_end(&this, or_errno(NEXT(fork)())));
}

pid_t __fork(void);
pid_t __fork(void)
{
	struct vmm_fork this;
	int r = vmm_fork_begin(&this);

	return (int)kernel_result(r < 0 ? r : vmm_fork_end(&this, or_errno(NEXT(__fork)())));
}

int forkpty(int *master, char *name, const struct termios *termios, const struct winsize *size)
{
	struct vmm_fork this;
	int r = vmm_fork_begin(&this), pid;

	if (r < 0)
		return (int)kernel_result(r);
	pid = or_errno(NEXT(forkpty)(master, name, termios, size));
	r = vmm_fork_end(&this, pid);
	if (r < 0 && pid > 0)
		(void)kernel_close(*master);
	return (int)kernel_result(r);
}

/*
 * In glibc's own daemon() the parent has ended before anybody can say that the child could not have its heap. This one
 * does what daemon(3) says.
 */
int daemon(int keep_directory, int keep_descriptors)
{
	pid_t pid = fork();
	int null, r;

	if (pid < 0)
		return -1;
	if (pid > 0)
		kernel_exit(0);
	r = kernel_setsid();
	if (r < 0)
		return (int)kernel_result(r);
	if (!keep_directory)
		(void)kernel_chdir("/");
	if (keep_descriptors)
		return 0;
	null = kernel_open("/dev/null", O_RDWR, 0);
	if (null < 0)
		return (int)kernel_result(null);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		(void)kernel_dup2(null, fd);
	if (null > STDERR_FILENO)
		(void)kernel_close(null);
	return 0;
}

pid_t _Fork(void)
{
	struct vmm_fork this;
	int r = vmm_fork_before_raw(&this, NULL, false);
	pid_t pid;

	if (r < 0)
		return (int)kernel_result(r);
	pid = or_errno(NEXT(_Fork)());
	vmm_fork_after_raw(&this, pid);
	return (int)kernel_result(pid);
}

/* Runs first in a child that clone made without CLONE_VM: its memory is its own, this structure too. */
struct clone_call {
	int (*function)(void *);
	void *argument;
	struct vmm_fork fork;
};

static int cloned(void *call)
{
	struct clone_call copy = *(struct clone_call *)call;

	vmm_fork_after_raw(&copy.fork, 0);
	return copy.function(copy.argument);
}

int clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
{
	struct clone_call call = { .function = function, .argument = argument };
	va_list args;
	int r;

	va_start(args, argument);
	pid_t *parent_tid = va_arg(args, pid_t *);
	void *tls = va_arg(args, void *);
	pid_t *child_tid = va_arg(args, pid_t *);
	va_end(args);

	vmm_comeback_cloned((unsigned)flags);
	if (flags & CLONE_VM)
		return NEXT(clone)(function, stack, flags, argument, parent_tid, tls, child_tid);
	r = vmm_fork_before_raw(&call.fork, stack ? (char *)stack - 1 : NULL, flags & CLONE_FILES);
	if (r < 0)
		return (int)kernel_result(r);
	r = or_errno(NEXT(clone)(cloned, stack, flags, &call, parent_tid, tls, child_tid));
	vmm_fork_after_raw(&call.fork, r);
	return (int)kernel_result(r);
}

int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
	__attribute__((alias("clone"), leaf, nothrow));

static pid_t waited(pid_t pid)
{
	if (pid > 0)
		(void)vmm_come_back();
	return pid;
}

pid_t wait(int *status)
{
	return waited(NEXT(wait)(status));
}

pid_t waitpid(pid_t pid, int *status, int options)
{
	return waited(NEXT(waitpid)(pid, status, options));
}

pid_t wait3(int *status, int options, struct rusage *usage)
{
	return waited(NEXT(wait3)(status, options, usage));
}

pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	return waited(NEXT(wait4)(pid, status, options, usage));
}

int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	int r = NEXT(waitid)(type, id, info, options);

	if (r == 0)
		(void)waited(1);
	return r;
}
