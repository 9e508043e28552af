/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check -- what others do to pools without asking: looked for each second, so that what is told is true, and what
 * is missing is made again. See pools.h.
 *
 * It looks at names and leases only. Neither waits for whoever has a file.
 */
#ifndef VMMALLOCD_POOLS_CHECK_H
#define VMMALLOCD_POOLS_CHECK_H

#include "vmmallocd/pools/pools.h"

/*
 * Called once a second: looks whether the files are what they were, and probes leased pools whose owner has ended. With
 * many pools a call looks at a part of them.
 */
void pools_check(struct pools *pools);

/* Says which leased pools were left behind by those that asked for them; false, and nothing: none. */
bool pools_say_left(const struct registry_class *class, struct text *text);

#endif
