/* SPDX-License-Identifier: BSD-3-Clause */
/* pidfd -- a descriptor of a process, by system calls: glibc has had functions for them only since 2.36. */
#ifndef COMMON_UTIL_PIDFD_H
#define COMMON_UTIL_PIDFD_H

#include <stddef.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* -1 and errno: ESRCH: there is no such process; ENOSYS before Linux 5.3. */
static inline int pidfd_of_process(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* 0, or -1 and errno. The signal 0 only asks whether the process is there. */
static inline int pidfd_signal(int pidfd, int signal)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

#endif
