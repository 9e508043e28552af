/* SPDX-License-Identifier: BSD-3-Clause */
/* growth -- see growth.h. */
#include "libvmmalloc/start/growth.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "common/base/round.h"
#include "libvmmalloc/base/clock.h"
#include "libvmmalloc/base/kernel.h"
#include "libvmmalloc/base/trace.h"
#include "libvmmalloc/context/context.h"
#include "libvmmalloc/fork/comeback.h"
#include "libvmmalloc/heap/remap.h"
#include "libvmmalloc/start/handout_client.h"

#define ROOM_POOLS 64                    /* for so many pools like the first */
#define ROOM_SHARE 4                     /* where there is less room, so much less is tried */
#define RETRY_LEAST_NS 10000000u         /* where there was no pool to be had, this long none is asked for, */
#define RETRY_SHARE 16                   /* and so seldom that it takes no more than this part of the time */

static bool is_growing(void)
{
	return vmm.config.on_full == ENVIRONMENT_ON_FULL_GROW;
}

/*
 * Addresses count against RLIMIT_AS, and what a heap needs to know of them where the kernel commits strictly. There the
 * user says by VMMALLOC_MAX_SIZE how many to take.
 */
void vmm_growth_make_room(struct vmm_pool *pool)
{
	struct rlimit limit;
	bool is_limited;
	size_t room;

	if (!is_growing())
		return;
	is_limited = kernel_getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur != RLIM_INFINITY ||
		     vmm_remap_commits_strictly();
	room = vmm.config.most_bytes ? vmm.config.most_bytes : is_limited ? 0 : ROOM_POOLS * pool->size;
	for (; room > pool->size; room /= ROOM_SHARE)
		if (vmm_pool_make_room(pool, round_down(room, pool->grain)) == 0)
			return;
}

/* What the heap lacks is space in the file system, a moment ago. Another file that is not reserved has none either. */
static bool is_out_of_space(const struct vmm_heap *heap)
{
	return heap->retry_ns && clock_now_ns() < heap->retry_ns;
}

/* A pool of the daemon's, whatever its size. 0 or -errno. */
static int take_daemons(struct vmm_heap *heap)
{
	char message[256];
	struct text error = TEXT_INIT(message);
	bool is_cold;
	int fd, r = vmm_handout_ask(&vmm_growth.config, &fd, &is_cold, &error);

	TRACE(r < 0 ? 1 : 2, "another pool: %s", r < 0 ? error.data : "given");
	if (r == 0 && is_cold && is_out_of_space(heap)) {
		(void)kernel_close(fd);
		return -ENOSPC;
	}
	return r < 0 ? r : vmm_heap_grow_adopt(heap, fd, !is_cold);
}

/* A file more in the directory, for at least so many bytes. 0 or -errno. */
static int make_own(struct vmm_heap *heap, size_t bytes)
{
	const struct vmm_config *config = &vmm_growth.config;
	size_t left = heap->pool.room - heap->pool.size, steps = (bytes + config->pool_bytes - 1) / config->pool_bytes;
	size_t step = steps > left / config->pool_bytes ? left : steps * config->pool_bytes;
	int r = -ENOSPC;

	if (!is_out_of_space(heap) && !vmm_pool_lacks_space(&heap->pool, bytes))
		r = vmm_heap_grow(heap, config->pool_dir, step, config->reserve_all);
	TRACE(r < 0 ? 1 : 2, "another pool of %zu bytes: %s", step, r < 0 ? strerrordesc_np(-r) : "made");
	return r;
}

static int take_pool(struct vmm_heap *heap, size_t bytes)
{
	const struct vmm_config *config = &vmm_growth.config;
	int r = config->pool_class || config->socket ? take_daemons(heap) : -ENOENT;

	return r < 0 && config->pool_dir ? make_own(heap, bytes) : r;
}

/* Until there is room for so many bytes in one piece; else the heap is as it was. */
static bool grow_locked(struct vmm_heap *heap, size_t bytes)
{
	/* metadata lie in whole units, above the floor */
	size_t files = heap->pool.files, before = heap->pool.size, needed = bytes + heap->floor + heap->pool.unit;
	uint64_t began = clock_now_ns();

	/* nobody was asked, and so the next request need not wait */
	if (needed > heap->pool.room - before)
		return false;
	while (heap->pool.size - before < needed) {
		if (take_pool(heap, needed - (heap->pool.size - before)) == 0)
			continue;
		while (heap->pool.files > files && vmm_heap_shrink(heap))
			;
		vmm_growth.retry_ns = clock_now_ns() + RETRY_LEAST_NS + RETRY_SHARE * (clock_now_ns() - began);
		return false;
	}
	return true;
}

/*
 * Not in the middle of a fork, whose child would have the new file and not its memory; nor in a vforked child, whose
 * descriptors its parent has not.
 */
static bool may_grow(const struct vmm_heap *heap)
{
	return clock_now_ns() >= vmm_growth.retry_ns && !heap->child_header && !kernel_is_confined() &&
	       vmm_comeback_is_same_process();
}

static bool grow(size_t bytes, size_t files)
{
	struct vmm_heap *heap = &vmm.heap;
	/* less than 0: this thread is in a fork */
	bool grown = vmm_lock_take(&heap->lock) == 0 &&
		     (heap->pool.files != files || (may_grow(heap) && grow_locked(heap, bytes)));

	vmm_lock_release(&heap->lock);
	return grown;
}

void vmm_growth_start(void)
{
	struct vmm_growth *growth = &vmm_growth;
	struct text pool_class = TEXT_INIT(growth->pool_class), socket = TEXT_INIT(growth->socket);

	if (!is_growing() || vmm.heap.pool.room == vmm.heap.pool.size)
		return;
	growth->config = vmm.config;
	growth->config.wait_seconds = 0;  /* others wait for the heap's lock meanwhile */
	if (vmm.config.pool_class) {
		text_add(&pool_class, "%s", vmm.config.pool_class);
		growth->config.pool_class = growth->pool_class;
	}
	if (vmm.config.socket) {
		text_add(&socket, "%s", vmm.config.socket);
		growth->config.socket = growth->socket;
	}
	if (vmm.config.pool_dir)
		growth->config.pool_dir = vmm.pool_dir;
	vmm.grow = grow;
}
