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

#include "libvmmalloc/heap/walk.h"
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

static void copy_to_memory(void *memory, char *start, size_t bytes)
{
	memcpy((char *)memory + (start - vmm_pool_heap_start(&vmm.heap.pool)), start, bytes);
}

/* What is in use, in ordinary memory. NULL: it cannot be had, or would be of no use to a child on that stack. */
static char *heap_in_memory(struct vmm_heap *heap, const void *stack)
{
	char *memory;

	if (vmm_pool_contains(&heap->pool, stack))
		return NULL;
	memory = vmm_remap_memory(vmm_pool_heap_bytes(&heap->pool));
	if (memory)
		vmm_walk_used(heap, copy_to_memory, memory);
	return memory;
}

static void drop_copy(struct vmm_fork *fork)
{
	if (fork->has_copy)
		vmm_pool_drop(&fork->copy);
	fork->has_copy = false;
}

static int freeze_heap(struct vmm_heap *heap)
{
	int r = vmm_heap_freeze(heap);

	TRACE(r < 0 ? 1 : 2, "the heap becomes private: %s", r < 0 ? strerrordesc_np(-r) : "done");
	if (r == 0)
		vmm_comeback_frozen(heap);
	return r;
}

/* At the very moment of the fork: makes what the child needs, and says what that is. */
static enum vmm_fork_heap heap_for_child(struct vmm_fork *fork, struct vmm_heap *heap, const void *stack)
{
	if (vmm.config.fork == CONFIG_FORK_NONE)
		return FORK_HEAP_SHARED;
	/* where nobody can write while we copy, the parent does it, and stays on its pool */
	if (fork->has_copy && __libc_single_threaded) {
		if (vmm_copy_fill(heap, &fork->copy) == 0)
			return FORK_HEAP_COPIED;
		drop_copy(fork);
		if (vmm.config.fork == CONFIG_FORK_COPY)
			return FORK_HEAP_DOOMED;
	}
	if (freeze_heap(heap) == 0)
		return fork->has_copy ? FORK_HEAP_TO_COPY : FORK_HEAP_FROZEN;
	drop_copy(fork);
	fork->memory = heap_in_memory(heap, stack);
	return fork->memory ? FORK_HEAP_IN_MEMORY : FORK_HEAP_DOOMED;
}

/*
 * The figures that the child begins with. They are noted before the fork: their page stays shared, and the parent goes
 * on counting there while the child begins. What handlers of others take and give until then, in the parent and in the
 * child, is counted in both places.
 */
static void note_header(struct vmm_heap *heap)
{
	if (heap->pool.header == &vmm_forks.page.header)
		return;
	vmm_forks.page = *(const struct pool_page *)heap->pool.header;
	heap->child_page = &vmm_forks.page;
}

static int make_copy(struct vmm_fork *fork, struct vmm_heap *heap)
{
	int r = vmm_copy_make(heap, &vmm.config, &fork->copy);

	TRACE(r < 0 ? 1 : 2, "a copy for the child: %s", r < 0 ? strerrordesc_np(-r) : "made");
	fork->has_copy = r == 0;
	return r < 0 && vmm.config.fork == CONFIG_FORK_COPY ? -ENOMEM : 0;
}

/* Another thread may have grown the heap since vmm_fork_begin: then the copy is made again. */
static bool is_copy_good(struct vmm_fork *fork, struct vmm_heap *heap)
{
	if (!fork->has_copy || vmm_copy_fits(heap, &fork->copy))
		return true;
	drop_copy(fork);
	return make_copy(fork, heap) == 0;
}

/* The child begins on a stack like `stack`. If that lies in the heap, the heap cannot be exchanged under its feet. */
static void prepare_locked(struct vmm_fork *fork, struct vmm_heap *heap, const void *stack)
{
	if (vmm_pool_contains(&heap->pool, stack))
		drop_copy(fork);
	fork->heap = is_copy_good(fork, heap) ? heap_for_child(fork, heap, stack) : FORK_HEAP_DOOMED;
	if (fork->heap != FORK_HEAP_DOOMED)
		note_header(heap);
}

