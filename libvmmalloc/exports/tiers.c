/* SPDX-License-Identifier: BSD-3-Clause */
/* tiers -- for programs that know of the heap's tiers: libvmmalloc(3). */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "include/libvmmalloc.h"
#include "libvmmalloc/context/context.h"
#include "libvmmalloc/jemalloc/tier_arenas.h"

#pragma GCC visibility push(default)

unsigned vmmalloc_tiers(void)
{
	return vmm.has_pool ? (unsigned)vmm.heap.tiers.count : 0;
}

int vmmalloc_tier_of(const void *pointer)
{
	int tier = -1;

	if (!vmm.has_pool || !vmm_pool_contains(&vmm.heap.pool, pointer))
		return -1;
	(void)vmm_lock_take(&vmm.heap.lock);
	if ((uintptr_t)pointer < vmm_heap_end(&vmm.heap))
		tier = (int)vmm_tiers_of(&vmm.heap.tiers, &vmm.heap.pool, (uintptr_t)pointer);
	vmm_lock_release(&vmm.heap.lock);
	return tier;
}

int vmmalloc_arena(unsigned tier)
{
	int saved_errno = errno, arena = tier < vmmalloc_tiers() ? vmm_tier_arena(tier) : -1;

	errno = saved_errno;
	return arena;
}

int vmmalloc_tier_stats(unsigned tier, struct vmmalloc_tier_stats *stats, size_t bytes)
{
	struct vmmalloc_tier_stats now = { 0 };

	if (!stats || tier >= vmmalloc_tiers())
		return -1;
	(void)vmm_lock_take(&vmm.heap.lock);
	now.pool_bytes = vmm.heap.tiers.tier[tier].bytes;
	now.used_bytes = vmm.heap.tiers.tier[tier].used;
	now.peak_bytes = vmm.heap.tiers.tier[tier].peak;
	for (size_t i = 0; i < vmm.heap.pool.files; i++)
		now.pools += vmm_pool_file(&vmm.heap.pool, i)->tier == tier;
	vmm_lock_release(&vmm.heap.lock);
	memcpy(stats, &now, bytes < sizeof(now) ? bytes : sizeof(now));
	return 0;
}
