/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * confine -- see confine.h. libseccomp, and programs by themselves, go through these two functions of libc. Without a
 * filter they only ask what the kernel can do.
 */
#include "libvmmalloc/confine.h"

#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "libvmmalloc/context.h"
#include "libvmmalloc/kernel.h"
#include "libvmmalloc/loader.h"

void vmm_confine(void)
{
	/* other threads shall not be half through something that needs more; in a handler the lock may be our own */
	if (vmm.has_pool)
		(void)vmm_lock_take(&vmm.heap.lock);
	kernel_confine();
	vmm.away = false;
	/* a copy that was asked for by all means is refused where it is made */
	if (vmm.config.fork == CONFIG_FORK_AUTO || vmm.config.fork == CONFIG_FORK_COPY_OR_PRIVATE)
		vmm.config.fork = CONFIG_FORK_PRIVATE;
	if (vmm.has_pool)
		vmm_lock_release(&vmm.heap.lock);
}

#pragma GCC visibility push(default)

typedef int (*prctl_function)(int, unsigned long, unsigned long, unsigned long, unsigned long);
/* The seventh argument of syscall(): on the stack, where it stays, or in a register. */
#if defined(__x86_64__)
#define SEVENTH(argument)
#else
#define SEVENTH(argument) , argument
#endif

typedef long (*syscall_function)(long, long, long, long, long, long SEVENTH(long));

static prctl_function next_prctl;
static syscall_function next_syscall;

__attribute__((constructor(102))) static void constructor(void)
{
	__atomic_store_n(&next_prctl, (prctl_function)vmm_loader_next("prctl"), __ATOMIC_RELAXED);
	__atomic_store_n(&next_syscall, (syscall_function)vmm_loader_next("syscall"), __ATOMIC_RELAXED);
}

int prctl(int option, ...)
{
	unsigned long a, b, c, d;
	va_list args;

	va_start(args, option);
	a = va_arg(args, unsigned long);
	b = va_arg(args, unsigned long);
	c = va_arg(args, unsigned long);
	d = va_arg(args, unsigned long);
	va_end(args);
	if (option == PR_SET_SECCOMP && (a == SECCOMP_MODE_STRICT || b))
		vmm_confine();
	if (!next_prctl)
		constructor();
	return next_prctl(option, a, b, c, d);
}

/* Whom to pass it on to. */
static __attribute__((noinline, cold)) syscall_function syscall_slow(long number, long operation, long flags,
									long filter)
{
	bool confines = operation == SECCOMP_SET_MODE_STRICT ? flags == 0
							     : operation == SECCOMP_SET_MODE_FILTER && filter;

	if (number == SYS_seccomp && confines)
		vmm_confine();
	if (!next_syscall)
		constructor();
	return next_syscall;
}

/*
 * Not as it is declared: so the compiler makes a jump of it, with all arguments where they are. The seventh is on the
 * stack on x86-64, and stays there; if it were one of ours it would be copied onto itself, and where there is none that
 * word is the caller's, who may have shared it with other threads.
 */
long vmm_syscall(long number, long a, long b, long c, long d, long e SEVENTH(long f)) __asm__("syscall");

__attribute__((optimize("O2"))) long vmm_syscall(long number, long a, long b, long c, long d, long e SEVENTH(long f))
{
	syscall_function next = next_syscall;

	if (__builtin_expect(number == SYS_seccomp || !next, 0))
		next = syscall_slow(number, a, b, c);
	return next(number, a, b, c, d, e SEVENTH(f));
}
