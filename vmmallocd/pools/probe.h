/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe -- when leased pools are probed: when somebody closed one, a few times soon after that (early.h), and each of
 * them once a minute, as an event may never come. See pools.h.
 */
#ifndef VMMALLOCD_POOLS_PROBE_H
#define VMMALLOCD_POOLS_PROBE_H

#include "vmmallocd/pools/pools.h"

/*
 * Probes a leased pool. Returns whether it is leased still: somebody has it, or that cannot be known. Else it is being
 * recycled now, or its file was gone and `pool` is forgotten.
 */
bool pools_probe(struct pools *pools, struct registry_pool *pool);

/* A leased pool is probed a few times soon (early.h). */
void pools_probe_early(struct pools *pools, const struct registry_pool *pool);

/* Probes the next part of the leased pools; called once a second, it has had each in POOLS_PROBE_ROUND_S. */
void pools_probe_some(struct pools *pools);

/* For struct watch_events, whose context are the pools. */
void pools_on_closed(void *context, int watch, const uint8_t id[POOL_FILE_ID_BYTES]);
void pools_on_overflow(void *context);

#endif
