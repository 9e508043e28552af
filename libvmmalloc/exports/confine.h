/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * confine -- programs that put a filter of system calls on themselves: seccomp(2).
 *
 * From then on the library makes no call that libc's malloc would not make: mmap, munmap, mremap, madvise, mprotect and
 * futex, and the clock as a last resort. What needs more is done without: space is reserved through the mapping, a heap
 * that is private stays so, and a fork makes no copies.
 *
 * A filter that was there at the start needs no such care: it cannot change, and lets pass what the start needed.
 */
#ifndef LIBVMMALLOC_EXPORTS_CONFINE_H
#define LIBVMMALLOC_EXPORTS_CONFINE_H

/* seccomp(2), or prctl(2), is about to be called with these arguments, and may install a filter. Async-signal-safe. */
void vmm_confine_by_seccomp(long operation, long flags, long filter);
void vmm_confine_by_prctl(long option, long mode, long filter);

#endif
