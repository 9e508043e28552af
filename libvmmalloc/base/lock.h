/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lock -- the heap's lock, whose owner no signal handler interrupts.
 *
 * _Fork is async-signal-safe. A handler that called it while the thread below was changing the heap, or its mapping,
 * would give the child half of the change. So signals are held back as long as the lock is held, also through a fork.
 *
 * Signals of faults (SIGSEGV, SIGBUS and the like) are not held back, because the kernel ends a process that blocks
 * them. A handler of one may find that its own thread has the lock, and is told so.
 */
#ifndef LIBVMMALLOC_BASE_LOCK_H
#define LIBVMMALLOC_BASE_LOCK_H

#include <signal.h>
#include <stdbool.h>

#include "libvmmalloc/base/owner.h"

/* All zero is a lock that nobody owns. */
struct vmm_lock {
	struct vmm_owner owner;
	sigset_t held;  /* what the owner's thread held back before */
};

/*
 * Returns 0, or -EDEADLK in a handler that interrupted the owner: then what the lock guards is in the middle of a
 * change. The caller releases the lock in both cases.
 */
int vmm_lock_take(struct vmm_lock *lock);

/* Takes the lock if it is free. Returns whether it did. */
bool vmm_lock_try(struct vmm_lock *lock);

void vmm_lock_release(struct vmm_lock *lock);

/* Whether the owner has taken it once more. */
static inline bool vmm_lock_is_nested(const struct vmm_lock *lock)
{
	return lock->owner.nested > 0;
}

/* Takes the place of vmm_lock_release in a forked child: the threads that wait for the lock are not in this process. */
void vmm_lock_release_in_child(struct vmm_lock *lock);

#endif
