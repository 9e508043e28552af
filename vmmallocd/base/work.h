/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * work -- what blocks, in a thread of its own, and the loop told when it is done.
 *
 * A thread for each, and no pool of them: what hangs keeps its own thread and no other work, and where no thread can be
 * had the caller is told, when libuv's pool would end the process. How many there are at once is the caller's to bound.
 */
#ifndef VMMALLOCD_BASE_WORK_H
#define VMMALLOCD_BASE_WORK_H

#include <uv.h>

struct work_thread;

/* The caller's storage: stays until `done` was called, which may free it. */
struct work {
	void *data;                         /* the caller's */
	/* the module's own */
	struct work_thread *thread;
	void (*run)(struct work *work);
	void (*done)(struct work *work);
};

/*
 * Calls `run` in a thread, and then `done` in the loop, which goes on until the thread has ended, and never waits for
 * that. 0; or -errno, and neither is called: -EAGAIN: no thread (RESOURCE_THREAD).
 */
int work_start(uv_loop_t *loop, struct work *work, void (*run)(struct work *work), void (*done)(struct work *work));

/*
 * The loop does not wait any longer for work that was started: it may end before `done` is called. If it does, the
 * process has to end with all that the thread uses still in its place.
 */
void work_abandon(struct work *work);

#endif