/*
 * Whether there may be a fork: 0 or -ENOMEM. Where there are threads the heap is frozen here, and not first in our
 * handler: glibc writes to the heap in the child before our handler there runs, so nothing but a frozen heap will do,
 * and a handler could not refuse. Where there are none, a copy in ordinary memory would do, too.
 */
static int check_heap(struct vmm_heap *heap, const void *stack)
{
	if (vmm.config.fork == CONFIG_FORK_NONE)
		return 0;
	if (!__libc_single_threaded)
		return freeze_heap(heap) < 0 ? -ENOMEM : 0;
	if (!heap->pool.is_huge && vmm_pool_has_fd(&heap->pool))
		return 0;
	return vmm_pool_contains(&heap->pool, stack) ? -ENOMEM : 0;
}

static int begin_locked(struct vmm_fork *fork, struct vmm_heap *heap)
{
	int r = check_heap(heap, __builtin_frame_address(0));

	if (r == 0 && fork->is_alone)
		r = make_copy(fork, heap);
	if (r < 0)
		return r;
	vmm_forks_thread.under_way = fork;
	if (fork->is_alone)
		vmm_forks.copying = fork;
	vmm_comeback_hold();
	return 0;
}

int vmm_fork_begin(struct vmm_fork *fork)
{
	int r;

	*fork = (struct vmm_fork){ .outer = vmm_forks_thread.under_way, .is_alone = vmm.has_pool && wants_copy() };
	if (!vmm.has_pool)
		return 0;
	if (fork->is_alone)
		(void)vmm_owner_take(&vmm_forks.alone);
	r = vmm_lock_take(&vmm.heap.lock) < 0 ? -EAGAIN : begin_locked(fork, &vmm.heap);
	vmm_lock_release(&vmm.heap.lock);
	if (r < 0 && fork->is_alone)
		vmm_owner_release(&vmm_forks.alone);
	return r;
}

/* --- after it, in the parent --- */

static void count_fork(struct vmm_heap *heap, int64_t change)
{
	__atomic_add_fetch(&heap->pool.header->forks, (uint64_t)change, __ATOMIC_RELAXED);
}

/* What was made for the child is the child's now, or of no use any more. */
static void drop_copies(struct vmm_fork *fork, const struct vmm_heap *heap)
{
	if (fork->memory)
		(void)kernel_munmap(fork->memory, vmm_pool_heap_bytes(&heap->pool));
	fork->memory = NULL;
	drop_copy(fork);
}

static void in_parent_locked(struct vmm_fork *fork, struct vmm_heap *heap, bool forked)
{
	heap->child_page = NULL;
	drop_copies(fork, heap);
	if (forked)
		count_fork(heap, 1);
	fork->is_counted = forked;
	vmm_waiters_look_again(&heap->pool);
}

/* The child has ended already, or will at once. */
static void undo(pid_t pid)
{
	while (kernel_waitpid(pid, NULL, 0) == -EINTR)
		;
}

static void end_locked(struct vmm_fork *fork, struct vmm_heap *heap, pid_t pid)
{
	if (pid < 0 && fork->is_counted)
		count_fork(heap, -1);  /* glibc's handlers ran, but there was no fork */
	drop_copies(fork, heap);
	vmm_comeback_let_go();
	vmm_forks_thread.under_way = fork->outer;
	if (fork->is_alone)
		vmm_forks.copying = fork->outer;
}

pid_t vmm_fork_end(struct vmm_fork *fork, pid_t pid)
{
	if (!vmm.has_pool)
		return pid;
	(void)vmm_lock_take(&vmm.heap.lock);
	end_locked(fork, &vmm.heap, pid);
	vmm_lock_release(&vmm.heap.lock);
	if (pid == 0)
		return 0;
	if (fork->is_alone)
		vmm_owner_release(&vmm_forks.alone);
	if (fork->heap != FORK_HEAP_DOOMED || pid < 0)
		return pid;
	undo(pid);
	return -ENOMEM;
}

