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
#include "libvmmalloc/heap/files.h"
#include "libvmmalloc/heap/remap.h"
#include "libvmmalloc/heap/reserve.h"
#include "libvmmalloc/start/handout_client.h"

#define ROOM_POOLS 64                    /* for so many pools like the first */
#define ROOM_SHARE 4                     /* where there is less room, so much less is tried */
#define STEP_LEAST ((size_t)4 << 20)     /* no smaller file is made where there is a limit of their size */
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
int vmm_growth_make_room(struct vmm_pool *pool, size_t bytes)
{
	struct rlimit limit;
	bool is_limited;
	size_t room;

	if (!is_growing())
		return vmm_pool_make_room(pool, bytes);
	is_limited = kernel_getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur != RLIM_INFINITY ||
		     vmm_remap_commits_strictly();
	room = vmm.config.most_bytes ? vmm.config.most_bytes : is_limited ? 0 : ROOM_POOLS * bytes;
	for (; room > bytes; room /= ROOM_SHARE)
		if (vmm_pool_make_room(pool, round_down(room, pool->grain)) == 0)
			return 0;
	return vmm_pool_make_room(pool, bytes);
}

/* Whether the file system of the last file has no space for so many bytes. */
static bool is_last_short(struct vmm_heap *heap, size_t bytes)
{
	const struct vmm_pool_file *last = vmm_pool_file(&heap->pool, heap->pool.files - 1);

	return vmm_reserve_is_short(heap, (uintptr_t)heap->pool.base + last->start, bytes);
}

/* The last file is not reserved: without space for all that is needed, in it and its neighbours, it is of no use. */
static int keep_if_space(struct vmm_heap *heap, size_t needed)
{
	if (!is_last_short(heap, needed))
		return 0;
	(void)vmm_files_drop(heap);
	return -ENOSPC;
}

/* A pool of the daemon's, whatever its size. Others wait for the heap's lock meanwhile. 0 or -errno. */
static int take_daemons(struct vmm_heap *heap, size_t tier, size_t needed)
{
	char message[256];
	struct text error = TEXT_INIT(message);
	bool is_cold;
	int fd, r = vmm_handout_ask(&vmm.config, tier, 0, &fd, &is_cold, &error);

	TRACE(r < 0 ? 1 : 2, "another pool: %s", r < 0 ? error.data : "given");
	if (r == 0)
		r = vmm_files_adopt(heap, tier, fd, is_cold, vmm.config.reserve_all);
	return r == 0 && is_cold && !vmm.config.reserve_all ? keep_if_space(heap, needed) : r;
}

/* A file more in the tier's directory, for so many bytes, or for some where files may not be so large. 0 or -errno. */
static int make_own(struct vmm_heap *heap, size_t tier, size_t bytes, size_t needed)
{
	const struct vmm_config_tier *config = &vmm.config.tiers[tier];
	size_t left = heap->pool.room - heap->pool.size, steps = (bytes + config->bytes - 1) / config->bytes;
	size_t step = steps > left / config->bytes ? left : steps * config->bytes;
	int r = vmm_files_add(heap, tier, config->dir, step, vmm.config.reserve_all);

	for (; r == -EFBIG && step > STEP_LEAST;
	     r = vmm_files_add(heap, tier, config->dir, step, vmm.config.reserve_all))
		step /= 2;
	if (r == 0 && !vmm.config.reserve_all)
		r = keep_if_space(heap, needed);
	TRACE(r < 0 ? 1 : 2, "another pool of %zu bytes: %s", step, r < 0 ? strerrordesc_np(-r) : "made");
	return r;
}

/* For at least so many bytes, or some of them, where `needed` are not reserved yet. 0 or -errno. */
static int take_pool(struct vmm_heap *heap, size_t tier, size_t bytes, size_t needed)
{
	const struct vmm_config_tier *config = &vmm.config.tiers[tier];
	int r = config->pool_class[0] || vmm.config.socket[0] ? take_daemons(heap, tier, needed) : -ENOENT;

	return r < 0 && config->dir[0] ? make_own(heap, tier, bytes, needed) : r;
}

/* What was taken in vain, as is known by now, makes room for what is not. */
static void leave_useless(struct vmm_heap *heap, size_t needed)
{
	while (heap->pool.files > 1 && !heap->all_reserved && is_last_short(heap, needed) && vmm_files_drop(heap))
		;
}

static bool is_too_soon(size_t tier, size_t bytes)
{
	return vmm_growth.tiers[tier].retry_ns && bytes >= vmm_growth.tiers[tier].retry_bytes &&
	       clock_now_ns() < vmm_growth.tiers[tier].retry_ns;
}

/* Until there is room for so many bytes in one piece of a tier; else the heap is as it was. */
static bool grow_locked(struct vmm_heap *heap, size_t tier, size_t bytes)
{
	/* metadata lie in whole units, above the floor, and a file need not end with one */
	size_t needed = bytes + heap->floor + 2 * vmm_reserve_unit(heap), files, before, reserved, got;
	uint64_t began = clock_now_ns();

	if (is_too_soon(tier, needed))
		return false;
	leave_useless(heap, needed);
	files = heap->pool.files;
	before = heap->pool.size;
	reserved = heap->pool.header->reserved_bytes;
	/* nobody was asked, and so the next request need not wait */
	if (needed > heap->pool.room - before)
		return false;
	while ((got = heap->pool.size - before) < needed) {
		size_t ready = heap->pool.header->reserved_bytes - reserved;

		int r = take_pool(heap, tier, needed - got, ready < needed ? needed - ready : 0);

		if (r == 0)
			continue;
		if (r == -ENOSPC || r == -EDQUOT)
			(void)vmm_reserve_refused(r);
		while (heap->pool.files > files && vmm_files_drop(heap))
			;
		vmm_growth.tiers[tier].retry_bytes = needed;
		vmm_growth.tiers[tier].retry_ns =
			clock_now_ns() + RETRY_LEAST_NS + RETRY_SHARE * (clock_now_ns() - began);
		return false;
	}
	return true;
}

/* Each file has a descriptor, and the program needs some, too. */
static bool has_descriptors(const struct vmm_heap *heap)
{
	struct rlimit limit;

	return kernel_getrlimit(RLIMIT_NOFILE, &limit) < 0 || heap->pool.files < limit.rlim_cur / 2;
}

/*
 * Not in the middle of a fork, whose child would have the new file and not its memory; nor in a vforked child, whose
 * descriptors its parent has not.
 */
static bool may_grow(const struct vmm_heap *heap)
{
	return !heap->child_page && !kernel_is_confined() && vmm_comeback_is_same_process() && has_descriptors(heap);
}

static bool grow(size_t bytes, size_t tier, size_t files)
{
	struct vmm_heap *heap = &vmm.heap;
	/* less than 0: this thread is in a fork */
	bool grown = vmm_lock_take(&heap->lock) == 0 &&
		     (heap->pool.files != files || (may_grow(heap) && grow_locked(heap, tier, bytes)));

	vmm_lock_release(&heap->lock);
	return grown;
}

static void leave(void)
{
	if (!kernel_is_confined() && vmm_comeback_is_same_process())
		vmm_files_leave_idle(&vmm.heap);
}

void vmm_growth_start(void)
{
	if (!is_growing() || vmm.heap.pool.room == vmm.heap.pool.size)
		return;
	vmm.leave = leave;
	vmm.grow = grow;
}
