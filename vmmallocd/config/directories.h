/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * directories -- the directories that the configuration names, and what has to be mounted there: vmmalloc-generator
 * asks. So it mounts what the daemon waits for, as there is one reader of these files.
 */
#ifndef VMMALLOCD_CONFIG_DIRECTORIES_H
#define VMMALLOCD_CONFIG_DIRECTORIES_H

#include <stdio.h>

#include "vmmallocd/config/config.h"

/*
 * One a line. No path has a control character in it but a tab.
 *     size=64G,mode=0755,nosuid,nodev /mnt/cxl     of a class that is served on a tmpfs, with what mount(8) takes
 *     - /mnt/pmem0/pools                           of a class that is served on what is there
 *     = /srv/state                                 of a class that is closed; and runtime_dir and state_dir, if they
 *                                                  are not where they are by default
 */
void config_directories_print(const struct config *config, FILE *stream);

/* False: by a mistake, and a daemon may go on with other directories, which it had before a reload. */
bool config_directories_are_all(const struct config *config);

#endif
