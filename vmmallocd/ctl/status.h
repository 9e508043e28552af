/* SPDX-License-Identifier: BSD-3-Clause */
/* status -- vmmallocctl status: the daemon (status.c), or some of what it has (status_pool.c). */
#ifndef VMMALLOCD_CTL_STATUS_H
#define VMMALLOCD_CTL_STATUS_H

#include <stdbool.h>

#include "vmmallocd/ctl/ctl.h"

/* Of what the words name: status_find.h. Returns an exit status. */
int status_words(const struct ctl *ctl, char *const *words, size_t count, bool json);

#endif
