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
#include "libvmmalloc/fork/fork.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>

#include "libvmmalloc/jemalloc/seam.h"
#include "libvmmalloc/fork/copy.h"
#include "libvmmalloc/fork/comeback.h"
#include "libvmmalloc/context/context.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/mapping.h"
#include "libvmmalloc/heap/remap.h"
#include "libvmmalloc/base/report.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/heap/waiters.h"

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

static void copy_stretch(void *memory, char *start, size_t bytes)
{
	memcpy((char *)memory + (start - heap_start(&vmm.heap.pool)), start, bytes);
}

/* The child begins on a stack like `stack`, which cannot be exchanged under its feet. */
static void copy_to_memory(struct vmm_fork *fork, struct vmm_heap *heap, const void *stack)
{
	if (vmm_pool_contains(&heap->pool, stack))
		return;
	fork->memory = vmm_remap_memory(heap_bytes(&heap->pool));
	if (fork->memory)
		vmm_heap_each_used(heap, copy_stretch, fork->memory);
}

static void drop_clone(struct vmm_fork *fork)
{
	if (fork->has_clone)
		vmm_pool_drop(&fork->clone);
	fork->has_clone = false;
}

static int freeze(struct vmm_heap *heap)
{
	int r = vmm_heap_freeze(heap);

	TRACE(r < 0 ? 1 : 2, "the heap becomes private: %s", r < 0 ? strerrordesc_np(-r) : "done");
	if (r == 0)
		vmm_comeback_frozen(heap);
	return r;
}

static void freeze_or_copy(struct vmm_fork *fork, struct vmm_heap *heap, const void *stack)
{
	if (vmm.config.fork == CONFIG_FORK_NONE)
		return;
	if (freeze(heap) < 0) {
		copy_to_memory(fork, heap, stack);
		fork->doomed = !fork->memory;
	}
}

/* Where nobody can write while we copy, the parent does it, and stays on its pool. */
static bool can_fill_clone(const struct vmm_fork *fork, const struct vmm_heap *heap)
{
	return fork->has_clone && __libc_single_threaded && !vmm_comeback_on_heap_stack(heap);
}

