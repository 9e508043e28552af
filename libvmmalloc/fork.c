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
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libvmmalloc/arena.h"
#include "libvmmalloc/clone.h"
#include "libvmmalloc/comeback.h"
#include "libvmmalloc/context.h"
#include "libvmmalloc/mapping.h"
#include "libvmmalloc/report.h"
#include "libvmmalloc/trace.h"

#define RAW_LOCK_ATTEMPTS 10000

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

static void copy_to_memory(struct vmm_heap *heap)
{
	if (vmm_comeback_on_heap_stack(heap))
		return;
	state.memory = mmap(NULL, heap_bytes(&heap->pool), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (state.memory == MAP_FAILED)
		state.memory = NULL;
	else
		vmm_heap_each_used(heap, copy_stretch, NULL);
}

static void drop_clone(void)
{
	if (state.has_clone)
		vmm_pool_drop(&state.clone);
	state.has_clone = false;
}

/* With the lock held, at the very moment of the fork. */
static void prepare_locked(struct vmm_heap *heap)
{
	int r;

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
	r = vmm_mapping_freeze(&heap->pool);
	if (r == 0) {
		TRACE(2, "the heap is private from now on");
		vmm_comeback_frozen(heap);
		return;
	}
	TRACE(1, "the heap cannot be mapped privately: %s", strerrordesc_np(-r));
	copy_to_memory(heap);
	doomed = !state.memory;
}

/*
 * Whether there is a way for the child, which begins on a stack like `stack`, to get its memory, as far as that can be
 * known before.
 */
static bool can_fork(const struct vmm_heap *heap, const void *stack)
{
	bool can_freeze = heap->pool.grain == POOL_PAGE && vmm_pool_has_fd(&heap->pool);

	return can_freeze || vmm.config.fork == CONFIG_FORK_NONE ||
	       (__libc_single_threaded && !vmm_pool_contains(&heap->pool, stack));
}

int vmm_fork_begin(void)
{
	struct vmm_heap *heap = &vmm.heap;
	int r, cancel;

	counted = doomed = false;
	if (!vmm.has_pool)
		return 0;
	if (!can_fork(heap, __builtin_frame_address(0)))
		return -ENOMEM;
	if (!wants_copy())
		return 0;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_mutex_lock(&one_fork);
	pthread_mutex_lock(&heap->lock);
	r = vmm_clone_make(heap, vmm.pool_dir, vmm.config.reserve_all, &state.clone);
	state.has_clone = r == 0;
	state.clone_is_full = false;
	pthread_mutex_unlock(&heap->lock);
	(void)pthread_setcancelstate(cancel, NULL);
	TRACE(r < 0 ? 1 : 2, "a copy for the child: %s", r < 0 ? strerrordesc_np(-r) : "made");
	if (r == 0 || vmm.config.fork != CONFIG_FORK_COPY)
		return 0;
	pthread_mutex_unlock(&one_fork);
	return -ENOMEM;
}

/* --- after it, in the parent --- */

static void count_fork(struct vmm_heap *heap, int64_t change)
{
	__atomic_add_fetch(&heap->pool.header->forks, (uint64_t)change, __ATOMIC_RELAXED);
}

static void in_parent_locked(struct vmm_heap *heap)
{
	if (state.memory)
		(void)munmap(state.memory, heap_bytes(&heap->pool));
	state.memory = NULL;
	drop_clone();
	count_fork(heap, 1);
	counted = true;
}

pid_t vmm_fork_end(pid_t pid)
{
	if (!vmm.has_pool || pid == 0)
		return pid;
	if (pid < 0 && counted)
		count_fork(&vmm.heap, -1);  /* glibc's handlers ran, but there was no fork */
	if (wants_copy()) {
		if (pid < 0 && !counted)
			drop_clone();
		pthread_mutex_unlock(&one_fork);
	}
	if (pid < 0 || !doomed)
		return pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return -ENOMEM;
}

/* --- after it, in the child --- */

/* The child's heap is no longer on the file: its descriptor is of no use, and may not keep the file's space. */
static void take_memory(struct vmm_pool *pool, bool shares_descriptors)
{
	if (!state.memory || mremap(state.memory, heap_bytes(pool), heap_bytes(pool), MREMAP_MAYMOVE | MREMAP_FIXED,
				    heap_start(pool)) == MAP_FAILED)
		vmm_report_fatal("fork: no memory for the child's heap");
	state.memory = NULL;
	/* nothing of the file may stay mapped; its header has been copied */
	(void)mmap(pool->base, pool->grain, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
	if (vmm_pool_has_fd(pool) && !shares_descriptors)
		(void)close(pool->fd);
	pool->fd = -1;
}

/* The parent's header goes on showing the parent's figures: the child continues with a copy, which nobody else sees. */
static void take_header(struct vmm_pool *pool)
{
	static struct pool_header header;

	header = *pool->header;
	header.owner_pid = (uint32_t)getpid();
	header.mode = POOL_HEADER_PRIVATE;
	header.private_bytes = heap_bytes(pool);
	header.forks = 0;
	pool->header = &header;
}

static void in_child_locked(struct vmm_heap *heap, bool shares_descriptors)
{
	bool on_file = heap->pool.mapping.is_private, has_clone = state.has_clone;

	if (doomed)
		_exit(127);
	one_fork = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	state.has_clone = false;
	if (vmm.config.fork == CONFIG_FORK_NONE) {
		vmm_comeback_start();
		return;
	}
	/* the clone is filled from what nobody can write to; else there is a copy in memory, which is as good */
	if (has_clone && !state.memory && !vmm_comeback_on_heap_stack(heap) &&
	    vmm_comeback_move(heap, &state.clone, state.clone_is_full) == 0) {
		TRACE(2, "child of %d, on a copy of its pool", (int)getppid());
		return;
	}
	take_header(&heap->pool);
	if (!on_file)
		take_memory(&heap->pool, shares_descriptors);
	vmm_comeback_child(heap, on_file, shares_descriptors);
	TRACE(2, "child of %d", (int)getppid());
}

/* --- the handlers --- */

static void hold_signals(sigset_t *held)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, held);
}

