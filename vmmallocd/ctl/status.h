/* SPDX-License-Identifier: BSD-3-Clause */
/* status -- vmmallocctl status: the daemon (status.c), or some pools of it (status_pool.c). */
#ifndef VMMALLOCD_CTL_STATUS_H
#define VMMALLOCD_CTL_STATUS_H

#include <jansson.h>
#include <stdbool.h>

#include "vmmallocd/ctl/ctl.h"

/* Of the pools that a process has, or the one of that id, beginning of an id, or path. Returns an exit status. */
int status_pool(const struct ctl *ctl, const char *which, bool json);

/* What the daemon says of an object; "" and 0 where it says nothing. */
const char *status_text(const json_t *object, const char *key);
long long status_number(const json_t *object, const char *key);

#endif