/* --- after it, in the child --- */

/*
 * The copy in ordinary memory takes the place of the heap. The descriptor of the file is of no use to the child then,
 * and is closed, so that it does not keep the file's space.
 */
static void take_memory(struct vmm_fork *fork, struct vmm_pool *pool)
{
	int r = vmm_remap_move(fork->memory, vmm_pool_heap_bytes(pool), vmm_pool_heap_start(pool));

	if (r < 0)
		vmm_report_fatal("fork: no memory for the child's heap");
	fork->memory = NULL;
	/* nothing of the file may stay mapped; its header has been copied */
	(void)kernel_mmap(pool->base, pool->grain, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
			  -1, 0);
	vmm_pool_leave_files(pool, !fork->shares_descriptors);
}

/* The header in the file goes on showing the parent's figures. The child counts in one of its own: note_header's. */
static void take_header(struct vmm_pool *pool)
{
	struct pool_header *header = &vmm_forks.page.header;

	header->owner_pid = kernel_is_confined() ? 0 : (uint32_t)kernel_getpid();
	header->mode = POOL_HEADER_PRIVATE;
	header->private_bytes = vmm_pool_heap_bytes(pool);
	header->forks = 0;
	pool->header = header;
}

/* The child goes on with the heap that it sees: private on the parent's file, or put in its place. */
static void take_heap(struct vmm_fork *fork, struct vmm_heap *heap)
{
	bool on_file = fork->heap != FORK_HEAP_IN_MEMORY;

	if (!on_file)
		take_memory(fork, &heap->pool);
	vmm_comeback_child(heap, on_file, fork->shares_descriptors);
}

/*
 * The child has inherited the copies that were made for children of other forks: of forks within which this one
 * happened, and which go on in this process, too; and of other threads, which are not in it.
 */
static void drop_other_copies(const struct vmm_fork *fork)
{
	/* the kernel need not copy a page for the child to which the child does not write */
	if (!wants_copy())
		return;
	vmm_forks.alone = (struct vmm_owner){ 0 };
	for (struct vmm_fork *other = vmm_forks.copying; other; other = other->outer) {
		if (other == fork)
			continue;
		for (size_t i = 0; fork->shares_descriptors && other->has_copy && i < other->copy.files; i++)
			vmm_pool_file(&other->copy, i)->fd = -1;
		drop_copy(other);
	}
	vmm_forks.copying = vmm_forks_thread.under_way;
}

/* Whether the heap is on the copy now that was made for this child. */
static bool move_to_copy(struct vmm_fork *fork, struct vmm_heap *heap)
{
	bool is_full = fork->heap == FORK_HEAP_COPIED;

	if (!is_full && fork->heap != FORK_HEAP_TO_COPY)
		return false;
	fork->has_copy = false;
	if (vmm_comeback_move(heap, &fork->copy, is_full) == 0)
		return true;
	/* what the child sees is still the parent's, unless the child was to fill the copy */
	if (is_full)
		vmm_report_fatal("fork: no memory for the child's heap");
	return false;
}

static void in_child_locked(struct vmm_fork *fork, struct vmm_heap *heap)
{
	if (fork->heap == FORK_HEAP_DOOMED)
		kernel_exit(127);
	heap->child_page = NULL;
	vmm_mapping_forget_shadow(&heap->pool);
	drop_other_copies(fork);
	/* its parent has the same descriptors, or the same heap: no file is taken or left here */
	if (fork->shares_descriptors || fork->heap == FORK_HEAP_SHARED)
		vmm.grow = NULL;
	if (fork->heap == FORK_HEAP_SHARED) {
		vmm_heap_release_never(heap);
		vmm_comeback_start();
		return;
	}
	take_header(&heap->pool);
	if (move_to_copy(fork, heap)) {
		TRACE(2, "child of %d, on a copy of its pool", (int)kernel_getppid());
		return;
	}
	take_heap(fork, heap);
	TRACE(2, "child of %d", (int)kernel_getppid());
}

