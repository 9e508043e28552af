/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fork -- the pool in parent and child.
 *
 * glibc calls our handlers inside fork, and inside all that is made of it. A handler cannot make a fork fail. So our
 * wrappers (exports/calls.c) call vmm_fork_begin before such a function, and vmm_fork_end after it. Around _Fork, clone
 * and raw system calls, inside which nobody calls handlers, they call vmm_fork_before_raw and vmm_fork_after_raw.
 */
#ifndef LIBVMMALLOC_FORK_FORK_H
#define LIBVMMALLOC_FORK_FORK_H

#include <stdbool.h>
#include <sys/types.h>

#include "libvmmalloc/base/owner.h"
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
	FORK_HEAP_DOOMED,        /* nowhere, and glibc forks all the same: the child must end */
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
	/* Held in modes 2 and 3 from vmm_fork_begin to vmm_fork_end; twice, where a handler of the program forks. */
	struct vmm_owner alone;
	/* The forks that hold it, innermost first. Guarded by the heap's lock. */
	struct vmm_fork *copying;
	/* The fork that glibc calls our handlers for. Guarded by the heap's lock, which they hold all the time. */
	struct vmm_fork *handled;
	struct vmm_fork unannounced;  /* `handled` points to it if no wrapper of ours was called */
	struct pool_page page;        /* what the pool's is at a fork; then the child's own, if its heap is private */
};

extern struct vmm_forks vmm_forks;

/* Those of one thread. */
struct vmm_forks_thread {
	struct vmm_fork *under_way;   /* those that it has begun, innermost first */
};

extern __thread struct vmm_forks_thread vmm_forks_thread;

/*
 * Called before a function that forks. Returns 0, or -errno if there must be no fork: -ENOMEM if the child could not
 * have its memory, -EAGAIN in the handler of a fault inside the heap's own code.
 */
int vmm_fork_begin(struct vmm_fork *fork);

/*
 * Called after that function, in parent and child. `pid` is what it returned, but -errno in the place of -1. Returns
 * `pid`, or -errno if the fork has been undone.
 */
pid_t vmm_fork_end(struct vmm_fork *fork, pid_t pid);

/*
 * Called before and after a function that forks and runs no handlers. Both are async-signal-safe: jemalloc's locks are
 * not taken, and no signal handler runs while this thread has the heap's.
 *
 * `stack` is an address in the child's stack, or NULL if the child goes on with ours. `shares_descriptors` says that
 * the child is made with CLONE_FILES. The first returns 0, or -errno as vmm_fork_begin does. The second gets the
 * child's process id in the parent, 0 in the child, and less if there was no fork.
 */
int vmm_fork_before_raw(struct vmm_fork *fork, const void *stack, bool shares_descriptors);
void vmm_fork_after_raw(struct vmm_fork *fork, pid_t pid);

#endif
