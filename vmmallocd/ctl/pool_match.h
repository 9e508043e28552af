/* SPDX-License-Identifier: BSD-3-Clause */
/* pool_match -- which of the daemon's pools somebody means. */
#ifndef VMMALLOCD_CTL_POOL_MATCH_H
#define VMMALLOCD_CTL_POOL_MATCH_H

#include <jansson.h>
#include <stdbool.h>

#include "vmmallocd/ctl/ctl.h"

/* By the path of its file, or the beginning of its id. */
bool pool_match_path(const json_t *pool, const char *which);
bool pool_match_id(const json_t *pool, const char *which);

/* Asks the daemon for the only one that it may be. Returns an exit status, and has complained if it is not CTL_OK. */
int pool_match_one(const struct ctl *ctl, const char *which, json_t **ret_pool);

#endif
