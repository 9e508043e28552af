/* SPDX-License-Identifier: BSD-3-Clause */
/* libc -- for jemalloc's objects alone, in place of functions of libc and its libraries. See libc.c. */
#ifndef LIBVMMALLOC_JEMALLOC_LIBC_H
#define LIBVMMALLOC_JEMALLOC_LIBC_H

#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

void *vmm_libc_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
int vmm_libc_munmap(void *address, size_t bytes);
int vmm_libc_mprotect(void *address, size_t bytes, int protection);
int vmm_libc_madvise(void *address, size_t bytes, int advice);
int vmm_libc_clock_gettime(clockid_t clock, struct timespec *now);
long vmm_libc_syscall(long number, ...);
long vmm_libc_sysconf(int name);

/* Those that this process may run on. Not for several threads at once: jemalloc asks in its start, and so do we. */
size_t vmm_libc_processors(void);
int vmm_libc_sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *cpus);
int __wrap___sched_cpucount(size_t bytes, const cpu_set_t *cpus);
int vmm_libc_sched_getcpu(void);
char *vmm_libc_strerror_r(int error, char *buffer, size_t bytes);

int vmm_libc_sched_yield(void);
pid_t vmm_libc_getpid(void);
pid_t vmm_libc_gettid(void);
void vmm_libc__exit(int status) __attribute__((noreturn));

/* Whatever arguments there are: -1 with EPERM */
int vmm_libc_open(void);
int vmm_libc_creat(void);
int vmm_libc_close(void);

/* EPERM */
int vmm_libc_pthread_create(void);
int vmm_libc_pthread_join(void);
int vmm_libc_pthread_sigmask(void);
int vmm_libc_pthread_setname_np(void);
int vmm_libc_pthread_getname_np(void);
int vmm_libc_sched_setaffinity(void);
int vmm_libc_sigfillset(void);
int vmm_libc_gettimeofday(void);

/* There is no /etc/malloc.conf. */
ssize_t vmm_libc_readlink(const char *path, char *buffer, size_t bytes);

/* The heap of the process does not grow. */
void *vmm_libc_sbrk(intptr_t bytes);

/* For pthread_create: there are no background threads. */
void *vmm_libc_dlsym(void *handle, const char *name);

/* jemalloc registers no handlers: fork.c calls those that it has. */
int vmm_libc_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

/* The profiler's, never called */
double vmm_libc_log(double x);
double vmm_libc_exp(double x);
double vmm_libc_round(double x);
long vmm_libc_strtol(const char *text, char **end, int base);
long vmm_libc___isoc23_strtol(const char *text, char **end, int base);
char *vmm_libc_strtok(char *text, const char *separators);
int vmm_libc__Unwind_Backtrace(void *function, void *argument);
uintptr_t vmm_libc__Unwind_GetIP(void *context);

/* 0 */
int vmm_libc_pthread_cond_init(void);
int vmm_libc_pthread_cond_signal(void);
int vmm_libc_pthread_cond_wait(void);
int vmm_libc_pthread_cond_timedwait(void);

#endif
