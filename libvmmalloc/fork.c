/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fork -- see fork.h.
 *
 *             fork, the heap frozen                             comeback.h
 *   on pool ------------------------> private (parent) -------------------------> on a pool again
 *                                     private (child)  -------------------------> on a pool of its own
 *
 * Frozen means: the heap is mapped MAP_PRIVATE over itself. The kernel does that in one step for all threads; the file
 * stays as it was, and what either process writes later is copied page by page, like any memory. So the child's memory
 * is exactly the parent's at the moment of the fork.
 *
 * Where the heap cannot be frozen (no descriptor, huge pages) the child gets a copy of what is in use in ordinary
 * memory, and the parent stays where it is. That is for processes without threads: in others glibc itself writes to the
 * heap before the child's handlers run (locks of FILEs, data of other threads), and so to the parent's.
 */
#include "libvmmalloc/fork.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>

#include "libvmmalloc/arena.h"
#include "libvmmalloc/clone.h"
#include "libvmmalloc/comeback.h"
#include "libvmmalloc/context.h"
#include "libvmmalloc/kernel.h"
#include "libvmmalloc/mapping.h"
#include "libvmmalloc/remap.h"
#include "libvmmalloc/report.h"
#include "libvmmalloc/trace.h"
#include "libvmmalloc/waiters.h"

/* In the modes that copy, from vmm_fork_begin to vmm_fork_end; a handler of the program may fork between. */
static pthread_mutex_t one_fork = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

/* The fork under way. Guarded by the heap's lock; the clone, outside of the handlers, by one_fork. */
static struct {
	bool has_clone;             /* the copy for the child, from vmm_fork_begin on */
	struct vmm_pool clone;
	bool clone_is_full;         /* made by the parent; else the child fills it from what it sees */
	char *memory;               /* the same in ordinary memory, laid out as the heap is; else NULL */
	sigset_t signals;           /* to be let through again */
	int cancel;                 /* likewise: we call functions that are cancellation points, with locks held */
} state;

/* Of this thread's fork under way, for vmm_fork_end. */
static __thread bool counted;       /* in the header */
static __thread bool doomed;        /* the child must end: what it needs could not be made, too late to say so */
static __thread struct vmm_fork_call *under_way;

static bool wants_copy(void)
{
	return vmm.config.fork == CONFIG_FORK_COPY || vmm.config.fork == CONFIG_FORK_COPY_OR_PRIVATE;
}

/* --- before the fork --- */

static char *heap_start(const struct vmm_pool *pool)
{
	return pool->base + pool->grain;
}

static size_t heap_bytes(const struct vmm_pool *pool)
{
	return pool->size - pool->grain;
}

static void copy_stretch(void *unused, char *start, size_t bytes)
{
	(void)unused;
	memcpy(state.memory + (start - heap_start(&vmm.heap.pool)), start, bytes);
}

/* The child begins on a stack like `stack`, which cannot be exchanged under its feet. */
static void copy_to_memory(struct vmm_heap *heap, const void *stack)
{
	if (vmm_pool_contains(&heap->pool, stack))
		return;
	state.memory = vmm_remap_memory(heap_bytes(&heap->pool));
	if (state.memory)
		vmm_heap_each_used(heap, copy_stretch, NULL);
}

static void drop_clone(void)
{
	if (state.has_clone)
		vmm_pool_drop(&state.clone);
	state.has_clone = false;
}

static int freeze(struct vmm_heap *heap)
{
	int r = vmm_heap_freeze(heap);

	TRACE(r < 0 ? 1 : 2, "the heap becomes private: %s", r < 0 ? strerrordesc_np(-r) : "done");
	if (r == 0)
		vmm_comeback_frozen(heap);
	return r;
}

/* With the lock held, if it could be had, at the very moment of the fork. */
static void prepare_locked(struct vmm_heap *heap, const void *stack)
{

	counted = doomed = false;
	if (vmm.config.fork == CONFIG_FORK_NONE)
		return;
	if (state.has_clone && __libc_single_threaded && !vmm_comeback_on_heap_stack(heap)) {
		/* nobody can write while we copy: the parent does it, and stays on its pool */
		state.clone_is_full = vmm_clone_fill(heap, &state.clone) == 0;
		if (state.clone_is_full)
			return;
		drop_clone();
		if (vmm.config.fork == CONFIG_FORK_COPY) {
			doomed = true;
			return;
		}
	}
	if (freeze(heap) < 0) {
		copy_to_memory(heap, stack);
		doomed = !state.memory;
	}
}

/*
 * Where there are threads the heap must be private before glibc forks: in the child it writes to the heap before our
 * handler runs. Without, there may be a copy instead.
 */
