/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fork -- the pool in parent and child.
 *
 * glibc calls our handlers inside every fork but _Fork and clone; forkcalls.c calls them around those, and
 * vmm_fork_begin/_end around the others, because a handler cannot make a fork fail.
 */
#ifndef LIBVMMALLOC_FORK_H
#define LIBVMMALLOC_FORK_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "libvmmalloc/pool.h"

/* Has glibc call us inside every fork. Once. */
void vmm_fork_register(void);

/* A fork under way, in the caller's memory. A handler of the program's may fork once more meanwhile. */
struct vmm_fork_call {
	struct vmm_fork_call *outer;  /* the fork that this one happens within, or NULL; what follows is that one's */
	struct vmm_pool clone;
	bool has_clone, counted, doomed;
};

/* Before a call that forks. 0, or -errno if there must be no fork: the child could not have its memory. */
int vmm_fork_begin(struct vmm_fork_call *call);

/*
 * After that call, in parent and child: with what it returned, as fork returns it, but -errno for -1. Returns that, or
 * -errno if the fork is undone.
 */
pid_t vmm_fork_end(struct vmm_fork_call *call, pid_t pid);

/* What has to be put back after a fork without handlers; in the caller's memory, so the child has a copy of it. */
struct vmm_fork_raw {
	bool locked;
	int cancel;
	sigset_t signals;
};

/*
 * Around a call that forks but runs no handlers. jemalloc's locks are not taken, and the heap's only if it is to be
 * had: async-signal-safe. `stack`: an address in the child's stack, NULL if that is ours. 0, or -ENOMEM and there must
 * be no fork.
 */
int vmm_fork_before_raw(struct vmm_fork_raw *raw, const void *stack);
void vmm_fork_after_raw(pid_t pid, const struct vmm_fork_raw *raw, bool shares_descriptors);

#endif
