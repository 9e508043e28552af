/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fork -- see fork.h.
 *
 *             fork, the heap frozen                        no child left that needs the file
 *   on pool ------------------------> private (parent) -------------------------------------> on pool again
 *                                     private (child)  ------------------------------------->  on a pool of its own
 *                                                         it lives on, and its heap is small
 *
 * Frozen means: the heap is mapped MAP_PRIVATE over itself. The kernel does that in one step for all threads; the file
 * stays as it was, and what either process writes later is copied page by page, like any memory. So the child's memory
 * is exactly the parent's at the moment of the fork. The whole way back is only for a process with one thread: nothing
 * else could keep other threads from writing meanwhile. With threads only what nobody uses returns, piece by piece as
 * it becomes free.
 *
 * A parent with a small heap whose children stay does not wait for them: it leaves them the file, and moves to another.
 *
 * Where the heap cannot be frozen (no descriptor, huge pages) the child gets a copy of what is in use in ordinary
 * memory, and the parent stays where it is.
 */
#include "libvmmalloc/fork.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libvmmalloc/arena.h"
#include "libvmmalloc/clone.h"
#include "libvmmalloc/context.h"
#include "libvmmalloc/mapping.h"
#include "libvmmalloc/marker.h"
#include "libvmmalloc/report.h"
#include "libvmmalloc/thaw.h"
#include "libvmmalloc/trace.h"

#define RETURN_SHARE 256                       /* returning may take no more than this part of the time, */
#define RETURN_PAUSE_NS 1000000000u            /* but after a second at most, and 16 times what it took, it may again */
#define RETURN_SHARE_LONG 16
#define RAW_LOCK_ATTEMPTS 10000
#define SETTLE_AGE_NS 100000000u               /* a child that lives this long gets a pool of its own, */
#define MOVE_AGE_NS 1000000000u                /* and a parent whose children live this long gets another, */
#define SETTLE_MOST ((size_t)16 << 20)         /* if their heap is no larger than this */

/* In the modes that copy, from vmm_fork_begin to vmm_fork_end. */
static pthread_mutex_t one_fork = PTHREAD_MUTEX_INITIALIZER;

/* Guarded by the heap's lock; the clone, outside of the handlers, by one_fork. */
static struct {
	bool has_clone;             /* the copy for the child of the fork under way, from vmm_fork_begin on */
	struct vmm_pool clone;
	bool clone_is_full;         /* made by the parent; else the child fills it from what it sees */
	bool doomed;                /* the copy failed after all, too late to say so: the child must end */
	char *memory;               /* the same in ordinary memory, laid out as the heap is; else NULL */
	bool unmarked;              /* there may be children without a marker: no way back */
	bool is_child;              /* private on the parent's file, not on one of our own */
	struct vmm_marker marker;
	uint64_t frozen_ns;         /* when the file was, CLOCK_MONOTONIC */
	uint64_t return_ns;         /* not to be tried before this */
	sigset_t signals;           /* to be let through again after the fork under way */
} state;

