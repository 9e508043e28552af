/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * owner -- a lock that knows which thread owns it, and that the owner may take again.
 *
 * The owner itself is the word. So a signal handler can tell at each instruction whether its own thread has the lock.
 *
 * All zero is a lock that nobody owns; a forked child makes it so where the owner is not in it. Makes only system calls
 * to futex(2), when it waits or somebody may wait. Async-signal-safe.
 */
#ifndef LIBVMMALLOC_BASE_OWNER_H
#define LIBVMMALLOC_BASE_OWNER_H

#include <stdbool.h>
#include <stdint.h>

struct vmm_owner {
	uintptr_t word;   /* 0: nobody; else the thread's own data, and a bit that says that somebody may sleep */
	unsigned nested;  /* how often the owner took it once more */
};

/* 0, or -EDEADLK: this thread owned it before, and has taken it once more. The caller releases it in both cases. */
int vmm_owner_take(struct vmm_owner *owner);

/* Takes the lock if nobody owns it. Returns whether it did. */
bool vmm_owner_try(struct vmm_owner *owner);

/* Does nothing if this thread does not own it. */
void vmm_owner_release(struct vmm_owner *owner);

#endif