static void release(const sigset_t *held, int cancel)
{
	(void)pthread_setcancelstate(cancel, NULL);
	(void)pthread_sigmask(SIG_SETMASK, held, NULL);
}

static void prepare(void)
{
	sigset_t held;
	int cancel;

	vmm_arena_before_fork();
	if (!vmm.has_pool)
		return;
	hold_signals(&held);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_mutex_lock(&vmm.heap.lock);
	state.signals = held;
	state.cancel = cancel;
	prepare_locked(&vmm.heap);
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
		pthread_mutex_unlock(&vmm.heap.lock);
		release(&state.signals, state.cancel);
	}
	vmm_arena_after_fork(true);
}

void vmm_fork_register(void)
{
	(void)pthread_atfork(prepare, in_parent, in_child);
}

/*
 * The heap must not change its place while we fork. But these calls may come from a signal handler, and that may have
 * interrupted the one who holds the lock: then we go on without.
 */
static bool lock_for_raw(void)
{
	for (int i = 0; i < RAW_LOCK_ATTEMPTS; i++) {
		if (pthread_mutex_trylock(&vmm.heap.lock) == 0)
			return true;
		if (__libc_single_threaded)
			return false;
		(void)sched_yield();
	}
	return false;
}

static void unlock_raw(const struct vmm_fork_raw *raw)
{
	if (raw->locked)
		pthread_mutex_unlock(&vmm.heap.lock);
	release(&raw->signals, raw->cancel);
}

int vmm_fork_before_raw(struct vmm_fork_raw *raw, const void *stack)
{
	if (!vmm.has_pool)
		return 0;
	if (!can_fork(&vmm.heap, stack ? stack : __builtin_frame_address(0)))
		return -ENOMEM;
	hold_signals(&raw->signals);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw->cancel);
	raw->locked = lock_for_raw();
	prepare_locked(&vmm.heap);
	if (!doomed)
		return 0;
	unlock_raw(raw);
	return -ENOMEM;
}

void vmm_fork_after_raw(pid_t pid, const struct vmm_fork_raw *raw, bool shares_descriptors)
{
	if (!vmm.has_pool)
		return;
	if (pid == 0) {
		/* whoever had the lock is not in this process */
		if (!raw->locked)
			vmm.heap.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
		in_child_locked(&vmm.heap, shares_descriptors);
	} else {
		in_parent_locked(&vmm.heap);
		if (pid < 0)
			count_fork(&vmm.heap, -1);
	}
	unlock_raw(raw);
}
