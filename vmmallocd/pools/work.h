/* SPDX-License-Identifier: BSD-3-Clause */
/* work -- jobs on pools: started as provision.h says, and what becomes of a pool when one ends. See pools.h. */
#ifndef VMMALLOCD_POOLS_WORK_H
#define VMMALLOCD_POOLS_WORK_H

#include "vmmallocd/pools/pools.h"

/* Starts all jobs that are due, as far as there are workers. A job that ends wakes the pools (pools_wake). */
void pools_start_due(struct pools *pools);

#endif