static int prepare_heap(struct vmm_heap *heap, const void *stack)
{
	if (vmm.config.fork == CONFIG_FORK_NONE)
		return 0;
	if (!__libc_single_threaded)
		return freeze(heap) < 0 ? -ENOMEM : 0;
	if (heap->pool.grain == POOL_PAGE && vmm_pool_has_fd(&heap->pool))
		return 0;
	return vmm_pool_contains(&heap->pool, stack) ? -ENOMEM : 0;
}

static int make_clone(struct vmm_heap *heap)
{
	int r = vmm_clone_make(heap, vmm.pool_dir, vmm.config.reserve_all, &state.clone);

	TRACE(r < 0 ? 1 : 2, "a copy for the child: %s", r < 0 ? strerrordesc_np(-r) : "made");
	state.has_clone = r == 0;
	state.clone_is_full = false;
	return r < 0 && vmm.config.fork == CONFIG_FORK_COPY ? -ENOMEM : 0;
}

static void enter(struct vmm_fork_call *call)
{
	call->outer = under_way;
	call->counted = counted;
	call->doomed = doomed;
	under_way = call;
	counted = doomed = false;
	if (!wants_copy())
		return;
	call->clone = state.clone;
	call->has_clone = state.has_clone;
	state.has_clone = false;
}

static void leave(const struct vmm_fork_call *call)
{
	under_way = call->outer;
	counted = call->counted;
	doomed = call->doomed;
	if (!wants_copy())
		return;
	state.clone = call->clone;
	state.has_clone = call->has_clone;
	pthread_mutex_unlock(&one_fork);
}

int vmm_fork_begin(struct vmm_fork_call *call)
{
	struct vmm_heap *heap = &vmm.heap;
	int r, cancel;

	if (!vmm.has_pool)
		return 0;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (wants_copy())
		pthread_mutex_lock(&one_fork);
	pthread_mutex_lock(&heap->lock);
	enter(call);
	r = prepare_heap(heap, __builtin_frame_address(0));
	if (r == 0 && wants_copy())
		r = make_clone(heap);
	pthread_mutex_unlock(&heap->lock);
	if (r < 0)
		leave(call);
	(void)pthread_setcancelstate(cancel, NULL);
	return r;
}

/* --- after it, in the parent --- */

static void count_fork(struct vmm_heap *heap, int64_t change)
{
	__atomic_add_fetch(&heap->pool.header->forks, (uint64_t)change, __ATOMIC_RELAXED);
}

static void in_parent_locked(struct vmm_heap *heap)
{
	if (state.memory)
		(void)kernel_munmap(state.memory, heap_bytes(&heap->pool));
	state.memory = NULL;
	drop_clone();
	count_fork(heap, 1);
	counted = true;
	vmm_waiters_look_again(&heap->pool);
}

/* The child has ended already, or will at once. */
static void undo(pid_t pid)
{
	int cancel;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	while (kernel_waitpid(pid, NULL, 0) == -EINTR)
		;
	(void)pthread_setcancelstate(cancel, NULL);
}

pid_t vmm_fork_end(struct vmm_fork_call *call, pid_t pid)
{
	bool undone = doomed && pid > 0;

	if (!vmm.has_pool)
		return pid;
	if (pid == 0) {
		under_way = call->outer;
		return 0;
	}
	if (pid < 0 && counted)
		count_fork(&vmm.heap, -1);  /* glibc's handlers ran, but there was no fork */
	if (pid < 0 && !counted)
		drop_clone();
	leave(call);
	if (!undone)
		return pid;
	undo(pid);
	return -ENOMEM;
}

/* --- after it, in the child --- */

/* The child's heap is no longer on the file: its descriptor is of no use, and may not keep the file's space. */
static void take_memory(struct vmm_pool *pool, bool shares_descriptors)
{
	if (!state.memory || vmm_remap_move(state.memory, heap_bytes(pool), heap_start(pool)) < 0)
		vmm_report_fatal("fork: no memory for the child's heap");
	state.memory = NULL;
	/* nothing of the file may stay mapped; its header has been copied */
	(void)kernel_mmap(pool->base, pool->grain, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
			  -1, 0);
	if (vmm_pool_has_fd(pool) && !shares_descriptors)
		(void)kernel_close(pool->fd);
	pool->fd = -1;
}

/* The parent's header goes on showing the parent's figures: the child continues with a copy, which nobody else sees. */
static void take_header(struct vmm_pool *pool)
{
	static struct pool_header header;

	header = *pool->header;
	header.owner_pid = (uint32_t)kernel_getpid();
	header.mode = POOL_HEADER_PRIVATE;
	header.private_bytes = heap_bytes(pool);
	header.forks = 0;
	pool->header = &header;
}

