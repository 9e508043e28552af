/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * short -- tells when a class has fewer ready pools than it should have and nothing is done about it, and when it has
 * them again: once each, whatever is tried in between. See pools.h.
 */
#ifndef VMMALLOCD_POOLS_SHORT_H
#define VMMALLOCD_POOLS_SHORT_H

#include "vmmallocd/pools/pools.h"

/* Called when all that is due has been started. */
void pools_tell_short(struct pools *pools);

#endif
