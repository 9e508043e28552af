/* SPDX-License-Identifier: BSD-3-Clause */
/* work -- jobs on pools: started as provision.h says, and what becomes of a pool when one ends. See pools.h. */
#ifndef VMMALLOCD_POOLS_WORK_H
#define VMMALLOCD_POOLS_WORK_H

#include "vmmallocd/pools/pools.h"

/* Starts all jobs that are due, as far as there are workers. A job that ends wakes the pools (pools_wake). */
void pools_start_due(struct pools *pools);

/*
 * Makes a cold pool of a class that may have one more. 0: *ret_pool is ready, for the caller to hand out at once;
 * -EINPROGRESS: a thread makes it, which wakes the pools; -errno.
 */
int pools_make_cold(struct pools *pools, const struct config_class *config, struct registry_pool **ret_pool);

/* The class has `max` pools. Whether some of them are not in use, and make room in a moment. */
bool pools_make_room(struct pools *pools, const struct config_class *config);

#endif
