/* SPDX-License-Identifier: BSD-3-Clause */
/* tier_arenas -- arenas of jemalloc's that are bound to a tier, for programs that say where a block shall be. */
#ifndef LIBVMMALLOC_JEMALLOC_TIER_ARENAS_H
#define LIBVMMALLOC_JEMALLOC_TIER_ARENAS_H

#include <stddef.h>

#include "common/base/environment.h"

/* tier_arenas.c's own. */
struct vmm_tier_arenas {
	unsigned index[ENVIRONMENT_TIERS_MOST];  /* 0: not made yet. Atomic */
};

extern struct vmm_tier_arenas vmm_tier_arenas;

/* The arena of a tier, made when it is first asked for. Any thread; allocates. -1: there is no memory for it. */
int vmm_tier_arena(size_t tier);

/* The flags of mallocx(): where the arena's number stands in them, more by one, and a cache's. */
#define FLAGS_ARENA_SHIFT 20
#define FLAGS_CACHE 0xfff00
#define FLAGS_NO_CACHE 0x100  /* MALLOCX_TCACHE_NONE */

/* If they name the arena of a tier and no cache, the flags that ask for none besides. */
int vmm_tier_flags(int flags);

#endif
