/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libc -- what jemalloc calls of libc, with libc's conventions, made by kernel.h.
 *
 * The build gives jemalloc's references these names (libvmmalloc/jemalloc/jemalloc.mk). What only its profiler and its
 * background threads would call, which are off for good, fails. So does what would lead jemalloc out of the pool, or to
 * options of somebody else's.
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/jemalloc/libc.h"
#include "libvmmalloc/jemalloc/seam.h"

void *vmm_libc_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	void *address = kernel_mmap(at, bytes, protection, flags, fd, offset);

	if (!kernel_error(address))
		return address;
	errno = -kernel_error(address);
	return MAP_FAILED;
}

int vmm_libc_munmap(void *address, size_t bytes)
{
	return (int)kernel_result(kernel_munmap(address, bytes));
}

int vmm_libc_mprotect(void *address, size_t bytes, int protection)
{
	return (int)kernel_result(kernel_mprotect(address, bytes, protection));
}

int vmm_libc_madvise(void *address, size_t bytes, int advice)
{
	return (int)kernel_result(kernel_madvise(address, bytes, advice));
}

int vmm_libc_clock_gettime(clockid_t clock, struct timespec *now)
{
	return (int)kernel_result(kernel_clock_gettime(clock, now));
}

/* How it opens, reads and writes. */
long vmm_libc_syscall(long number, ...)
{
	va_list args;
	long a, b, c, d, e, f;

	va_start(args, number);
	a = va_arg(args, long);
	b = va_arg(args, long);
	c = va_arg(args, long);
	d = va_arg(args, long);
	e = va_arg(args, long);
	f = va_arg(args, long);
	va_end(args);
#ifdef SYS_open
	/* one call that opens files is enough for whoever filters them */
	if (number == SYS_open)
		return kernel_result(kernel_open((const char *)(intptr_t)a, (int)b, (mode_t)c));
#endif
	return kernel_result(kernel_call(number, a, b, c, d, e, f));
}

/*
 * The kernel refuses a mask that is too short for all processors that it was built for. These can be more than the
 * 1,024 of a cpu_set_t. Of a longer mask it touches only what it needs.
 */
size_t vmm_libc_processors(void)
{
	cpu_set_t *mask = (cpu_set_t *)vmm_seam.processors;
	int bytes = kernel_sched_getaffinity(sizeof(vmm_seam.processors), mask);

	/* with one, jemalloc would not spin for its locks */
	return bytes > 0 ? (size_t)CPU_COUNT_S((size_t)bytes, mask) : 2;
}

long vmm_libc_sysconf(int name)
{
	switch (name) {
	case _SC_PAGESIZE:
		return (long)kernel_page();
	case _SC_NPROCESSORS_CONF:
	case _SC_NPROCESSORS_ONLN:
		return (long)vmm_libc_processors();
	default:
		errno = EINVAL;
		return -1;
	}
}

/* jemalloc counts them, and its mask may be too short for those that they really are. */
int vmm_libc_sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *cpus)
{
	size_t count = vmm_libc_processors();

	(void)pid;  /* 0 */
	memset(cpus, 0, bytes);
	for (size_t i = 0; i < count && i < bytes * CHAR_BIT; i++)
		CPU_SET_S(i, bytes, cpus);
	return 0;
}

/* Behind CPU_COUNT(), ours too. */
int __wrap___sched_cpucount(size_t bytes, const cpu_set_t *cpus)
{
	const unsigned long *words = (const unsigned long *)cpus;
	int count = 0;

	for (size_t i = 0; i < bytes / sizeof(*words); i++)
		count += __builtin_popcountl(words[i]);
	return count;
}

int vmm_libc_sched_getcpu(void)
{
	return 0;  /* for arenas of each processor, which are off */
}

char *vmm_libc_strerror_r(int error, char *buffer, size_t bytes)
{
	const char *text = strerrordesc_np(error);
	size_t length = text ? strnlen(text, bytes - 1) : 0;

	memcpy(buffer, text ? text : "", length);
	buffer[length] = '\0';
	return buffer;
}

int vmm_libc_sched_yield(void)
{
	return kernel_sched_yield();
}

pid_t vmm_libc_getpid(void)
{
	return kernel_getpid();
}

pid_t vmm_libc_gettid(void)
{
	return kernel_gettid();
}

void vmm_libc__exit(int status)
{
	kernel_exit(status);
}

static int no_file(void)
{
	errno = EPERM;
	return -1;
}

int vmm_libc_open(void) __attribute__((alias("no_file")));
int vmm_libc_creat(void) __attribute__((alias("no_file")));
int vmm_libc_close(void) __attribute__((alias("no_file")));

static int no_thread(void)
{
	return EPERM;
}

int vmm_libc_pthread_create(void) __attribute__((alias("no_thread")));
int vmm_libc_pthread_join(void) __attribute__((alias("no_thread")));
int vmm_libc_pthread_sigmask(void) __attribute__((alias("no_thread")));
int vmm_libc_pthread_setname_np(void) __attribute__((alias("no_thread")));
int vmm_libc_pthread_getname_np(void) __attribute__((alias("no_thread")));
int vmm_libc_sched_setaffinity(void) __attribute__((alias("no_thread")));
int vmm_libc_sigfillset(void) __attribute__((alias("no_thread")));
int vmm_libc_gettimeofday(void) __attribute__((alias("no_thread")));

/* Those are made even so. */
static int no_condition(void)
{
	return 0;
}

int vmm_libc_pthread_cond_init(void) __attribute__((alias("no_condition")));
int vmm_libc_pthread_cond_signal(void) __attribute__((alias("no_condition")));
int vmm_libc_pthread_cond_wait(void) __attribute__((alias("no_condition")));
int vmm_libc_pthread_cond_timedwait(void) __attribute__((alias("no_condition")));

ssize_t vmm_libc_readlink(const char *path, char *buffer, size_t bytes)
{
	(void)path, (void)buffer, (void)bytes;
	errno = ENOENT;
	return -1;
}

/* Called when jemalloc starts, in a malloc that succeeds: errno stays. Why it failed jemalloc does not ask. */
void *vmm_libc_sbrk(intptr_t bytes)
{
	(void)bytes;
	return (void *)-1;
}

void *vmm_libc_dlsym(void *handle, const char *name)
{
	(void)handle, (void)name;
	return NULL;
}

int vmm_libc_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	(void)prepare, (void)parent, (void)child;
	return 0;
}

static double no_math(double x)
{
	return x;
}

double vmm_libc_log(double x) __attribute__((alias("no_math")));
double vmm_libc_exp(double x) __attribute__((alias("no_math")));
double vmm_libc_round(double x) __attribute__((alias("no_math")));

long vmm_libc_strtol(const char *text, char **end, int base)
{
	(void)text, (void)end, (void)base;
	return 0;
}

long vmm_libc___isoc23_strtol(const char *text, char **end, int base) __attribute__((alias("vmm_libc_strtol")));

char *vmm_libc_strtok(char *text, const char *separators)
{
	(void)text, (void)separators;
	return NULL;
}

int vmm_libc__Unwind_Backtrace(void *function, void *argument)
{
	(void)function, (void)argument;
	return 0;
}

uintptr_t vmm_libc__Unwind_GetIP(void *context)
{
	(void)context;
	return 0;
}
