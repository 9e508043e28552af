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
#include "libvmmalloc/start/handout_client.h"
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

/* Pools for children are made there later, when the program may have another directory and another environment. */
static void keep_pool_dir(void)
{
	struct text text = TEXT_INIT(vmm.pool_dir);

	path_add(&text, vmm.config.pool_dir);
}

/* A full file system counts as a full pool, at the start, too: the program runs on ordinary memory if it may. */
static bool goes_without(int error)
{
	return vmm.config.spill && (error == -ENOSPC || error == -EDQUOT);
}

/*
 * The pool is the daemon's, if the environment names one and the daemon has one to give; else it is made here. False if
 * the program is to run without.
 */
static bool make_pool(struct vmm_pool *ret_pool, bool *ret_all_reserved)
{
	const struct vmm_config *config = &vmm.config;
	char message[4096 + 256];
	struct text error = TEXT_INIT(message);
	int fd, r;

	if ((config->pool_class || config->socket) && vmm_handout_ask(config, &fd, &error) == 0 &&
	    vmm_pool_adopt(fd, ret_pool, &error) == 0) {
		*ret_all_reserved = true;
		return true;
	}
	if (!config->pool_dir)
		vmm_report_fatal("no pool of class %s: %s", config->pool_class, error.data);
	if (error.length > 0)
		TRACE(1, "%s", error.data);
	error.length = 0;
	r = vmm_pool_create(config->pool_dir, config->pool_bytes, config->reserve_all, ret_pool, &error);
	if (r < 0 && !goes_without(r))
		vmm_report_fatal("%s", error.data);
	*ret_all_reserved = config->reserve_all;
	return r == 0;
}

static bool make_heap(struct vmm_pool *pool, bool all_reserved)
{
	int r = vmm_heap_init(&vmm.heap, pool, all_reserved);

	if (r < 0 && !goes_without(r))
		vmm_report_fatal("pool creation failed: first space in %s: %s",
				 vmm.config.pool_dir ? vmm.config.pool_dir : "the daemon's pool", strerrordesc_np(-r));
	if (r < 0)
		vmm_pool_drop(pool);
	return r == 0;
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
	struct vmm_pool pool;
	char **environment;
	bool all_reserved, has_pool;

	find_clock();
	vmm_fork_register();
	if (getauxval(AT_SECURE))
		return;

	environment = find_environment();
	vmm_trace_start(environment);
	if (vmm_config_read(environment, &vmm.config, &error) < 0)
		vmm_report_fatal("%s", error.data);
	has_pool = make_pool(&pool, &all_reserved) && make_heap(&pool, all_reserved);
	vmm_exec_environment_prepare(environment, &vmm.config);
	if (!has_pool)
		return;
	if (vmm.config.pool_dir)
		keep_pool_dir();
	vmm_comeback_start();
	pool.header->outside_bytes = vmm.outside_before;
	vmm.has_pool = true;
	TRACE(2, "pool of %zu bytes in %s at %p", pool.size, vmm.pool_dir, (void *)pool.base);
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
