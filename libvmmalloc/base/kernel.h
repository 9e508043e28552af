/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kernel -- system calls, made by the instruction itself.
 *
 * The names of libc may lead to another preloaded library, which wraps them and allocates at its first call: inside
 * our start or inside the allocator that would wait for itself. Here nothing leads out of the library, nothing is a
 * cancellation point, and errno stays as it is.
 *
 * Each function returns what the call returns, or -errno. Those that return an address are asked by kernel_error().
 * All are async-signal-safe.
 */
#ifndef LIBVMMALLOC_BASE_KERNEL_H
#define LIBVMMALLOC_BASE_KERNEL_H

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <time.h>

/* 0, or the -errno that a function below returned in place of an address. */
static inline int kernel_error(const void *address)
{
	return (uintptr_t)address > (uintptr_t)-4096 ? (int)(intptr_t)address : 0;
}

/* kernel.c's own. Atomic. */
struct kernel_state {
	bool is_confined;
	size_t page;    /* bytes; 0: not asked for yet */
	int (*vdso_clock)(clockid_t clock, struct timespec *ret_now);  /* NULL: the clock is asked by a system call */
};

extern struct kernel_state kernel_state;

/* A result of a call as libc returns it: for -errno, -1 with errno set. */
static inline long kernel_result(long r)
{
	if ((unsigned long)r <= -4096UL)
		return r;
	errno = (int)-r;
	return -1;
}

/* From now on only what an allocator needs may be called: confine.h. Callers ask before they call more. */
void kernel_confine(void);
bool kernel_is_confined(void);

/*
 * Bytes of the kernel's page, in which it maps, protects and reserves: 4, 16 or 64 KiB. It is asked when it is first
 * needed, as jemalloc or a wrapper may come before our start.
 */
size_t kernel_ask_page(void);

static inline size_t kernel_page(void)
{
	size_t page = __atomic_load_n(&kernel_state.page, __ATOMIC_RELAXED);

	return page ? page : kernel_ask_page();
}

/* Any call, by its number. */
long kernel_call(long number, long a, long b, long c, long d, long e, long f);

/* --- files: paths are relative to the working directory --- */

int kernel_open(const char *path, int flags, mode_t mode);
int kernel_close(int fd);
int kernel_stat(const char *path, struct stat *ret_stat);
int kernel_fstat(int fd, struct stat *ret_stat);
int kernel_fstatfs(int fd, struct statfs *ret_fs);
int kernel_fcntl(int fd, int command, long argument);
int kernel_ioctl(int fd, unsigned long request, void *argument);
int kernel_dup2(int fd, int to);
int kernel_unlink(const char *path);
int kernel_memfd_create(const char *name, unsigned flags);
int kernel_ftruncate(int fd, off_t bytes);
int kernel_fallocate(int fd, int mode, off_t offset, off_t bytes);
ssize_t kernel_read(int fd, void *buffer, size_t bytes);
ssize_t kernel_write(int fd, const void *data, size_t bytes);
ssize_t kernel_pread(int fd, void *buffer, size_t bytes, off_t offset);
ssize_t kernel_pwrite(int fd, const void *data, size_t bytes, off_t offset);

/* The bytes of the path with its NUL. */
ssize_t kernel_getcwd(char *path, size_t bytes);
int kernel_chdir(const char *path);

/* --- memory --- */

void *kernel_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *kernel_mremap(void *address, size_t old_bytes, size_t bytes, int flags, void *to);
int kernel_munmap(void *address, size_t bytes);
int kernel_mprotect(void *address, size_t bytes, int protection);
int kernel_madvise(void *address, size_t bytes, int advice);

/*
 * Has the kernel write to a page. It says -EFAULT where our own write would bring SIGBUS. The first bytes of the page
 * become zero. Another error means that the call is refused.
 */
int kernel_touch(void *page);
int kernel_msync(void *address, size_t bytes, int flags);
int kernel_munlock(void *address, size_t bytes);
int kernel_mlock2(void *address, size_t bytes, unsigned flags);

/* --- sockets --- */

int kernel_socket(int domain, int type, int protocol);
int kernel_connect(int socket, const void *address, socklen_t bytes);
int kernel_setsockopt(int socket, int level, int option, const void *value, socklen_t bytes);
int kernel_getsockopt(int socket, int level, int option, void *value, socklen_t *bytes);
ssize_t kernel_send(int socket, const void *data, size_t bytes, int flags);
ssize_t kernel_recvmsg(int socket, struct msghdr *message, int flags);

/* --- processes and threads --- */

pid_t kernel_getpid(void);
pid_t kernel_getppid(void);
pid_t kernel_gettid(void);
uid_t kernel_geteuid(void);
int kernel_getrlimit(int resource, struct rlimit *ret_limit);
int kernel_prctl(int option, unsigned long argument);
pid_t kernel_setsid(void);
pid_t kernel_waitpid(pid_t pid, int *status, int options);
void kernel_exit(int status) __attribute__((noreturn));  /* of the whole process */
int kernel_unshare(int flags);
int kernel_sched_yield(void);

/* The bytes of the mask that were written. */
int kernel_sched_getaffinity(size_t bytes, cpu_set_t *ret_cpus);

/* FUTEX_WAIT_PRIVATE or FUTEX_WAKE_PRIVATE */
int kernel_futex(int *word, int operation, int value);

/*
 * Holds back all signals but two kinds: those that glibc sends between its threads, and those of faults, because the
 * kernel ends a process that blocks these. *ret_held is what was held back before. Where the kernel refuses the call,
 * or we are confined, this function and its counterpart do nothing.
 */
void kernel_hold_signals(sigset_t *ret_held);
void kernel_restore_signals(const sigset_t *held);

/* --- the rest --- */

/* By the vDSO, which needs no system call, once it has been set. */
void kernel_set_vdso_clock(int (*clock)(clockid_t clock, struct timespec *ret_now));
int kernel_clock_gettime(clockid_t clock, struct timespec *ret_now);
ssize_t kernel_getrandom(void *buffer, size_t bytes, unsigned flags);

#endif
