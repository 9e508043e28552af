/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel -- see kernel.h. Functions rather than inline ones: the unit tests put faults in their place. */
#include "libvmmalloc/base/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIGNAL_SET_BYTES 8  /* of the kernel's sigset_t; libc's is longer */
#define SIGNAL_BIT(signal) ((uint64_t)1 << ((signal) - 1))
#define FAULT_SIGNALS (SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) | \
	SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGSYS))
/* cancellation, and setuid() of all threads, which would wait for this one */
#define LIBC_SIGNALS (SIGNAL_BIT(32) | SIGNAL_BIT(33))

#if defined(__x86_64__)

long kernel_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#elif defined(__aarch64__)

long kernel_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
}

#else

/* For other machines there is no instruction here. libc's syscall() serves, which another library may wrap. */
long kernel_call(long number, long a, long b, long c, long d, long e, long f)
{
	int saved_errno = errno;
	long result = syscall(number, a, b, c, d, e, f);

	if (result == -1)
		result = -errno;
	errno = saved_errno;
	return result;
}

#endif

void kernel_confine(void)
{
	__atomic_store_n(&kernel_state.is_confined, true, __ATOMIC_RELAXED);
}

bool kernel_is_confined(void)
{
	return __atomic_load_n(&kernel_state.is_confined, __ATOMIC_RELAXED);
}

size_t kernel_ask_page(void)
{
	size_t page = getauxval(AT_PAGESZ);

	__atomic_store_n(&kernel_state.page, page, __ATOMIC_RELAXED);
	return page;
}

#define P(pointer) ((long)(intptr_t)(pointer))

/* --- files --- */

int kernel_open(const char *path, int flags, mode_t mode)
{
	return (int)kernel_call(SYS_openat, AT_FDCWD, P(path), flags, (long)mode, 0, 0);
}

int kernel_close(int fd)
{
	return (int)kernel_call(SYS_close, fd, 0, 0, 0, 0, 0);
}

int kernel_stat(const char *path, struct stat *ret_stat)
{
	return (int)kernel_call(SYS_newfstatat, AT_FDCWD, P(path), P(ret_stat), 0, 0, 0);
}

int kernel_fstat(int fd, struct stat *ret_stat)
{
	return (int)kernel_call(SYS_fstat, fd, P(ret_stat), 0, 0, 0, 0);
}

int kernel_fstatfs(int fd, struct statfs *ret_fs)
{
	return (int)kernel_call(SYS_fstatfs, fd, P(ret_fs), 0, 0, 0, 0);
}

int kernel_fcntl(int fd, int command, long argument)
{
	return (int)kernel_call(SYS_fcntl, fd, command, argument, 0, 0, 0);
}

int kernel_ioctl(int fd, unsigned long request, void *argument)
{
	return (int)kernel_call(SYS_ioctl, fd, (long)request, P(argument), 0, 0, 0);
}

/* dup3, which not all machines have under the older name, refuses to do nothing. */
int kernel_dup2(int fd, int to)
{
	return fd == to ? fd : (int)kernel_call(SYS_dup3, fd, to, 0, 0, 0, 0);
}

int kernel_unlink(const char *path)
{
	return (int)kernel_call(SYS_unlinkat, AT_FDCWD, P(path), 0, 0, 0, 0);
}

int kernel_memfd_create(const char *name, unsigned flags)
{
	return (int)kernel_call(SYS_memfd_create, P(name), (long)flags, 0, 0, 0, 0);
}

int kernel_ftruncate(int fd, off_t bytes)
{
	return (int)kernel_call(SYS_ftruncate, fd, bytes, 0, 0, 0, 0);
}

int kernel_fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	return (int)kernel_call(SYS_fallocate, fd, mode, offset, bytes, 0, 0);
}

ssize_t kernel_read(int fd, void *buffer, size_t bytes)
{
	return kernel_call(SYS_read, fd, P(buffer), (long)bytes, 0, 0, 0);
}

