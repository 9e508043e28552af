/* SPDX-License-Identifier: BSD-3-Clause */
/* usage -- what vmmallocctl --help, vmmallocctl help COMMAND and vmmallocctl COMMAND --help print. */
#ifndef VMMALLOCD_CTL_USAGE_H
#define VMMALLOCD_CTL_USAGE_H

#include "vmmallocd/ctl/ctl.h"

/* Of ctl->command: all commands, or one's options and examples. CTL_OK. */
int usage_print(const struct ctl *ctl);

#endif
