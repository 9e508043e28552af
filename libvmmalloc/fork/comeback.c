/* SPDX-License-Identifier: BSD-3-Clause */
/* comeback -- see comeback.h. doc/fork.md has the reasons. */
#include "libvmmalloc/fork/comeback.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "libvmmalloc/base/clock.h"
#include "libvmmalloc/fork/copy.h"
#include "libvmmalloc/context/context.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/heap/mapping.h"
#include "libvmmalloc/fork/marker.h"
#include "libvmmalloc/fork/thaw.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/heap/waiters.h"

/* After an attempt there is a pause: 256 times as long as it took, but no more than a second and 16 times as long. */
#define RETURN_SHARE 256
#define RETURN_PAUSE_NS 1000000000u
#define RETURN_SHARE_LONG 16

/* Between the steps of one return: so many times as long as the last took, but no more than that. */
#define STEP_SHARE 8
#define STEP_PAUSE_NS 100000000u

#define HOLD_NS 1000000000u                    /* longer than a fork takes to get from our wrapper to our handlers */
#define SETTLE_AGE_NS 100000000u               /* a child that has lived this long gets a pool of its own, */
#define MOVE_AGE_NS 1000000000u                /* and a parent whose children have lived this long gets another, */
#define SETTLE_MOST ((size_t)16 << 20)         /* if no more than this is in use */

static bool return_in_passing(void);

/* From now on slow paths ask whether the heap may return, or no more. */
static void set_away(bool away)
{
	__atomic_store_n(&vmm.come_back, away ? return_in_passing : NULL, __ATOMIC_RELAXED);
}

static bool is_away(void)
{
	return __atomic_load_n(&vmm.come_back, __ATOMIC_RELAXED) != NULL;
}

static void show_mode(struct vmm_heap *heap, uint64_t mode)
{
	struct pool_header *header = heap->pool.header;

	__atomic_store_n(&header->private_bytes, vmm_mapping_private_bytes(&heap->pool), __ATOMIC_RELAXED);
	__atomic_store_n(&header->mode, mode, __ATOMIC_RELAXED);
}

/* The kernel counts threads that the C library does not know of, too. Where there is no /proc nothing is certain. */
static bool has_one_thread(void)
{
	struct stat st;

	return kernel_stat("/proc/self/task", &st) == 0 && st.st_nlink == 3;
}

/* A process that is confined does not return, and needs no name. */
static struct vmm_comeback_process this_process(void)
{
	struct vmm_comeback_process process = { 0 };
	struct stat st;

	if (kernel_is_confined())
		return process;
	process.pid = kernel_getpid();
	if (kernel_stat("/proc/self/ns/pid", &st) == 0)
		process.pid_namespace = st.st_ino;
	return process;
}

bool vmm_comeback_is_same_process(void)
{
	struct vmm_comeback_process process = this_process();

	return process.pid == vmm_comeback.owner.pid && process.pid_namespace == vmm_comeback.owner.pid_namespace;
}

/* Whether this process is the owner of its memory. False if that cannot be proved. */
static bool is_owner(void)
{
	return vmm_comeback_is_same_process() && vmm_comeback.owner.pid_namespace;
}

/* The heap cannot be exchanged under our feet. */
static bool is_on_heap_stack(const struct vmm_heap *heap)
{
	return vmm_pool_contains(&heap->pool, __builtin_frame_address(0));
}

void vmm_comeback_start(void)
{
	vmm_comeback.owner = this_process();
	vmm_comeback.shared = false;
	vmm_comeback.held_ns = 0;
}

/* A child of CLONE_VFORK does not run beside its parent. */
void vmm_comeback_cloned(uint64_t flags)
{
	if ((flags & CLONE_VM) && !(flags & (CLONE_THREAD | CLONE_VFORK)))
		__atomic_store_n(&vmm_comeback.shared, true, __ATOMIC_RELAXED);
}

/* Whether other processes have this memory. The kernel can unshare no memory: it says 0 only if nobody shares it. */
static bool has_sharers(void)
{
	if (vmm_comeback.shared && kernel_unshare(CLONE_VM) == 0)
		vmm_comeback.shared = false;
	return vmm_comeback.shared;
}

