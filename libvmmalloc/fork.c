/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fork -- see fork.h.
 *
 * Before the fork the heap is mapped again, MAP_PRIVATE, over itself. The kernel does that in one step for all
 * threads: the file is frozen from then on, and what either process writes later is copied like any memory. The
 * header's page stays shared, and stays the parent's; the child gets a page of its own.
 */
#include "libvmmalloc/fork.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libvmmalloc/context.h"
#include "libvmmalloc/report.h"
#include "libvmmalloc/trace.h"

static void set_mode(struct pool_header *header, uint64_t mode)
{
	__atomic_store_n(&header->mode, mode, __ATOMIC_RELAXED);
}

static void freeze(struct vmm_heap *heap)
{
	struct vmm_pool *pool = &heap->pool;

	if (pool->header->mode == POOL_HEADER_PRIVATE)
		return;
	if (mmap(pool->base + pool->grain, pool->size - pool->grain, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, pool->fd, (off_t)pool->grain) == MAP_FAILED)
		vmm_report_fatal("fork: the pool cannot be mapped privately");
	set_mode(pool->header, POOL_HEADER_PRIVATE);
	TRACE(2, "the heap is private from now on");
}

static void prepare(void)
{
	if (!vmm.has_pool)
		return;
	pthread_mutex_lock(&vmm.heap.lock);
	freeze(&vmm.heap);
	vmm.heap.pool.header->forks++;
}

static void in_parent(void)
{
	if (vmm.has_pool)
		pthread_mutex_unlock(&vmm.heap.lock);
}

/* The parent's header goes on showing the parent's figures: the child continues with a copy. */
static void in_child(void)
{
	struct vmm_pool *pool = &vmm.heap.pool;
	struct pool_header copy;

	if (!vmm.has_pool)
		return;
	copy = *pool->header;
	if (mmap(pool->base, pool->grain, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	    MAP_FAILED)
		vmm_report_fatal("fork: no memory for the child's pool header");
	*pool->header = copy;
	pool->header->owner_pid = (uint32_t)getpid();
	pool->header->forks = 0;
	vmm_trace_after_fork();
	TRACE(2, "child of %d", (int)getppid());
	pthread_mutex_unlock(&vmm.heap.lock);
}

void vmm_fork_register(void)
{
	(void)pthread_atfork(prepare, in_parent, in_child);
}