/* --- the handlers --- */

/*
 * A thread may fork while it has the heap's lock: in the handler of a fault inside the heap's own code, or in a fork's
 * handler that runs between ours, of a library that registered before us. vmm_fork_begin refuses that, but libc's fork
 * is not always called through our wrapper. Then the lock counts that it was taken once more until the fork is over,
 * which tells the other handlers that there is nothing for them to do.
 */
static bool refuse_fork(void)
{
	if (vmm_lock_take(&vmm.heap.lock) < 0)
		return true;
	vmm_lock_release(&vmm.heap.lock);
	return false;
}

static bool is_fork_refused(void)
{
	return vmm.has_pool && vmm_lock_is_nested(&vmm.heap.lock);
}

/*
 * A fork without a call of vmm_fork_begin, or another one behind the same call: a library's wrapper behind ours may
 * fork twice. vmm_fork_end takes the child of the last one for its own, and undoes it if the first was doomed. So that
 * one is doomed, too.
 */
static struct vmm_fork *unannounced_fork(const struct vmm_fork *under_way)
{
	bool is_doomed = under_way && under_way->heap == FORK_HEAP_DOOMED;

	vmm_forks.unannounced = (struct vmm_fork){ .heap = is_doomed ? FORK_HEAP_DOOMED : FORK_HEAP_UNDECIDED };
	return &vmm_forks.unannounced;
}

/*
 * Handlers of libraries that registered before us run between ours, while this thread has the heap's lock. They may
 * call cancellation points, and a thread that was ended there would keep the lock. So it is not cancelled until then.
 */
static void prepare(void)
{
	struct vmm_fork *fork = vmm_forks_thread.under_way;
	bool is_announced = fork && !fork->is_handled;

	if (vmm.has_pool && !is_announced && refuse_fork())
		return;
	vmm_seam_before_fork();
	if (!vmm.has_pool)
		return;
	(void)vmm_lock_take(&vmm.heap.lock);
	if (!is_announced)
		fork = unannounced_fork(fork);
	fork->is_handled = true;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &fork->cancel);
	if (fork->heap != FORK_HEAP_DOOMED)
		prepare_locked(fork, &vmm.heap, __builtin_frame_address(0));
	vmm_forks.handled = fork;
}

static void in_parent(void)
{
	if (is_fork_refused()) {
		vmm_lock_release(&vmm.heap.lock);
		return;
	}
	if (vmm.has_pool) {
		int cancel = vmm_forks.handled->cancel;

		in_parent_locked(vmm_forks.handled, &vmm.heap, true);
		vmm_lock_release(&vmm.heap.lock);
		(void)pthread_setcancelstate(cancel, NULL);
	}
	vmm_seam_after_fork(false);
}

static void in_child(void)
{
	if (is_fork_refused())
		kernel_exit(127);
	vmm_trace_after_fork(false);
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
	r = vmm_lock_take(&vmm.heap.lock) < 0 ? -EAGAIN : check_heap(&vmm.heap, stack);
	if (r == 0) {
		prepare_locked(fork, &vmm.heap, stack);
		r = fork->heap == FORK_HEAP_DOOMED ? -ENOMEM : 0;
	}
	if (r < 0)
		vmm_lock_release(&vmm.heap.lock);
	return r;
}

void vmm_fork_after_raw(struct vmm_fork *fork, pid_t pid)
{
	if (pid == 0)
		vmm_trace_after_fork(fork->shares_descriptors);
	if (!vmm.has_pool)
		return;
	if (pid == 0) {
		in_child_locked(fork, &vmm.heap);
		vmm_lock_release_in_child(&vmm.heap.lock);
		return;
	}
	in_parent_locked(fork, &vmm.heap, pid > 0);
	vmm_lock_release(&vmm.heap.lock);
}