static uint64_t now_ns(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void show_mode(struct vmm_heap *heap, uint64_t mode)
{
	struct pool_header *header = heap->pool.header;

	__atomic_store_n(&header->private_bytes, vmm_mapping_private_bytes(&heap->pool), __ATOMIC_RELAXED);
	__atomic_store_n(&header->mode, mode, __ATOMIC_RELAXED);
}

static bool wants_copy(void)
{
	return vmm.config.fork == CONFIG_FORK_COPY || vmm.config.fork == CONFIG_FORK_COPY_OR_PRIVATE;
}

/* Threads that the C library does not know of are counted too; where there is no /proc, nothing is certain. */
static bool has_one_thread(void)
{
	struct stat st;

	return stat("/proc/self/task", &st) == 0 && st.st_nlink == 3;
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
	state.memory = mmap(NULL, heap_bytes(&heap->pool), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (state.memory == MAP_FAILED)
		state.memory = NULL;
	else
		vmm_heap_each_used(heap, copy_stretch, NULL);
}

static void freeze(struct vmm_heap *heap)
{
	int r = vmm_mapping_freeze(&heap->pool);

	if (r < 0) {
		TRACE(1, "the heap cannot be mapped privately: %s", strerrordesc_np(-r));
		copy_to_memory(heap);
		return;
	}
	TRACE(2, "the heap is private from now on");
	if (heap->pool.header->mode != POOL_HEADER_PRIVATE)
		state.frozen_ns = now_ns();
	show_mode(heap, POOL_HEADER_PRIVATE);
	/* what a child forks has the marker of the child's parent: they need the same file */
	if (!state.is_child && vmm.config.fork != CONFIG_FORK_PRIVATE) {
		state.unmarked |= vmm_marker_plant(&state.marker) < 0;
		vmm.away = !state.unmarked;
	}
}

/* With the lock held, at the very moment of the fork. */
static void prepare_locked(struct vmm_heap *heap)
{
	if (vmm.config.fork == CONFIG_FORK_NONE)
		return;
	if (state.has_clone && has_one_thread()) {
		/* nobody can write while we copy: the parent does it, and stays on its pool */
		state.clone_is_full = vmm_clone_fill(heap, &state.clone) == 0;
		if (state.clone_is_full)
			return;
		vmm_pool_drop(&state.clone);
		state.has_clone = false;
		state.doomed = vmm.config.fork == CONFIG_FORK_COPY;
	}
	freeze(heap);
}

int vmm_fork_begin(void)
{
	struct vmm_heap *heap = &vmm.heap;
	int r;

	if (!vmm.has_pool || !wants_copy())
		return 0;
	pthread_mutex_lock(&one_fork);
	pthread_mutex_lock(&heap->lock);
	r = vmm_clone_make(heap, vmm.pool_dir, &state.clone);
	state.has_clone = r == 0;
	state.clone_is_full = false;
	pthread_mutex_unlock(&heap->lock);
	TRACE(r < 0 ? 1 : 2, "a copy for the child: %s", r < 0 ? strerrordesc_np(-r) : "made");
	if (r == 0 || vmm.config.fork != CONFIG_FORK_COPY)
		return 0;
	pthread_mutex_unlock(&one_fork);
	return -ENOMEM;
}

/* --- after it, in the parent --- */

static void drop_clone(void)
{
	if (state.has_clone)
		vmm_pool_drop(&state.clone);
	state.has_clone = false;
}

static void in_parent_locked(struct vmm_heap *heap)
{
	if (state.memory)
		(void)munmap(state.memory, heap_bytes(&heap->pool));
	state.memory = NULL;
	drop_clone();
	__atomic_add_fetch(&heap->pool.header->forks, 1, __ATOMIC_RELAXED);
}

pid_t vmm_fork_end(pid_t pid)
{
	bool undone = state.doomed && pid > 0;

	if (vmm.has_pool && pid < 0)
		__atomic_sub_fetch(&vmm.heap.pool.header->forks, 1, __ATOMIC_RELAXED);  /* glibc's handlers ran */
	if (!vmm.has_pool || !wants_copy() || pid == 0)
		return pid;
	if (pid < 0)
		drop_clone();
	state.doomed = false;
	pthread_mutex_unlock(&one_fork);
	if (!undone)
		return pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return -ENOMEM;
}

/* --- after it, in the child --- */

/* The child's heap is no longer on the file: its descriptor is of no use, and may not keep the file's space. */
static void take_memory(struct vmm_pool *pool)
{
	if (!state.memory || mremap(state.memory, heap_bytes(pool), heap_bytes(pool), MREMAP_MAYMOVE | MREMAP_FIXED,
				    heap_start(pool)) == MAP_FAILED)
		vmm_report_fatal("fork: no memory for the child's heap");
	state.memory = NULL;
	if (vmm_pool_has_fd(pool))
		(void)close(pool->fd);
	pool->fd = -1;
}

/* The parent's header goes on showing the parent's figures: the child continues with a copy. */
static void take_header(struct vmm_pool *pool)
{
	struct pool_header header = *pool->header;

	if (mmap(pool->base, pool->grain, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	    MAP_FAILED)
		vmm_report_fatal("fork: no memory for the child's pool header");
	header.owner_pid = (uint32_t)getpid();
	header.mode = POOL_HEADER_PRIVATE;
	header.private_bytes = heap_bytes(pool);
	header.forks = 0;
	*pool->header = header;
}

/* The heap moves to the clone, away from the file that others need. 0 or -errno, and nothing has changed. */
static int take_clone(struct vmm_heap *heap)
{
	int r = state.clone_is_full ? 0 : vmm_clone_fill(heap, &state.clone);

	if (r == 0) {
		state.clone.header->owner_pid = (uint32_t)getpid();
		r = vmm_pool_replace(&heap->pool, &state.clone);
	}
	if (r < 0) {
		vmm_pool_drop(&state.clone);
	} else {
		vmm_heap_forget_free(heap);
		vmm_marker_pull(&state.marker);
		vmm_marker_forget(&state.marker);
		state.is_child = state.unmarked = false;
		vmm.away = false;
	}
	state.has_clone = false;
	return r;
}

static void in_child_locked(struct vmm_heap *heap)
{
	bool on_file = !heap->pool.mapping.is_private;

	if (state.doomed)
		_exit(127);
	one_fork = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	vmm_marker_forget(&state.marker);
	if (vmm.config.fork == CONFIG_FORK_NONE)
		return;
	if (state.has_clone && take_clone(heap) == 0) {
		TRACE(2, "child of %d, on a copy of its pool", (int)getppid());
		return;
	}
	if (on_file)
		take_memory(&heap->pool);
	take_header(&heap->pool);
	state.is_child = true;
	vmm.away = !on_file && vmm.config.fork == CONFIG_FORK_AUTO && heap->pool.header->used_bytes <= SETTLE_MOST;
	state.return_ns = now_ns() + SETTLE_AGE_NS;
	TRACE(2, "child of %d", (int)getppid());
}

/* --- the handlers --- */

/* A handler of the program's that wrote to the heap while it is copied would be a thread that we did not count. */
static void hold_signals(sigset_t *held)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, held);
}

static void release_signals(const sigset_t *held)
{
	(void)pthread_sigmask(SIG_SETMASK, held, NULL);
}

static void prepare(void)
{
	sigset_t held;

	vmm_arena_before_fork();
	if (!vmm.has_pool)
		return;
	hold_signals(&held);
	pthread_mutex_lock(&vmm.heap.lock);
	state.signals = held;
	prepare_locked(&vmm.heap);
}

static void in_parent(void)
{
	sigset_t held = state.signals;

	if (vmm.has_pool) {
		in_parent_locked(&vmm.heap);
		pthread_mutex_unlock(&vmm.heap.lock);
		release_signals(&held);
	}
	vmm_arena_after_fork(false);
}

static void in_child(void)
{
	if (vmm.has_pool) {
		vmm_trace_after_fork();
		in_child_locked(&vmm.heap);
		pthread_mutex_unlock(&vmm.heap.lock);
		release_signals(&state.signals);
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

bool vmm_fork_before_raw(void)
{
	bool locked = vmm.has_pool && lock_for_raw();

	if (vmm.has_pool)
		prepare_locked(&vmm.heap);
	return locked;
}

void vmm_fork_after_raw(pid_t pid, bool locked)
{
	if (!vmm.has_pool)
		return;
	if (pid == 0)
		in_child_locked(&vmm.heap);
	else
		in_parent_locked(&vmm.heap);
	if (locked)
		pthread_mutex_unlock(&vmm.heap.lock);
}

/* --- the way back --- */

/* To a pool of its own, beside the one that others need. */
static int settle(struct vmm_heap *heap)
{
	struct pool_header header = *heap->pool.header;
	int r;

	r = vmm_clone_make(heap, vmm.pool_dir, &state.clone);
	if (r < 0)
		return r;
	state.has_clone = true;
	state.clone_is_full = false;
	r = take_clone(heap);
	if (r == 0) {
		heap->pool.header->peak_bytes = header.peak_bytes;
		heap->pool.header->failed_requests = header.failed_requests;
		heap->pool.header->reclaims = header.reclaims;
		heap->pool.header->forks = header.forks;
		show_mode(heap, POOL_HEADER_BACK);
	}
	return r;
}

static int settle_child(struct vmm_heap *heap)
{
	if (heap->pool.header->used_bytes <= SETTLE_MOST)
		return settle(heap);
	vmm.away = false;  /* it would cost more than it is worth */
	return -EFBIG;
}

static bool has_children(void)
{
	vmm_marker_pull(&state.marker);
	return !vmm_marker_alone(&state.marker);
}

/* For a process with one thread. */
static int return_wholly(struct vmm_heap *heap)
{
	int r;

	if (has_children())
		return heap->pool.header->used_bytes <= SETTLE_MOST && now_ns() - state.frozen_ns >= MOVE_AGE_NS
			       ? settle(heap) : -EBUSY;
	r = vmm_thaw(heap);
	if (r == 0) {
		vmm.away = false;
		show_mode(heap, POOL_HEADER_BACK);
	}
	return r;
}

/* For a process with threads. */
static int return_free(struct vmm_heap *heap)
{
	if (heap->pool.header->mode == POOL_HEADER_RETURNING)
		return -EALREADY;
	if (has_children())
		return -EBUSY;
	if (!vmm_pool_has_fd(&heap->pool))
		return -EBADF;
	vmm_heap_return_free(heap);
	show_mode(heap, POOL_HEADER_RETURNING);
	return 0;
}

static uint64_t pause_after(uint64_t took_ns)
{
	uint64_t usual = RETURN_SHARE * took_ns, most = RETURN_PAUSE_NS + RETURN_SHARE_LONG * took_ns;

	return usual < most ? usual : most;
}

bool vmm_fork_return(void)
{
	struct vmm_heap *heap = &vmm.heap;
	int saved_errno = errno, r = -EAGAIN;
	uint64_t began = now_ns();
	bool one_thread = false;
	sigset_t held;

	if (began < __atomic_load_n(&state.return_ns, __ATOMIC_RELAXED))
		return false;
	hold_signals(&held);
	/* not to be had if we are in a signal handler that interrupted one who has it */
	if (pthread_mutex_trylock(&heap->lock) == 0) {
		if (vmm.away) {
			one_thread = has_one_thread();
			if (!one_thread)
				r = state.is_child ? -EBUSY : return_free(heap);
			else
				r = state.is_child ? settle_child(heap) : return_wholly(heap);
			TRACE(r < 0 ? 3 : 2, "return to a pool: %s", r < 0 ? strerrordesc_np(-r) : "done");
			__atomic_store_n(&state.return_ns, now_ns() + pause_after(now_ns() - began), __ATOMIC_RELAXED);
		}
		pthread_mutex_unlock(&heap->lock);
	}
	release_signals(&held);
	errno = saved_errno;
	return r == 0 && !one_thread;
}
