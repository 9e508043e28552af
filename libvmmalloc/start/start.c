/* SPDX-License-Identifier: BSD-3-Clause */
/* start -- from the environment to a heap that is ready, before main and before the first malloc. */
#include "libvmmalloc/context/context.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "libvmmalloc/start/exec_environment.h"
#include "libvmmalloc/fork/comeback.h"
#include "libvmmalloc/start/growth.h"
#include "libvmmalloc/start/pools.h"
#include "libvmmalloc/fork/fork.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/path.h"
#include "libvmmalloc/base/report.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/base/vdso.h"

/* Set by the dynamic linker to the initial stack: argc, argv, NULL, environment (glibc, elf/dl-support.c). */
extern void *__libc_stack_end;

/*
 * A library linked with -z initfirst runs its constructor, and may allocate, before libc has set `environ`: then the
 * environment is taken from where the kernel put it.
 */
static char **find_environment(void)
{
	if (environ)
		return environ;

	char **stack = __libc_stack_end;
	size_t argc = *(size_t *)stack;
	return stack + 1 + argc + 1;
}

/*
 * Pools are made there later, too, when the program may have another directory. Not inlined: the path would lie on the
 * stack of all that the start does, which may be that of a signal handler.
 */
__attribute__((noinline)) static void keep_directories_absolute(struct vmm_config *config)
{
	for (size_t i = 0; i < config->tier_count; i++) {
		char path[PATH_MAX] = "";
		struct text text = TEXT_INIT(path);

		if (config->tiers[i].dir[0] == '/' || config->tiers[i].dir[0] == '\0')
			continue;
		path_add(&text, config->tiers[i].dir);
		if (text.length + 1 < text.size)
			memcpy(config->tiers[i].dir, path, text.length + 1);
	}
}

/*
 * There is no pool, and that is the end of the process, unless it may run on ordinary memory. A full file system counts
 * as a full pool, at the start, too.
 */
static void go_without(int error, const char *reason)
{
	if (vmm.config.does_without)
		vmm_report_warning("%s; the program runs on ordinary memory", reason);
	else if (vmm.config.on_full != ENVIRONMENT_ON_FULL_DRAM || (error != -ENOSPC && error != -EDQUOT))
		vmm_report_fatal("%s", reason);
}

/* The clock is asked by the vDSO, as libc does it: a filter may refuse the system call on slow paths of malloc. */
static void find_clock(void)
{
#if defined(__x86_64__)
	const char *name = "__vdso_clock_gettime";
#else
	const char *name = "__kernel_clock_gettime";
#endif
	void *clock = vdso_find((const void *)getauxval(AT_SYSINFO_EHDR), name);

	kernel_set_vdso_clock((int (*)(clockid_t, struct timespec *))clock);
}

static void start_once(void)
{
	char message[4096 + 256];
	struct text error = TEXT_INIT(message);
	char **environment;
	int r;

	find_clock();
	vmm_fork_register();
	if (getauxval(AT_SECURE))
		return;

	environment = find_environment();
	vmm_trace_start(environment);
	if (vmm_config_read(environment, &vmm.config, &error) < 0)
		vmm_report_fatal("%s", error.data);
	r = vmm_pools_make(&error);
	keep_directories_absolute(&vmm.config);
	vmm_exec_environment_prepare(environment, &vmm.config);
	if (r < 0) {
		go_without(r, error.data);
		return;
	}
	vmm_comeback_start();
	vmm_growth_start();
	vmm_outside_begin(&vmm.heap, vmm.outside_bytes);
	vmm.has_pool = true;
	TRACE(2, "pool of %zu bytes in %s at %p", vmm.heap.pool.size, vmm.config.tiers[0].dir,
	      (void *)vmm.heap.pool.base);
}

/*
 * pthread_once() would wait for itself if it were entered again from inside. That happens where a function of libc that
 * we call is wrapped by another library which allocates. It gets ordinary memory until the pool stands.
 */
void vmm_start(void)
{
	int found = CONTEXT_NOT_BEGUN;

	if (__atomic_load_n(&vmm.stage, __ATOMIC_ACQUIRE) == CONTEXT_DONE)
		return;
	if (__atomic_compare_exchange_n(&vmm.stage, &found, CONTEXT_UNDER_WAY, false, __ATOMIC_ACQUIRE,
					__ATOMIC_ACQUIRE)) {
		__atomic_store_n(&vmm.starter, kernel_gettid(), __ATOMIC_RELAXED);
		start_once();
		__atomic_store_n(&vmm.stage, CONTEXT_DONE, __ATOMIC_RELEASE);
		(void)kernel_futex(&vmm.stage, FUTEX_WAKE_PRIVATE, INT_MAX);
	} else if (__atomic_load_n(&vmm.starter, __ATOMIC_RELAXED) != kernel_gettid()) {
		while (__atomic_load_n(&vmm.stage, __ATOMIC_ACQUIRE) == CONTEXT_UNDER_WAY)
			(void)kernel_futex(&vmm.stage, FUTEX_WAIT_PRIVATE, CONTEXT_UNDER_WAY);
	}
}

__attribute__((constructor(101))) static void constructor(void)
{
	vmm_start();
}
