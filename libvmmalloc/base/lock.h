/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lock -- the heap's lock: a mutex whose owner no signal handler interrupts.
 *
 * _Fork is async-signal-safe. A handler that called it while the thread below was changing the heap, or its mapping,
 * would give the child half of the change. So signals are held back as long as the lock is held, also through a fork.
 *
 * Not held back are those that a fault raises (SIGSEGV, SIGBUS and the like): the kernel ends a process that blocks
 * them. Their handlers find the lock taken by their own thread, and are told.
 */
#ifndef LIBVMMALLOC_BASE_LOCK_H
#define LIBVMMALLOC_BASE_LOCK_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

struct vmm_lock {
	pthread_mutex_t mutex;  /* it tells who has it already */
	sigset_t held;          /* what the owner's thread held back before */
	unsigned nested;        /* how often the owner took it once more */
};

#define VMM_LOCK_INITIALIZER { .mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP }

/*
 * 0; or -EDEADLK in a handler that interrupted the owner: what the lock guards is in the middle of a change. The caller
 * releases it in both cases.
 */
int vmm_lock_take(struct vmm_lock *lock);

/* Whether it was to be had at once. */
bool vmm_lock_try(struct vmm_lock *lock);

void vmm_lock_release(struct vmm_lock *lock);

/* In a forked child, in place of vmm_lock_release: whoever else waits for it is not in this process. */
void vmm_lock_release_in_child(struct vmm_lock *lock);

#endif
