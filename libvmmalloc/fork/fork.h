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

/* Where the child of a fork finds its heap. Decided at the very moment of the fork, in the parent. */
enum vmm_fork_heap {
	FORK_HEAP_UNDECIDED,
	FORK_HEAP_SHARED,        /* where it was: parent and child have one heap (mode 0) */
	FORK_HEAP_FROZEN,        /* where it was: private in both, on the file that nobody writes any more */
	FORK_HEAP_COPIED,        /* on a copy of the pool, which the parent has filled (modes 2 and 3) */
	FORK_HEAP_TO_COPY,       /* on a copy of the pool, which the child fills from the frozen heap (modes 2 and 3) */
	FORK_HEAP_IN_MEMORY,     /* in ordinary memory, which the parent has filled */
	FORK_HEAP_DOOMED,        /* nowhere, and it is too late to say so: the child must end */
};

/*
 * One fork, from vmm_fork_begin to vmm_fork_end, or from vmm_fork_before_raw to vmm_fork_after_raw. It lies in the
 * caller's memory: the child has a copy of it. fork.c's own.
 */
struct vmm_fork {
	struct vmm_fork *outer;   /* of this thread: a handler of the program's may fork within a fork. Or NULL */
	enum vmm_fork_heap heap;
	bool has_copy;            /* `copy` is a pool for the child: empty at first, in modes 2 and 3 */
	struct vmm_pool copy;
	char *memory;             /* with FORK_HEAP_IN_MEMORY: laid out as the heap is; else NULL */
	bool is_alone;            /* it holds vmm_forks.alone */
	bool is_handled;          /* glibc has called our handlers for it */
	bool is_counted;          /* in the header */
	bool shares_descriptors;  /* CLONE_FILES */
	int cancel;               /* the thread's state before our handlers, to be put back after them */
};

/* All forks of this process. fork.c's own. */
struct vmm_forks {
	/* In the modes that copy, from vmm_fork_begin to vmm_fork_end; a handler of the program may fork between. */
	pthread_mutex_t alone;
	/* In those modes: the forks that have begun, innermost first. Guarded by the heap's lock. */
	struct vmm_fork *copying;
	/* The fork that glibc calls our handlers for. Guarded by the heap's lock, which is held from prepare on. */
	struct vmm_fork *handled;
	struct vmm_fork unannounced;  /* that one, if no wrapper of ours was called */
	struct pool_header header;    /* in a child whose heap is private: in the place of the parent's */
};

extern struct vmm_forks vmm_forks;

/* Those of one thread. */
struct vmm_forks_thread {
	struct vmm_fork *under_way;   /* those that it has begun, innermost first */
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
