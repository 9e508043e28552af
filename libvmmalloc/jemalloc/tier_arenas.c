/* SPDX-License-Identifier: BSD-3-Clause */
/* tier_arenas -- see tier_arenas.h. By jemalloc's public interface alone: jemalloc(3), arena.<i>.extent_hooks. */
#include "libvmmalloc/jemalloc/tier_arenas.h"

#include "common/base/text.h"
#include "libvmmalloc/jemalloc/jemalloc.h"
#include "libvmmalloc/jemalloc/seam.h"

/* extent_hooks_t. What is NULL jemalloc does without: pages stay as they are. */
struct hooks {
	void *(*alloc)(struct hooks *hooks, void *at, size_t bytes, size_t align, bool *zero, bool *commit,
		       unsigned arena);
	bool (*dalloc)(struct hooks *hooks, void *address, size_t bytes, bool committed, unsigned arena);
	void (*destroy)(struct hooks *hooks, void *address, size_t bytes, bool committed, unsigned arena);
	bool (*commit)(struct hooks *hooks, void *address, size_t bytes, size_t offset, size_t length, unsigned arena);
	bool (*decommit)(struct hooks *hooks, void *address, size_t bytes, size_t offset, size_t length,
			 unsigned arena);
	bool (*purge_lazy)(struct hooks *hooks, void *address, size_t bytes, size_t offset, size_t length,
			   unsigned arena);
	bool (*purge_forced)(struct hooks *hooks, void *address, size_t bytes, size_t offset, size_t length,
			     unsigned arena);
	bool (*split)(struct hooks *hooks, void *address, size_t bytes, size_t bytes_a, size_t bytes_b, bool committed,
		      unsigned arena);
	bool (*merge)(struct hooks *hooks, void *address_a, size_t bytes_a, void *address_b, size_t bytes_b,
		      bool committed, unsigned arena);
};

/* What "experimental.arenas_create_ext" takes: jemalloc's arena_config_t. */
struct arena_config {
	const struct hooks *hooks;
	bool metadata_use_hooks;
};

static void *map_extent(struct hooks *hooks, void *at, size_t bytes, size_t align, bool *zero, bool *commit,
			unsigned arena);

static bool unmap_extent(struct hooks *hooks, void *address, size_t bytes, bool committed, unsigned arena)
{
	(void)hooks, (void)committed, (void)arena;
	return vmm_seam_unmap_extent(address, bytes);
}

static void destroy_extent(struct hooks *hooks, void *address, size_t bytes, bool committed, unsigned arena)
{
	(void)unmap_extent(hooks, address, bytes, committed, arena);
}

static bool split_extent(struct hooks *hooks, void *address, size_t bytes, size_t bytes_a, size_t bytes_b,
			 bool committed, unsigned arena)
{
	(void)hooks, (void)address, (void)bytes, (void)bytes_a, (void)bytes_b, (void)committed, (void)arena;
	return false;  /* done */
}

static bool merge_extents(struct hooks *hooks, void *address_a, size_t bytes_a, void *address_b, size_t bytes_b,
			  bool committed, unsigned arena)
{
	(void)hooks, (void)bytes_a, (void)bytes_b, (void)committed, (void)arena;
	return !vmm_seam_may_merge(address_a, address_b);
}

/* A tier's place in it is the tier's number. */
static const struct hooks tier_hooks[] = {
	[0 ... ENVIRONMENT_TIERS_MOST - 1] = {
		.alloc = map_extent,
		.dalloc = unmap_extent,
		.destroy = destroy_extent,
		.split = split_extent,
		.merge = merge_extents,
	},
};

static void *map_extent(struct hooks *hooks, void *at, size_t bytes, size_t align, bool *zero, bool *commit,
			unsigned arena)
{
	(void)arena;
	return vmm_seam_map_in_tier((size_t)(hooks - tier_hooks), at, bytes, align, zero, commit);
}

static void destroy_arena(unsigned index)
{
	char name[32];
	struct text text = TEXT_INIT(name);

	text_add(&text, "arena.%u.destroy", index);
	(void)je_mallctl(name, NULL, NULL, NULL, 0);
}

int vmm_tier_arena(size_t tier)
{
	struct arena_config config = { .hooks = &tier_hooks[tier] };
	unsigned *place = &vmm_tier_arenas.index[tier], index = __atomic_load_n(place, __ATOMIC_ACQUIRE), found = 0;
	size_t length = sizeof(index);

	if (index)
		return (int)index;
	if (je_mallctl("experimental.arenas_create_ext", &index, &length, &config, sizeof(config)) != 0)
		return -1;
	/* another thread may have made one, too */
	if (__atomic_compare_exchange_n(place, &found, index, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return (int)index;
	destroy_arena(index);
	return (int)found;
}

int vmm_tier_flags(int flags)
{
	unsigned arena = ((unsigned)flags >> FLAGS_ARENA_SHIFT) - 1;

	for (size_t i = 0; arena > 0 && !(flags & FLAGS_CACHE) && i < ENVIRONMENT_TIERS_MOST; i++)
		if (__atomic_load_n(&vmm_tier_arenas.index[i], __ATOMIC_RELAXED) == arena)
			return flags | FLAGS_NO_CACHE;
	return flags;
}