/* The copies for children of forks that this one happened within are not for us. */
static void drop_outer_clones(void)
{
	for (struct vmm_fork_call *call = under_way; call; call = call->outer) {
		if (wants_copy() && call->has_clone)
			vmm_pool_drop(&call->clone);
		call->has_clone = false;
	}
}

static void in_child_locked(struct vmm_heap *heap, bool shares_descriptors)
{
	bool on_file = heap->pool.mapping.is_private && !heap->pool.mapping.in_parts;
	bool has_clone = state.has_clone;

	if (doomed)
		kernel_exit(127);
	vmm_mapping_forget_shadow(&heap->pool);
	/* a page that is not written to need not be copied for the child */
	if (wants_copy())
		one_fork = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	if (has_clone)
		state.has_clone = false;
	drop_outer_clones();
	if (vmm.config.fork == CONFIG_FORK_NONE) {
		vmm_comeback_start();
		return;
	}
	/* the clone is filled from what nobody can write to; else there is a copy in memory, which is as good */
	if (has_clone && (state.memory || vmm_comeback_on_heap_stack(heap))) {
		vmm_pool_drop(&state.clone);
	} else if (has_clone && vmm_comeback_move(heap, &state.clone, state.clone_is_full) == 0) {
		TRACE(2, "child of %d, on a copy of its pool", (int)kernel_getppid());
		return;
	}
	take_header(&heap->pool);
	if (!on_file)
		take_memory(&heap->pool, shares_descriptors);
	vmm_comeback_child(heap, on_file, shares_descriptors);
	TRACE(2, "child of %d", (int)kernel_getppid());
}

/* --- the handlers --- */

static void release(const sigset_t *held, int cancel)
{
	(void)pthread_setcancelstate(cancel, NULL);
	kernel_restore_signals(held);
}

static void prepare(void)
{
	sigset_t held;
	int cancel;

	vmm_arena_before_fork();
	if (!vmm.has_pool)
		return;
	kernel_hold_signals(&held);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_mutex_lock(&vmm.heap.lock);
	state.signals = held;
	state.cancel = cancel;
	prepare_locked(&vmm.heap, __builtin_frame_address(0));
}

static void in_parent(void)
{
	sigset_t held = state.signals;
	int cancel = state.cancel;

	if (vmm.has_pool) {
		in_parent_locked(&vmm.heap);
		pthread_mutex_unlock(&vmm.heap.lock);
		release(&held, cancel);
	}
	vmm_arena_after_fork(false);
}

static void in_child(void)
{
	if (vmm.has_pool) {
		vmm_trace_after_fork();
		in_child_locked(&vmm.heap, false);
		/* whoever had the lock is not in this process */
		vmm.heap.lock = (pthread_mutex_t)HEAP_LOCK_INITIALIZER;
		release(&state.signals, state.cancel);
	}
	vmm_arena_after_fork(true);
}

void vmm_fork_register(void)
{
	(void)pthread_atfork(prepare, in_parent, in_child);
}

/* --- around calls that run no handlers --- */

int vmm_fork_before_raw(struct vmm_fork_raw *raw, const void *stack)
{
	int r;

	if (!vmm.has_pool)
		return 0;
	if (!stack)
		stack = __builtin_frame_address(0);
	kernel_hold_signals(&raw->signals);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw->cancel);
	/* in a signal handler that interrupted the one who has it, we are that one, and go on without */
	raw->locked = pthread_mutex_lock(&vmm.heap.lock) == 0;
	r = prepare_heap(&vmm.heap, stack);
	if (r == 0) {
		prepare_locked(&vmm.heap, stack);
		r = doomed ? -ENOMEM : 0;
	}
	if (r < 0) {
		if (raw->locked)
			pthread_mutex_unlock(&vmm.heap.lock);
		release(&raw->signals, raw->cancel);
	}
	return r;
}

void vmm_fork_after_raw(pid_t pid, const struct vmm_fork_raw *raw, bool shares_descriptors)
{
	if (!vmm.has_pool)
		return;
	if (pid == 0) {
		in_child_locked(&vmm.heap, shares_descriptors);
		vmm.heap.lock = (pthread_mutex_t)HEAP_LOCK_INITIALIZER;
	} else {
		in_parent_locked(&vmm.heap);
		if (pid < 0)
			count_fork(&vmm.heap, -1);
		if (raw->locked)
			pthread_mutex_unlock(&vmm.heap.lock);
	}
	release(&raw->signals, raw->cancel);
}
