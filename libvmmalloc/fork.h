/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fork -- the pool in parent and child.
 *
 * glibc calls our handlers inside every fork but _Fork and clone; forkcalls.c calls them around those, and
 * vmm_fork_begin/_end around the others, because a handler cannot make a fork fail.
 */
#ifndef LIBVMMALLOC_FORK_H
#define LIBVMMALLOC_FORK_H

#include <stdbool.h>
#include <sys/types.h>

/* Has glibc call us inside every fork. Once, before the engine registers its own handlers. */
void vmm_fork_register(void);

/* Before a call that forks. 0, or -errno if there must be no fork: the child could not have its copy. */
int vmm_fork_begin(void);

/* After that call: with what it returned, as fork returns it. Returns that, or -errno if the fork is undone. */
pid_t vmm_fork_end(pid_t pid);

/*
 * Around a call that forks but runs no handlers. jemalloc's locks are not taken, and the heap's only if it is to be had:
 * async-signal-safe. The second is told what the first returned.
 */
bool vmm_fork_before_raw(void);
void vmm_fork_after_raw(pid_t pid, bool locked);

/*
 * While vmm.away: takes the heap back to a pool if that is provably safe, and worth it by now. Called on slow paths,
 * from any thread, also in a signal handler; preserves errno. True if from now on what becomes free returns, so that it
 * is worth while to empty the arenas' caches.
 */
bool vmm_fork_return(void);

#endif
