/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lock -- the heap's lock: a mutex whose owner no signal handler interrupts.
 *
 * _Fork is async-signal-safe. A handler that called it while the thread below was changing the heap, or its mapping,
 * would give the child half of the change. So signals are held back as long as the lock is held, also through a fork.
 *
 * Signals of faults (SIGSEGV, SIGBUS and the like) are not held back, because the kernel ends a process that blocks
 * them. A handler of one may find that its own thread has the lock, and is told so.
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
 * Returns 0, or -EDEADLK in a handler that interrupted the owner: then what the lock guards is in the middle of a
 * change. The caller releases the lock in both cases.
 */
int vmm_lock_take(struct vmm_lock *lock);

/* Takes the lock if it is free. Returns whether it did. */
bool vmm_lock_try(struct vmm_lock *lock);

void vmm_lock_release(struct vmm_lock *lock);

/* Takes the place of vmm_lock_release in a forked child: the threads that wait for the lock are not in this process. */
void vmm_lock_release_in_child(struct vmm_lock *lock);

#endif
