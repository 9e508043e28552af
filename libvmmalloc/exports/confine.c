/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * confine -- see confine.h. libseccomp, and programs by themselves, go through libc's prctl() and syscall(); the latter
 * is in rawcall.c, for both calls. Without a filter they only ask what the kernel can do.
 */
#include "libvmmalloc/exports/confine.h"

#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>

#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/context/context.h"
#include "libvmmalloc/exports/loader.h"

/* A filter is about to be installed. */
static void confine(void)
{
	/* no other thread may be half through something that needs more calls; in a handler the lock may be our own */
	if (vmm.has_pool)
		(void)vmm_lock_take(&vmm.heap.lock);
	kernel_confine();
	__atomic_store_n(&vmm.come_back, NULL, __ATOMIC_RELAXED);
	/* a copy that was asked for by all means is refused where it is made */
	if (vmm.config.fork == CONFIG_FORK_AUTO || vmm.config.fork == CONFIG_FORK_COPY_OR_PRIVATE)
		vmm.config.fork = CONFIG_FORK_PRIVATE;
	if (vmm.has_pool)
		vmm_lock_release(&vmm.heap.lock);
}

void vmm_confine_by_seccomp(long operation, long flags, long filter)
{
	if (operation == SECCOMP_SET_MODE_STRICT ? flags == 0 : operation == SECCOMP_SET_MODE_FILTER && filter)
		confine();
}

void vmm_confine_by_prctl(long option, long mode, long filter)
{
	if (option == PR_SET_SECCOMP && (mode == SECCOMP_MODE_STRICT || filter))
		confine();
}

#pragma GCC visibility push(default)

__attribute__((constructor(102))) static void find_prctl(void)
{
	__atomic_store_n((void **)&vmm_next.prctl, vmm_loader_next("prctl"), __ATOMIC_RELAXED);
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
	vmm_confine_by_prctl(option, (long)a, (long)b);
	if (!vmm_next.prctl)
		find_prctl();
	return vmm_next.prctl(option, a, b, c, d);
}
