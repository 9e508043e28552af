/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * waiters -- wakes threads that sleep in the kernel until a word of the heap changes, when the heap's mapping is
 * exchanged.
 *
 * The kernel knows a futex without FUTEX_PRIVATE_FLAG by file and offset if it lies in a shared mapping, and by its
 * address if the mapping is private. So a thread that went to sleep before the heap was frozen is not found by one that
 * wakes it afterwards. Here such a thread is woken for no reason, which every user of a futex expects: it looks at its
 * word, and waits again if it has to, by the new name.
 *
 * Process-shared semaphores, mutexes, barriers and conditions make such waits, and futures, latches and atomics of C++,
 * and joining a thread whose stack lies in the heap. A waiter for a process-shared mutex with priority inheritance is
 * not woken, because the kernel has no call for that. All this needs /proc; where that is refused, nothing is done.
 *
 * The caller holds the heap's lock. Allocates nothing; async-signal-safe.
 */
#ifndef LIBVMMALLOC_HEAP_WAITERS_H
#define LIBVMMALLOC_HEAP_WAITERS_H

#include "libvmmalloc/heap/pool.h"

#define WAITERS_RUNNING_MOST 64  /* threads that are remembered, to be looked at again */

/* waiters.c's own: threads that ran when they were looked at. Guarded by the heap's lock. */
struct vmm_waiters {
	pid_t running[WAITERS_RUNNING_MOST];
	unsigned count;
	bool more;  /* than that: all are to be looked at */
};

extern struct vmm_waiters vmm_waiters;

/* After memory of the heap that was shared has become private: in other threads of this process. */
void vmm_waiters_wake(const struct vmm_pool *pool);

/*
 * A thread that was running, when looked at, may have been on its way to sleep, by the old name. After some other work
 * it sleeps, or is past that: looks at such threads once more.
 */
void vmm_waiters_look_again(const struct vmm_pool *pool);

#endif
