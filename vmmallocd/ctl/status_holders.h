/* SPDX-License-Identifier: BSD-3-Clause */
/* status_holders -- who has a pool of the daemon's, from /proc: its owner, children, whoever has a descriptor. */
#ifndef VMMALLOCD_CTL_STATUS_HOLDERS_H
#define VMMALLOCD_CTL_STATUS_HOLDERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "vmmallocd/ctl/ctl.h"

/* Whom the caller may not look at: there may be holders among them. */
struct status_unseen {
	size_t count;
	bool is_hidden;      /* /proc does not even name them */
	bool is_elsewhere;   /* the daemon, and whom it gave pools, are in a PID namespace that is not seen from here */
};

/* Gives each of the pools, which are as List has them, its "holders", "outside" and "outside_by". 0 or -errno. */
int status_holders_add(const struct ctl *ctl, json_t *pools, struct status_unseen *ret_unseen);

#endif