/* How long nothing is tried after a return that took so long. */
static uint64_t pause_after(uint64_t took_ns)
{
	uint64_t usual = RETURN_SHARE * took_ns, most = RETURN_PAUSE_NS + RETURN_SHARE_LONG * took_ns;

	return usual < most ? usual : most;
}

static void set_pause(uint64_t ns)
{
	__atomic_store_n(&vmm_comeback.return_ns, clock_now_ns() + ns, __ATOMIC_RELAXED);
}

/* The next return is to begin at the beginning. */
static void forget_return(void)
{
	vmm_comeback.spent_ns = 0;
	vmm_comeback.free_is_back = false;
	vmm_comeback.free_offset = 0;
}

/* What a return has got back so far is private again: one who forks all the time shall not begin anew all the time. */
static void interrupt_return(void)
{
	if (vmm_comeback.spent_ns > 0)
		set_pause(pause_after(vmm_comeback.spent_ns));
	forget_return();
}

void vmm_comeback_frozen(struct vmm_heap *heap)
{
	if (heap->pool.header->mode != POOL_HEADER_PRIVATE || vmm_comeback.spent_ns > 0)
		vmm_comeback.frozen_ns = clock_now_ns();
	interrupt_return();
	show_mode(heap, POOL_HEADER_PRIVATE);
	/* children of a child have the marker of the child's parent: they need that one's file, too */
	if (!vmm_comeback.is_child && vmm.config.fork != CONFIG_FORK_PRIVATE) {
		/* in a vforked child this makes a descriptor that its parent, which shares the memory, has not */
		vmm_comeback.unmarked |= vmm_marker_plant(&vmm_comeback.marker) < 0;
		set_away(!vmm_comeback.unmarked);
	}
	if (!is_away())
		vmm_mapping_drop_shadow(&heap->pool);
}

void vmm_comeback_hold(void)
{
	vmm_comeback.held_ns = clock_now_ns() + HOLD_NS;
}

/* Where several threads fork, the first to end lets go for all. The others may have to freeze what returns, as ever. */
void vmm_comeback_let_go(void)
{
	vmm_comeback.held_ns = 0;
}

void vmm_comeback_child(struct vmm_heap *heap, bool on_file, bool shares_descriptors)
{
	vmm_comeback_start();
	if (shares_descriptors)
		vmm_comeback.marker.fd = 0;
	vmm_marker_forget(&vmm_comeback.marker);
	vmm_comeback.is_child = true;
	vmm_comeback.return_ns = clock_now_ns() + SETTLE_AGE_NS;
	set_away(on_file && !shares_descriptors && vmm.config.fork == CONFIG_FORK_AUTO &&
		 heap->pool.header->used_bytes <= SETTLE_MOST);
}

int vmm_comeback_move(struct vmm_heap *heap, struct vmm_pool *copy, bool is_full)
{
	bool all_reserved = copy->header->reserved_bytes == copy->size;
	int r = is_full ? 0 : vmm_copy_fill(heap, copy);

	if (r == 0) {
		copy->header->owner_pid = (uint32_t)kernel_getpid();
		vmm_outside_carry(heap->pool.header, copy->header);
		r = vmm_pool_replace(&heap->pool, copy);
	}
	if (r < 0) {
		vmm_pool_drop(copy);
		return r;
	}
	vmm_heap_forget_free(heap, all_reserved);
	/* the marker is for those who need the old file */
	vmm_marker_pull(&vmm_comeback.marker);
	vmm_marker_forget(&vmm_comeback.marker);
	vmm_comeback_start();
	vmm_comeback.is_child = vmm_comeback.unmarked = false;
	forget_return();
	set_away(false);
	return 0;
}

/* Moves the heap to a new pool of its own. The one that it leaves is for the others who need it. */
static int settle(struct vmm_heap *heap)
{
	struct pool_header header = *heap->pool.header;
	struct vmm_pool copy;
	int r;

	r = vmm_copy_make(heap, &vmm.config, &copy);
	if (r == 0)
		r = vmm_comeback_move(heap, &copy, false);
	if (r < 0)
		return r;
	heap->pool.header->peak_bytes = header.peak_bytes;
	heap->pool.header->failed_requests = header.failed_requests;
	heap->pool.header->reclaims = header.reclaims;
	heap->pool.header->forks = header.forks;
	show_mode(heap, POOL_HEADER_BACK);
	return 0;
}

