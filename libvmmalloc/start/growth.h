/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * growth -- VMMALLOC_ON_FULL=grow: a heap whose pool is full takes another pool behind it, from where the first one
 * came: of its class, from the daemon, or one more file in its directory. They are one heap: a block may lie in two.
 *
 * A request that needs several pools takes them all or none. The heap's lock is held meanwhile, so that no fork sees
 * half of it; where the daemon does not answer that is for HANDOUT_TIMEOUT_MS. Who got none does not ask again at once.
 */
#ifndef LIBVMMALLOC_START_GROWTH_H
#define LIBVMMALLOC_START_GROWTH_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/environment.h"
#include "libvmmalloc/heap/heap.h"

/* growth.c's own. Guarded by the heap's lock. For so many bytes a tier got no pool, and for as many, or more, */
struct vmm_growth {
	struct {
		size_t retry_bytes;
		uint64_t retry_ns;  /* none is asked for before this time, CLOCK_MONOTONIC; 0: there always was one */
	} tiers[ENVIRONMENT_TIERS_MOST];
};

extern struct vmm_growth vmm_growth;

/*
 * Finds addresses for a pool that is to have so many bytes, and may grow, before there is a heap on it. Where there are
 * none for more it does not grow. 0, or -errno: there are not even as many.
 */
int vmm_growth_make_room(struct vmm_pool *pool, size_t bytes);

/* The heap stands, and may grow from now on. */
void vmm_growth_start(void);

#endif
