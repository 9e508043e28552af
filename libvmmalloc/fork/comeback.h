/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * comeback -- how a heap that became private at a fork gets back to a pool.
 *
 *   private parent --no child left, one thread-------------> on its file again      (thaw.h)
 *                  --no child left, threads----------------> what is free is        (heap.h, mapping.h)
 *                  --its children stay, one thread, small--> on another file        (copy.h)
 *   private child  --it lives on, one thread, small--------> on a file of its own   (copy.h)
 *
 * Slow paths call vmm_come_back (context.h) for it. The functions here tell this module what happens. Their callers
 * hold the heap's lock, but for vmm_comeback_cloned. Nothing allocates, and all is async-signal-safe.
 */
#ifndef LIBVMMALLOC_FORK_COMEBACK_H
#define LIBVMMALLOC_FORK_COMEBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "libvmmalloc/fork/marker.h"
#include "libvmmalloc/heap/heap.h"

/* A process id is one in its namespace only: a child in a new one may have its parent's. */
struct vmm_comeback_process {
	pid_t pid;
	ino_t pid_namespace;                /* 0: not known */
};

/* comeback.c's own. Guarded by the heap's lock. */
struct vmm_comeback {
	struct vmm_comeback_process owner;  /* whose memory this is; a vforked child is another process in it */
	bool unmarked;                      /* there may be children without a marker, and so there is no way back */
	bool shared;                        /* other processes may have this memory too: vmm_comeback_cloned. Atomic */
	bool is_child;                      /* private on the parent's file, not on one of our own */
	struct vmm_marker marker;
	uint64_t frozen_ns;                 /* when the file was frozen, CLOCK_MONOTONIC */
	uint64_t return_ns;                 /* no return is tried before this. Atomic */
	uint64_t held_ns;                   /* nor before this, because a fork is under way. 0: none is */
	uint64_t spent_ns;                  /* on the steps of a return that is under way */
	bool free_is_back;                  /* what is free is on the file, and what becomes free goes there */
	size_t free_offset;                 /* else: how far that is so, from the pool's start */
};

extern struct vmm_comeback vmm_comeback;

/* Called at the start, and in every child that is a process of its own. */
void vmm_comeback_start(void);

/* Whether this process is no vforked child, by its number and, where there is a /proc, its namespace. */
bool vmm_comeback_is_same_process(void);

/* Called before clone is, with its flags: the call may make a process that is no thread and has the same memory. */
void vmm_comeback_cloned(uint64_t flags);

/* Called when the heap has become private, because a fork follows. */
void vmm_comeback_frozen(struct vmm_heap *heap);

/*
 * Called when a fork has begun, before handlers of the program's run, and when it is over. Nothing returns between: the
 * fork would only freeze it again. A fork that never ends holds the heap for a second.
 */
void vmm_comeback_hold(void);
void vmm_comeback_let_go(void);

/*
 * Called in a child whose heap is private. `on_file` says that it is on the parent's file; else it is in ordinary
 * memory, and there is no way back. `shares_descriptors` says that the child was made with CLONE_FILES: it may then
 * close no descriptor of ours, and stays where it is.
 */
void vmm_comeback_child(struct vmm_heap *heap, bool on_file, bool shares_descriptors);

/*
 * Moves the heap to `copy`. The copy holds the heap already if `is_full`, and is filled from what this process sees
 * otherwise. Returns 0; or -errno, and then the heap has not changed, and the copy is dropped. The caller must not run
 * on a stack in the heap.
 */
int vmm_comeback_move(struct vmm_heap *heap, struct vmm_pool *copy, bool is_full);

#endif