/* At the very moment of the fork. */
static void prepare_locked(struct vmm_fork *fork, struct vmm_heap *heap, const void *stack)
{
	if (can_fill_clone(fork, heap)) {
		fork->clone_is_full = vmm_copy_fill(heap, &fork->clone) == 0;
		if (fork->clone_is_full)
			return;
		drop_clone(fork);
		if (vmm.config.fork == CONFIG_FORK_COPY) {
			fork->doomed = true;
			return;
		}
	}
	freeze_or_copy(fork, heap, stack);
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

static int make_clone(struct vmm_fork *fork, struct vmm_heap *heap)
{
	int r = vmm_copy_make(heap, vmm.pool_dir, vmm.config.reserve_all, &fork->clone);

	TRACE(r < 0 ? 1 : 2, "a copy for the child: %s", r < 0 ? strerrordesc_np(-r) : "made");
	fork->has_clone = r == 0;
	return r < 0 && vmm.config.fork == CONFIG_FORK_COPY ? -ENOMEM : 0;
}

static int begin_locked(struct vmm_fork *fork, struct vmm_heap *heap)
{
	int r = prepare_heap(heap, __builtin_frame_address(0));

	if (r == 0 && wants_copy())
		r = make_clone(fork, heap);
	if (r < 0)
		return r;
	vmm_forks_thread.under_way = fork;
	if (wants_copy())
		vmm_forks.copying = fork;
	return 0;
}

int vmm_fork_begin(struct vmm_fork *fork)
{
	int r;

	*fork = (struct vmm_fork){ .outer = vmm_forks_thread.under_way };
	if (!vmm.has_pool)
		return 0;
	if (wants_copy())
		pthread_mutex_lock(&vmm_forks.one_fork);
	r = vmm_lock_take(&vmm.heap.lock) < 0 ? -EAGAIN : begin_locked(fork, &vmm.heap);
	vmm_lock_release(&vmm.heap.lock);
	if (r < 0 && wants_copy())
		pthread_mutex_unlock(&vmm_forks.one_fork);
	return r;
}

/* --- after it, in the parent --- */

static void count_fork(struct vmm_heap *heap, int64_t change)
{
	__atomic_add_fetch(&heap->pool.header->forks, (uint64_t)change, __ATOMIC_RELAXED);
}

/* What was made for the child is the child's now, or of no use. */
static void drop_copies(struct vmm_fork *fork, const struct vmm_heap *heap)
{
	if (fork->memory)
		(void)kernel_munmap(fork->memory, heap_bytes(&heap->pool));
	fork->memory = NULL;
	drop_clone(fork);
}

/* The child has ended already, or will at once. */
static void undo(pid_t pid)
{
	while (kernel_waitpid(pid, NULL, 0) == -EINTR)
		;
}

static void end_locked(struct vmm_fork *fork, pid_t pid)
{
	if (pid < 0 && fork->counted)
		count_fork(&vmm.heap, -1);  /* glibc's handlers ran, but there was no fork */
	drop_copies(fork, &vmm.heap);
	vmm_forks_thread.under_way = fork->outer;
	if (wants_copy())
		vmm_forks.copying = vmm_forks_thread.under_way;
}

pid_t vmm_fork_end(struct vmm_fork *fork, pid_t pid)
{
	if (!vmm.has_pool)
		return pid;
	(void)vmm_lock_take(&vmm.heap.lock);
	end_locked(fork, pid);
	vmm_lock_release(&vmm.heap.lock);
	if (pid == 0)
		return 0;
	if (wants_copy())
		pthread_mutex_unlock(&vmm_forks.one_fork);
	if (!fork->doomed || pid < 0)
		return pid;
	undo(pid);
	return -ENOMEM;
}

/* --- after it, in the child --- */

/* The child's heap is no longer on the file: its descriptor is of no use, and may not keep the file's space. */
static void take_memory(struct vmm_fork *fork, struct vmm_pool *pool)
{
	if (!fork->memory || vmm_remap_move(fork->memory, heap_bytes(pool), heap_start(pool)) < 0)
		vmm_report_fatal("fork: no memory for the child's heap");
	fork->memory = NULL;
	/* nothing of the file may stay mapped; its header has been copied */
	(void)kernel_mmap(pool->base, pool->grain, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
			  -1, 0);
	if (!fork->shares_descriptors && !kernel_is_confined() && vmm_pool_has_fd(pool))
		(void)kernel_close(pool->fd);
	pool->fd = -1;
}

/* The parent's header goes on showing the parent's figures: the child continues with a copy, which nobody else sees. */
static void take_header(struct vmm_pool *pool)
{
	struct pool_header *header = &vmm_forks.header;

	*header = *pool->header;
	header->owner_pid = kernel_is_confined() ? 0 : (uint32_t)kernel_getpid();
	header->mode = POOL_HEADER_PRIVATE;
	header->private_bytes = heap_bytes(pool);
	header->forks = 0;
	pool->header = header;
}

/*
 * Copies for children of other forks are not for us: of forks that this one happened within, which go on in this
 * process too, and of other threads, which are not in it.
 */
static void drop_other_clones(const struct vmm_fork *fork)
{
	/* a page that is not written to need not be copied for the child */
	if (!wants_copy())
		return;
	vmm_forks.one_fork = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	for (struct vmm_fork *other = vmm_forks.copying; other; other = other->outer) {
		if (other == fork)
			continue;
		if (fork->shares_descriptors)
			other->clone.fd = -1;
		drop_clone(other);
	}
	vmm_forks.copying = vmm_forks_thread.under_way;
}

/* Whether the heap is on the copy now that was made for this child. */
static bool move_to_clone(struct vmm_fork *fork, struct vmm_heap *heap)
{
	if (!fork->has_clone)
		return false;
	/* it is filled from what nobody can write to; else there is a copy in memory, which is as good */
	if (fork->memory || vmm_comeback_on_heap_stack(heap)) {
		drop_clone(fork);
		return false;
	}
	fork->has_clone = false;
	return vmm_comeback_move(heap, &fork->clone, fork->clone_is_full) == 0;
}

static void in_child_locked(struct vmm_fork *fork, struct vmm_heap *heap)
{
	bool on_file = heap->pool.mapping.is_private && !heap->pool.mapping.in_parts;

	vmm_trace_after_fork(fork->shares_descriptors);
	if (fork->doomed)
		kernel_exit(127);
	vmm_mapping_forget_shadow(&heap->pool);
	drop_other_clones(fork);
	if (vmm.config.fork == CONFIG_FORK_NONE) {
		vmm_comeback_start();
		return;
	}
	if (move_to_clone(fork, heap)) {
		TRACE(2, "child of %d, on a copy of its pool", (int)kernel_getppid());
		return;
	}
	take_header(&heap->pool);
	if (!on_file)
		take_memory(fork, &heap->pool);
	vmm_comeback_child(heap, on_file, fork->shares_descriptors);
	TRACE(2, "child of %d", (int)kernel_getppid());
}

/* --- the handlers --- */

static void prepare(void)
{
	int cancel;

	vmm_seam_before_fork();
	if (!vmm.has_pool)
		return;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	vmm_forks_thread.refused = vmm_lock_take(&vmm.heap.lock) < 0;
	if (vmm_forks_thread.refused) {
		vmm_lock_release(&vmm.heap.lock);
		(void)pthread_setcancelstate(cancel, NULL);
		return;
	}
	vmm_forks.handled = vmm_forks_thread.under_way;
	if (!vmm_forks.handled) {
		vmm_forks.handled = &vmm_forks.unannounced;
		vmm_forks.unannounced = (struct vmm_fork){ 0 };
	}
	vmm_forks.handled->cancel = cancel;
	prepare_locked(vmm_forks.handled, &vmm.heap, __builtin_frame_address(0));
}

static void in_parent(void)
{
	if (vmm.has_pool && !vmm_forks_thread.refused) {
		int cancel = vmm_forks.handled->cancel;

		drop_copies(vmm_forks.handled, &vmm.heap);
		count_fork(&vmm.heap, 1);
		vmm_forks.handled->counted = true;
		vmm_waiters_look_again(&vmm.heap.pool);
		vmm_lock_release(&vmm.heap.lock);
		(void)pthread_setcancelstate(cancel, NULL);
	}
	vmm_seam_after_fork(false);
}

static void in_child(void)
{
	if (vmm_forks_thread.refused)
		kernel_exit(127);
	if (vmm.has_pool) {
		int cancel = vmm_forks.handled->cancel;

		in_child_locked(vmm_forks.handled, &vmm.heap);
		vmm_lock_release_in_child(&vmm.heap.lock);
		(void)pthread_setcancelstate(cancel, NULL);
	}
	vmm_seam_after_fork(true);
}

void vmm_fork_register(void)
{
	vmm_forks.one_fork = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	(void)pthread_atfork(prepare, in_parent, in_child);
}

/* --- around calls that run no handlers --- */

int vmm_fork_before_raw(struct vmm_fork *fork, const void *stack, bool shares_descriptors)
{
	int r;

	*fork = (struct vmm_fork){ .shares_descriptors = shares_descriptors };
	if (!vmm.has_pool)
		return 0;
	if (!stack)
		stack = __builtin_frame_address(0);
	r = vmm_lock_take(&vmm.heap.lock) < 0 ? -EAGAIN : prepare_heap(&vmm.heap, stack);
	if (r == 0) {
		freeze_or_copy(fork, &vmm.heap, stack);
		r = fork->doomed ? -ENOMEM : 0;
	}
	if (r < 0)
		vmm_lock_release(&vmm.heap.lock);
	return r;
}

void vmm_fork_after_raw(struct vmm_fork *fork, pid_t pid)
{
	if (!vmm.has_pool)
		return;
	if (pid == 0) {
		in_child_locked(fork, &vmm.heap);
		vmm_lock_release_in_child(&vmm.heap.lock);
		return;
	}
	drop_copies(fork, &vmm.heap);
	if (pid > 0)
		count_fork(&vmm.heap, 1);
	vmm_waiters_look_again(&vmm.heap.pool);
	vmm_lock_release(&vmm.heap.lock);
}
