/* SPDX-License-Identifier: BSD-3-Clause */
/* config_file -- one file of the configuration: its lines, sections and keys. */
#ifndef VMMALLOCD_CONFIG_FILE_H
#define VMMALLOCD_CONFIG_FILE_H

#include "common/base/text.h"
#include "vmmallocd/config.h"

/*
 * Adds what the file says to `config`. 0 or -errno, with one line in `error`; `config` then holds a part of it, and
 * is good for config_done only.
 */
int config_file_read(const char *path, struct config *config, struct text *error);

/* Says that `path` cannot be read, and why; returns `r`. */
int config_file_fail(const char *path, int r, struct text *error);

#endif
