/* SPDX-License-Identifier: BSD-3-Clause */
/* owner -- see owner.h. */
#include "libvmmalloc/base/owner.h"

#include <errno.h>
#include <linux/futex.h>

#include "libvmmalloc/base/kernel.h"

#define SLEEPERS ((uintptr_t)1)  /* a thread's data are aligned */

static uintptr_t this_thread(void)
{
	return (uintptr_t)__builtin_thread_pointer();
}

static bool is_mine(const struct vmm_owner *owner)
{
	return (__atomic_load_n(&owner->word, __ATOMIC_RELAXED) & ~SLEEPERS) == this_thread();
}

/* Writes `word` if nobody owns the lock. */
static bool own(struct vmm_owner *owner, uintptr_t word)
{
	uintptr_t found = 0;

	return __atomic_compare_exchange_n(&owner->word, &found, word, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* A futex is an int: the lower half of the word. */
static int *lower_half(struct vmm_owner *owner)
{
	return (int *)&owner->word + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

/*
 * A thread that has slept writes SLEEPERS, since it does not know whether others sleep. The kernel compares the lower
 * half only: an owner that is alike in that half has SLEEPERS, too, and wakes us.
 */
static __attribute__((noinline)) void wait_to_own(struct vmm_owner *owner)
{
	while (!own(owner, this_thread() | SLEEPERS)) {
		uintptr_t word = __atomic_load_n(&owner->word, __ATOMIC_RELAXED);

		if (word == 0 || !__atomic_compare_exchange_n(&owner->word, &word, word | SLEEPERS, false,
							      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			continue;
		(void)kernel_futex(lower_half(owner), FUTEX_WAIT_PRIVATE, (int)(word | SLEEPERS));
	}
}

int vmm_owner_take(struct vmm_owner *owner)
{
	if (is_mine(owner)) {
		owner->nested++;
		return -EDEADLK;
	}
	if (!own(owner, this_thread()))
		wait_to_own(owner);
	return 0;
}

bool vmm_owner_try(struct vmm_owner *owner)
{
	return own(owner, this_thread());
}

void vmm_owner_release(struct vmm_owner *owner)
{
	if (!is_mine(owner))
		return;
	if (owner->nested > 0) {
		owner->nested--;
		return;
	}
	if (__atomic_exchange_n(&owner->word, 0, __ATOMIC_RELEASE) & SLEEPERS)
		(void)kernel_futex(lower_half(owner), FUTEX_WAKE_PRIVATE, 1);
}