ssize_t kernel_write(int fd, const void *data, size_t bytes)
{
	return kernel_call(SYS_write, fd, P(data), (long)bytes, 0, 0, 0);
}

ssize_t kernel_pread(int fd, void *buffer, size_t bytes, off_t offset)
{
	return kernel_call(SYS_pread64, fd, P(buffer), (long)bytes, offset, 0, 0);
}

ssize_t kernel_pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
	return kernel_call(SYS_pwrite64, fd, P(data), (long)bytes, offset, 0, 0);
}

ssize_t kernel_getcwd(char *path, size_t bytes)
{
	return kernel_call(SYS_getcwd, P(path), (long)bytes, 0, 0, 0, 0);
}

int kernel_chdir(const char *path)
{
	return (int)kernel_call(SYS_chdir, P(path), 0, 0, 0, 0, 0);
}

/* --- memory --- */

void *kernel_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	return (void *)kernel_call(SYS_mmap, P(at), (long)bytes, protection, flags, fd, offset);
}

void *kernel_mremap(void *address, size_t old_bytes, size_t bytes, int flags, void *to)
{
	return (void *)kernel_call(SYS_mremap, P(address), (long)old_bytes, (long)bytes, flags, P(to), 0);
}

int kernel_munmap(void *address, size_t bytes)
{
	return (int)kernel_call(SYS_munmap, P(address), (long)bytes, 0, 0, 0, 0);
}

int kernel_mprotect(void *address, size_t bytes, int protection)
{
	return (int)kernel_call(SYS_mprotect, P(address), (long)bytes, protection, 0, 0, 0);
}

int kernel_madvise(void *address, size_t bytes, int advice)
{
	return (int)kernel_call(SYS_madvise, P(address), (long)bytes, advice, 0, 0, 0);
}

int kernel_msync(void *address, size_t bytes, int flags)
{
	return (int)kernel_call(SYS_msync, P(address), (long)bytes, flags, 0, 0, 0);
}

int kernel_munlock(void *address, size_t bytes)
{
	return (int)kernel_call(SYS_munlock, P(address), (long)bytes, 0, 0, 0, 0);
}

int kernel_mlock2(void *address, size_t bytes, unsigned flags)
{
	return (int)kernel_call(SYS_mlock2, P(address), (long)bytes, (long)flags, 0, 0, 0);
}

/*
 * Any call that writes a result would do. Every filter that a libc can live with allows this one. The vDSO would not
 * do: it writes from user space.
 */
int kernel_touch(void *page)
{
	int r = (int)kernel_call(SYS_clock_gettime, CLOCK_MONOTONIC_COARSE, P(page), 0, 0, 0, 0);

	if (r == 0)
		memset(page, 0, sizeof(struct timespec));
	return r;
}

/* --- sockets --- */

int kernel_socket(int domain, int type, int protocol)
{
	return (int)kernel_call(SYS_socket, domain, type, protocol, 0, 0, 0);
}

int kernel_connect(int socket, const void *address, socklen_t bytes)
{
	return (int)kernel_call(SYS_connect, socket, P(address), (long)bytes, 0, 0, 0);
}

int kernel_setsockopt(int socket, int level, int option, const void *value, socklen_t bytes)
{
	return (int)kernel_call(SYS_setsockopt, socket, level, option, P(value), (long)bytes, 0);
}

int kernel_getsockopt(int socket, int level, int option, void *value, socklen_t *bytes)
{
	return (int)kernel_call(SYS_getsockopt, socket, level, option, P(value), P(bytes), 0);
}

ssize_t kernel_send(int socket, const void *data, size_t bytes, int flags)
{
	return kernel_call(SYS_sendto, socket, P(data), (long)bytes, flags, 0, 0);
}

ssize_t kernel_recvmsg(int socket, struct msghdr *message, int flags)
{
	return kernel_call(SYS_recvmsg, socket, P(message), flags, 0, 0, 0);
}

