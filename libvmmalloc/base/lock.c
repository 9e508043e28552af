/* SPDX-License-Identifier: BSD-3-Clause */
/* lock -- see lock.h. */
#include "libvmmalloc/base/lock.h"

#include <errno.h>

#include "libvmmalloc/base/kernel.h"

int vmm_lock_take(struct vmm_lock *lock)
{
	sigset_t held;

	kernel_hold_signals(&held);
	if (pthread_mutex_lock(&lock->mutex) == EDEADLK) {
		lock->nested++;
		kernel_restore_signals(&held);
		return -EDEADLK;
	}
	lock->held = held;
	return 0;
}

bool vmm_lock_try(struct vmm_lock *lock)
{
	sigset_t held;

	kernel_hold_signals(&held);
	if (pthread_mutex_trylock(&lock->mutex) == 0) {
		lock->held = held;
		return true;
	}
	kernel_restore_signals(&held);
	return false;
}

void vmm_lock_release(struct vmm_lock *lock)
{
	sigset_t held = lock->held;

	if (lock->nested > 0) {
		lock->nested--;
		return;
	}
	(void)pthread_mutex_unlock(&lock->mutex);
	kernel_restore_signals(&held);
}

void vmm_lock_release_in_child(struct vmm_lock *lock)
{
	sigset_t held = lock->held;

	*lock = (struct vmm_lock)VMM_LOCK_INITIALIZER;
	kernel_restore_signals(&held);
}