static int settle_child(struct vmm_heap *heap)
{
	if (heap->pool.header->used_bytes <= SETTLE_MOST)
		return settle(heap);
	set_away(false);  /* it would cost more than it is worth */
	return -EFBIG;
}

/* Children that have kept the file for so long may do so for ever. */
static bool may_leave(const struct vmm_heap *heap)
{
	return heap->pool.header->used_bytes <= SETTLE_MOST && clock_now_ns() - vmm_comeback.frozen_ns >= MOVE_AGE_NS;
}

static bool has_children(void)
{
	vmm_marker_pull(&vmm_comeback.marker);
	return !vmm_marker_alone(&vmm_comeback.marker);
}

/* A process with one thread returns to its file; or, if its children stay and it is small, leaves for another. */
static int return_wholly(struct vmm_heap *heap)
{
	int r;

	if (has_children())
		return may_leave(heap) ? settle(heap) : -EBUSY;
	r = vmm_thaw(heap);
	if (r == 0)
		set_away(false);
	show_mode(heap, r == 0 ? POOL_HEADER_BACK : heap->pool.header->mode);
	return r;
}

/* In a process with threads only what is free returns. */
static int return_free(struct vmm_heap *heap)
{
	if (vmm_comeback.free_is_back)
		return -EALREADY;
	if (has_children())
		return -EBUSY;
	if (!vmm_pool_has_fd(&heap->pool))
		return -EBADF;
	vmm_comeback.free_is_back = vmm_heap_return_free(heap, &vmm_comeback.free_offset);
	show_mode(heap, vmm_comeback.free_is_back ? POOL_HEADER_RETURNING : POOL_HEADER_PRIVATE);
	return vmm_comeback.free_is_back ? 0 : -EINPROGRESS;
}

/* 0, or -errno if the heap stays where it is. */
static int come_back(struct vmm_heap *heap, bool one_thread)
{
	if (!is_owner())
		return -EBUSY;  /* a vforked child: its parent's threads may be writing */
	if (!one_thread)
		return vmm_comeback.is_child ? -EBUSY : return_free(heap);
	if (has_sharers() || is_on_heap_stack(heap))
		return -EBUSY;
	return vmm_comeback.is_child ? settle_child(heap) : return_wholly(heap);
}

/* Tries, and sets the pause that follows. `began` is now. As vmm_come_back. */
static bool try_locked(struct vmm_heap *heap, uint64_t began)
{
	bool one_thread = has_one_thread();
	uint64_t took;
	int r;

	vmm_waiters_look_again(&heap->pool);
	r = come_back(heap, one_thread);

	TRACE(r < 0 ? 3 : 2, "return to a pool: %s", r < 0 ? strerrordesc_np(-r) : "done");
	took = clock_now_ns() - began;
	vmm_comeback.spent_ns += took;
	if (r == -EINPROGRESS) {
		set_pause(STEP_SHARE * took < STEP_PAUSE_NS ? STEP_SHARE * took : STEP_PAUSE_NS);
	} else {
		set_pause(pause_after(vmm_comeback.spent_ns));
		vmm_comeback.spent_ns = 0;
	}
	return r == 0 && !one_thread;
}

/* What vmm.come_back is. */
static bool return_in_passing(void)
{
	struct vmm_heap *heap = &vmm.heap;
	int saved_errno = errno;
	uint64_t began = clock_now_ns();
	bool returning = false;

	if (began < __atomic_load_n(&vmm_comeback.return_ns, __ATOMIC_RELAXED))
		return false;
	/* the lock holds back signal handlers: one that wrote to the heap while it is copied would be like a thread */
	if (vmm_lock_try(&heap->lock)) {
		returning = is_away() && began >= vmm_comeback.held_ns && try_locked(heap, began);
		vmm_lock_release(&heap->lock);
	}
	errno = saved_errno;
	return returning;
}