/* --- processes and threads --- */

pid_t kernel_getpid(void)
{
	return (pid_t)kernel_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

pid_t kernel_getppid(void)
{
	return (pid_t)kernel_call(SYS_getppid, 0, 0, 0, 0, 0, 0);
}

pid_t kernel_gettid(void)
{
	return (pid_t)kernel_call(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

uid_t kernel_geteuid(void)
{
	return (uid_t)kernel_call(SYS_geteuid, 0, 0, 0, 0, 0, 0);
}

int kernel_getrlimit(int resource, struct rlimit *ret_limit)
{
	return (int)kernel_call(SYS_prlimit64, 0, resource, 0, P(ret_limit), 0, 0);
}

int kernel_prctl(int option, unsigned long argument)
{
	return (int)kernel_call(SYS_prctl, option, (long)argument, 0, 0, 0, 0);
}

pid_t kernel_setsid(void)
{
	return (pid_t)kernel_call(SYS_setsid, 0, 0, 0, 0, 0, 0);
}

pid_t kernel_waitpid(pid_t pid, int *status, int options)
{
	return (pid_t)kernel_call(SYS_wait4, pid, P(status), options, 0, 0, 0);
}

void kernel_exit(int status)
{
	for (;;)
		(void)kernel_call(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

int kernel_unshare(int flags)
{
	return (int)kernel_call(SYS_unshare, flags, 0, 0, 0, 0, 0);
}

int kernel_sched_yield(void)
{
	return (int)kernel_call(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}

int kernel_sched_getaffinity(size_t bytes, cpu_set_t *ret_cpus)
{
	return (int)kernel_call(SYS_sched_getaffinity, 0, (long)bytes, P(ret_cpus), 0, 0, 0);
}

int kernel_futex(int *word, int operation, int value)
{
	return (int)kernel_call(SYS_futex, P(word), operation, value, 0, 0, 0);
}

/* libc's set has room behind the kernel's: a bit there says that signals are held back. */
#define IS_HELD(set) ((set)->__val[sizeof(*(set)) / sizeof((set)->__val[0]) - 1])

/*
 * The signals are added to what is held back already: the program may hold back signals of faults, and one that
 * somebody sent may be waiting.
 */
void kernel_hold_signals(sigset_t *ret_held)
{
	uint64_t all = ~(FAULT_SIGNALS | LIBC_SIGNALS);

	memset(ret_held, 0, sizeof(*ret_held));
	if (!kernel_is_confined())
		IS_HELD(ret_held) = kernel_call(SYS_rt_sigprocmask, SIG_BLOCK, P(&all), P(ret_held), SIGNAL_SET_BYTES,
						0, 0) == 0;
}

void kernel_restore_signals(const sigset_t *held)
{
	if (IS_HELD(held))
		(void)kernel_call(SYS_rt_sigprocmask, SIG_SETMASK, P(held), 0, SIGNAL_SET_BYTES, 0, 0);
}

/* --- the rest --- */

void kernel_set_vdso_clock(int (*clock)(clockid_t clock, struct timespec *ret_now))
{
	__atomic_store_n(&kernel_state.vdso_clock, clock, __ATOMIC_RELAXED);
}

int kernel_clock_gettime(clockid_t clock, struct timespec *ret_now)
{
	int (*fast)(clockid_t, struct timespec *) = __atomic_load_n(&kernel_state.vdso_clock, __ATOMIC_RELAXED);

	if (fast)
		return fast(clock, ret_now);
	return (int)kernel_call(SYS_clock_gettime, clock, P(ret_now), 0, 0, 0, 0);
}

ssize_t kernel_getrandom(void *buffer, size_t bytes, unsigned flags)
{
	return kernel_call(SYS_getrandom, P(buffer), (long)bytes, (long)flags, 0, 0, 0);
}
