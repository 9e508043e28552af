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
#include "libvmmalloc/start/handout_client.h"
#include "libvmmalloc/fork/fork.h"
#include "libvmmalloc/heap/space.h"
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

/* A pool of the daemon's. 0 or -errno with the reason in `error`. */
static int get_pool(struct vmm_pool *ret_pool, bool *ret_all_reserved, struct text *error)
{
	const struct vmm_config *config = &vmm.config;
	bool is_cold;
	int fd, r = vmm_handout_ask(config, &fd, &is_cold, error);

	if (r == 0)
		r = vmm_pool_adopt(fd, is_cold, ret_pool, error);
	if (r < 0)
		return r;
	if (is_cold && config->reserve_all) {
		r = vmm_space_reserve_all(ret_pool);
		if (r < 0) {
			text_add(error, "the daemon's pool: reservation of space: %s", strerrordesc_np(-r));
			vmm_pool_drop(ret_pool);
			return r;
		}
	}
	*ret_all_reserved = !is_cold || config->reserve_all;
	return 0;
}

/*
 * The pool is the daemon's, if the environment names one and the daemon has one to give; else it is made here. 0, or
 * -errno with the reason in `error`.
 */
static int make_pool(struct vmm_pool *ret_pool, bool *ret_all_reserved, struct text *error)
{
	const struct vmm_config *config = &vmm.config;
	int r;

	if (!config->pool_dir)
		text_add(error, "no pool of class %s: ", config->pool_class);
	if (config->pool_class || config->socket) {
		r = get_pool(ret_pool, ret_all_reserved, error);
		if (r == 0 || !config->pool_dir)
			return r;
		TRACE(1, "%s", error->data);
		error->length = 0;
	}
	*ret_all_reserved = config->reserve_all;
	return vmm_pool_create(config->pool_dir, config->pool_bytes, config->reserve_all, ret_pool, error);
}

/* Drops the pool where it fails. */
static int make_heap(struct vmm_pool *pool, bool all_reserved, struct text *error)
{
	bool may_release;
	int r;

	vmm_growth_make_room(pool);
	r = vmm_heap_init(&vmm.heap, pool, all_reserved);

	/* whole pools go back also where nothing else does */
	may_release = !all_reserved || (pool->room > pool->size && !vmm.config.reserve_all);
	if (r == 0 && may_release && vmm.config.release_seconds != ENVIRONMENT_RELEASE_NEVER)
		vmm_heap_release_after(&vmm.heap, vmm.config.release_seconds);
	if (r == 0)
		return 0;
	text_add(error, "pool creation failed: first space in %s: %s",
		 vmm.config.pool_dir ? vmm.config.pool_dir : "the daemon's pool", strerrordesc_np(-r));
	vmm_pool_drop(pool);
	return r;
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
	bool all_reserved;
	int r;

	find_clock();
	vmm_fork_register();
	if (getauxval(AT_SECURE))
		return;

	environment = find_environment();
	vmm_trace_start(environment);
	if (vmm_config_read(environment, &vmm.config, &error) < 0)
		vmm_report_fatal("%s", error.data);
	r = make_pool(&pool, &all_reserved, &error);
	if (r == 0)
		r = make_heap(&pool, all_reserved, &error);
	vmm_exec_environment_prepare(environment, &vmm.config);
	if (r < 0) {
		go_without(r, error.data);
		return;
	}
	if (vmm.config.pool_dir)
		keep_pool_dir();
	vmm_comeback_start();
	vmm_growth_start();
	pool.header->outside_bytes = vmm.outside_bytes;
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
