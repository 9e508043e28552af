/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fork -- the pool in parent and child.
 *
 * glibc calls our handlers inside every fork but _Fork and clone; calls.c calls them around those, and
 * vmm_fork_begin/_end around the others, because a handler cannot make a fork fail.
 */
#ifndef LIBVMMALLOC_FORK_FORK_H
#define LIBVMMALLOC_FORK_FORK_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "libvmmalloc/heap/pool.h"

/* Has glibc call us inside every fork. Once. */
void vmm_fork_register(void);

/* One fork, from before it to after it, in the caller's memory: the child has a copy of it. fork.c's own. */
struct vmm_fork {
	struct vmm_fork *outer;   /* of this thread: a handler of the program's may fork within a fork. Or NULL */
	struct vmm_pool clone;    /* the copy for the child, in modes 2 and 3, */
	bool has_clone;           /*   if there is one, */
	bool clone_is_full;       /*   made by the parent; else the child fills it from what it sees */
	char *memory;             /* the same in ordinary memory, laid out as the heap is; else NULL */
	bool shares_descriptors;  /* CLONE_FILES */
	bool counted;             /* in the header */
	bool doomed;              /* the child must end: what it needs could not be made, too late to say so */
	int cancel;               /* to be put back: others' handlers run while we have locks, and may be cancelled */
};

/* All forks of this process. fork.c's own. */
struct vmm_forks {
	/* In the modes that copy, from vmm_fork_begin to vmm_fork_end; a handler of the program may fork between. */
	pthread_mutex_t one_fork;
	/* In those modes: the forks that have begun, innermost first. Guarded by the heap's lock. */
	struct vmm_fork *copying;
	/* The fork that glibc calls our handlers for. Guarded by the heap's lock, which is held from prepare on. */
	struct vmm_fork *handled;
	struct vmm_fork unannounced;  /* in its place, if no wrapper of ours was called */
	struct pool_header header;    /* in a child whose heap is private: in the place of the parent's */
};

extern struct vmm_forks vmm_forks;

/* Those of one thread. */
struct vmm_forks_thread {
	struct vmm_fork *under_way;   /* which it has begun, innermost first */
	bool refused;                 /* prepare could not have the heap's lock */
};

extern __thread struct vmm_forks_thread vmm_forks_thread;

/*
 * Before a call that forks. 0, or -errno if there must be no fork: -ENOMEM, the child could not have its memory;
 * -EAGAIN, we are in the handler of a fault inside the heap's own code.
 */
int vmm_fork_begin(struct vmm_fork *fork);

/*
 * After that call, in parent and child: with what it returned, as fork returns it, but -errno for -1. Returns that, or
 * -errno if the fork is undone.
 */
pid_t vmm_fork_end(struct vmm_fork *fork, pid_t pid);

/*
 * Around a call that forks but runs no handlers: async-signal-safe, as jemalloc's locks are not taken, and no handler
 * runs while this thread has the heap's. `stack`: an address in the child's stack, NULL if that is ours.
 * `shares_descriptors`: made with CLONE_FILES. 0, or -errno as above. After it, in parent and child, with the child's
 * process id, 0, or less if there was no fork.
 */
int vmm_fork_before_raw(struct vmm_fork *fork, const void *stack, bool shares_descriptors);
void vmm_fork_after_raw(struct vmm_fork *fork, pid_t pid);

#endif
