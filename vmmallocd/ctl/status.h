/* SPDX-License-Identifier: BSD-3-Clause */
/* status -- vmmallocctl status: the daemon (status.c), or some pools of it (status_pool.c). */
#ifndef VMMALLOCD_CTL_STATUS_H
#define VMMALLOCD_CTL_STATUS_H

#include <stdbool.h>

#include "vmmallocd/ctl/ctl.h"

/* Of the pools that a process has, or the one of that id, beginning of an id, or path. Returns an exit status. */
int status_pool(const struct ctl *ctl, const char *which, bool json);

#endif
