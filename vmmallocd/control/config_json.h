/* SPDX-License-Identifier: BSD-3-Clause */
/* config_json -- a configuration, and all that is wrong with it, as JSON: vmmallocd --check --json. */
#ifndef VMMALLOCD_CONTROL_CONFIG_JSON_H
#define VMMALLOCD_CONTROL_CONFIG_JSON_H

#include "vmmallocd/config/config.h"

/* One object on one line, malloc'ed: vmmallocd(8) describes it. NULL for want of memory. */
char *control_config_json(const struct config *config);

#endif
