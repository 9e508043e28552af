/* SPDX-License-Identifier: BSD-3-Clause */
/* removal -- calls that remove pools, and answer which were removed and which were not: Prune, Disable and Destroy. */
#ifndef VMMALLOCD_CTL_REMOVAL_H
#define VMMALLOCD_CTL_REMOVAL_H

#include <jansson.h>

#include "vmmallocd/ctl/ctl.h"

/*
 * Calls it, with parameters that it takes over, again for as long as pools are still being removed and some more are by
 * then; then prints what was done: the pools, and `words` with their number, and complains of what was not. Returns an
 * exit status.
 */
int removal_call(const struct ctl *ctl, const char *method, json_t *parameters, const char *words);

#endif
