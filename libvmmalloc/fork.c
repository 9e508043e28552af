/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fork -- see fork.h.
 *
 * Before the fork the heap is mapped again, MAP_PRIVATE, over itself. The kernel does that in one step for all
 * threads: the file is frozen from then on, and what either process writes later is copied like any memory. The
 * header's page stays shared, and stays the parent's; the child gets a page of its own.
 *
 * Where the heap cannot be mapped privately (the descriptor is gone, or the pages are huge ones of which there may be
 * none left to copy to) the child gets a copy of what is in use, in ordinary memory, and the parent stays where it is.
 */
#include "libvmmalloc/fork.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libvmmalloc/context.h"
#include "libvmmalloc/report.h"
#include "libvmmalloc/trace.h"

/* Between prepare and the handlers after the fork: the copy for the child, laid out as the heap is; else NULL. */
static char *copy;

static void set_mode(struct pool_header *header, uint64_t mode)
{
	__atomic_store_n(&header->mode, mode, __ATOMIC_RELAXED);
}

static char *heap_start(const struct vmm_pool *pool)
{
	return pool->base + pool->grain;
}

static size_t heap_bytes(const struct vmm_pool *pool)
{
	return pool->size - pool->grain;
}

static bool freeze(struct vmm_pool *pool)
{
	if (pool->grain != POOL_PAGE || !vmm_pool_has_fd(pool))
		return false;
	if (mmap(heap_start(pool), heap_bytes(pool), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
		 pool->fd, (off_t)pool->grain) == MAP_FAILED)
		return false;
	set_mode(pool->header, POOL_HEADER_PRIVATE);
	TRACE(2, "the heap is private from now on");
	return true;
}

static void copy_stretch(void *unused, char *start, size_t bytes)
{
	(void)unused;
	memcpy(copy + (start - heap_start(&vmm.heap.pool)), start, bytes);
}

static void make_copy(struct vmm_heap *heap)
{
	copy = mmap(NULL, heap_bytes(&heap->pool), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (copy == MAP_FAILED)
		copy = NULL;
	else
		vmm_heap_each_used(heap, copy_stretch, NULL);
}

static void prepare(void)
{
	struct vmm_heap *heap = &vmm.heap;

	if (!vmm.has_pool)
		return;
	pthread_mutex_lock(&heap->lock);
	if (heap->pool.header->mode == POOL_HEADER_SHARED && !freeze(&heap->pool))
		make_copy(heap);
}

static void in_parent(void)
{
	struct vmm_heap *heap = &vmm.heap;

	if (!vmm.has_pool)
		return;
	if (copy)
		(void)munmap(copy, heap_bytes(&heap->pool));
	copy = NULL;
	heap->pool.header->forks++;
	pthread_mutex_unlock(&heap->lock);
}

/* The child's heap is no longer on the file: neither is its descriptor of any use, nor may it keep the file's space. */
static void take_copy(struct vmm_pool *pool)
{
	if (!copy || mremap(copy, heap_bytes(pool), heap_bytes(pool), MREMAP_MAYMOVE | MREMAP_FIXED,
			    heap_start(pool)) == MAP_FAILED)
		vmm_report_fatal("fork: no memory for the child's heap");
	copy = NULL;
	if (vmm_pool_has_fd(pool))
		(void)close(pool->fd);
	pool->fd = -1;
}

/* The parent's header goes on showing the parent's figures: the child continues with a copy of its own. */
static void in_child(void)
{
	struct vmm_pool *pool = &vmm.heap.pool;
	struct pool_header header;

	if (!vmm.has_pool)
		return;
	header = *pool->header;
	if (header.mode == POOL_HEADER_SHARED)
		take_copy(pool);
	if (mmap(pool->base, pool->grain, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	    MAP_FAILED)
		vmm_report_fatal("fork: no memory for the child's pool header");
	*pool->header = header;
	pool->header->owner_pid = (uint32_t)getpid();
	pool->header->mode = POOL_HEADER_PRIVATE;
	pool->header->forks = 0;
	vmm_trace_after_fork();
	TRACE(2, "child of %d", (int)getppid());
	pthread_mutex_unlock(&vmm.heap.lock);
}

void vmm_fork_register(void)
{
	(void)pthread_atfork(prepare, in_parent, in_child);
}
