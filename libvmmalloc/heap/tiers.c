/* SPDX-License-Identifier: BSD-3-Clause */
/* tiers -- see tiers.h. */
#include "libvmmalloc/heap/tiers.h"

bool vmm_tiers_next(const struct vmm_tiers *tiers, const struct vmm_pool *pool, size_t tier,
		    struct vmm_tiers_window *window)
{
	size_t i = window->file;

	if (tiers->count == 1) {
		*window = (struct vmm_tiers_window){ .from = (uintptr_t)pool->base, .to = UINTPTR_MAX,
						     .file = pool->files };
		return i == 0;
	}
	while (i < pool->files && vmm_pool_file(pool, i)->tier != tier)
		i++;
	if (i == pool->files)
		return false;
	window->from = (uintptr_t)pool->base + vmm_pool_file(pool, i)->start;
	while (i < pool->files && vmm_pool_file(pool, i)->tier == tier)
		window->to = (uintptr_t)pool->base + vmm_pool_file(pool, i++)->end;
	window->file = i;
	return true;
}

size_t vmm_tiers_of(const struct vmm_tiers *tiers, const struct vmm_pool *pool, uintptr_t address)
{
	size_t some = 1;

	return tiers->count == 1 ? 0 : vmm_pool_file_at(pool, address - (uintptr_t)pool->base, &some)->tier;
}

/* Of which the least is in use, for its share. */
static size_t least_used(const struct vmm_tiers *tiers)
{
	const unsigned *shares = tiers->place.shares;
	size_t least = 0, least_bytes = __atomic_load_n(&tiers->tier[0].used, __ATOMIC_RELAXED);

	for (size_t i = 1; i < tiers->count; i++) {
		size_t bytes = __atomic_load_n(&tiers->tier[i].used, __ATOMIC_RELAXED);

		if ((unsigned __int128)bytes * shares[least] < (unsigned __int128)least_bytes * shares[i]) {
			least = i;
			least_bytes = bytes;
		}
	}
	return least;
}

void vmm_tiers_order(const struct vmm_tiers *tiers, size_t bytes, unsigned char ret_order[ENVIRONMENT_TIERS_MOST])
{
	enum environment_place_rule rule = tiers->place.rule;
	bool from_last = rule == ENVIRONMENT_PLACE_LARGE && bytes > 0 && bytes >= tiers->place.large_bytes;
	size_t first = rule == ENVIRONMENT_PLACE_RATIO ? least_used(tiers) : 0, n = 0;

	ret_order[n++] = (unsigned char)(from_last ? tiers->count - 1 : first);
	for (size_t i = 0; i < tiers->count; i++) {
		size_t tier = from_last ? tiers->count - 1 - i : i;

		if (tier != ret_order[0])
			ret_order[n++] = (unsigned char)tier;
	}
}

void vmm_tiers_count(struct vmm_tier *tier, size_t bytes, bool taken)
{
	size_t used = tier->used + (taken ? bytes : -bytes);

	__atomic_store_n(&tier->used, used, __ATOMIC_RELAXED);
	if (used > tier->peak)
		__atomic_store_n(&tier->peak, used, __ATOMIC_RELAXED);
}

void vmm_tiers_cut(struct vmm_tiers *tiers, const struct vmm_pool *pool, uintptr_t start)
{
	tiers->tier[vmm_tiers_of(tiers, pool, start)].bytes -= (uintptr_t)pool->base + pool->size - start;
}
