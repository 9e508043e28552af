/* SPDX-License-Identifier: BSD-3-Clause */
/* lock -- see lock.h. */
#include "libvmmalloc/base/lock.h"

#include "libvmmalloc/base/kernel.h"

int vmm_lock_take(struct vmm_lock *lock)
{
	sigset_t held;
	int r;

	kernel_hold_signals(&held);
	r = vmm_owner_take(&lock->owner);
	if (r < 0)
		kernel_restore_signals(&held);
	else
		lock->held = held;
	return r;
}

bool vmm_lock_try(struct vmm_lock *lock)
{
	sigset_t held;

	kernel_hold_signals(&held);
	if (vmm_owner_try(&lock->owner)) {
		lock->held = held;
		return true;
	}
	kernel_restore_signals(&held);
	return false;
}

void vmm_lock_release(struct vmm_lock *lock)
{
	sigset_t held = lock->held;
	bool was_nested = vmm_lock_is_nested(lock);

	vmm_owner_release(&lock->owner);
	if (!was_nested)
		kernel_restore_signals(&held);
}

void vmm_lock_release_in_child(struct vmm_lock *lock)
{
	sigset_t held = lock->held;

	*lock = (struct vmm_lock){ 0 };
	kernel_restore_signals(&held);
}
