/* SPDX-License-Identifier: BSD-3-Clause */
/* file -- one file of the configuration: its lines, sections and keys. */
#ifndef VMMALLOCD_CONFIG_FILE_H
#define VMMALLOCD_CONFIG_FILE_H

#include "vmmallocd/config/config.h"

/* Adds what the file says to `config`, with its mistakes. 0 or -ENOMEM. */
int config_file_read(const char *path, struct config *config);

#endif
