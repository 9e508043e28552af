/* SPDX-License-Identifier: BSD-3-Clause */
/* families -- which metrics there are, and where each is in the daemon's reply. doc/metrics.md lists them. */
#ifndef VMMALLOCD_CTL_FAMILIES_H
#define VMMALLOCD_CTL_FAMILIES_H

#include <jansson.h>

#include "vmmallocd/ctl/exposition.h"

/*
 * Writes all of them. `reply` NULL: the daemon does not answer, and that is all that is said. What the reply does not
 * have, as it may be an older daemon's, is left out.
 */
void families_write(struct exposition *out, const json_t *reply);

#endif
