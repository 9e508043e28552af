/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tmpfs -- the tmpfs that a class may name for its directory (tmpfs, nodes, huge): what goes together, and how it is
 * mounted. vmmalloc-generator writes a unit that mounts it so; vmmallocd.conf(5), DIRECTORIES AND SYSTEMD.
 */
#ifndef VMMALLOCD_CONFIG_TMPFS_H
#define VMMALLOCD_CONFIG_TMPFS_H

#include "common/base/text.h"
#include "vmmallocd/config/config.h"

#define CONFIG_TMPFS_OPTIONS_BYTES 320    /* with the longest list of nodes that a line has room for, and a NUL */

/*
 * What is wrong with what a class that is read says of its tmpfs, alone and beside the classes before it. NULL:
 * nothing. Else the key that it is about, and in `words` what follows its name in a mistake.
 */
const char *config_tmpfs_mistake(const struct config *config, const struct config_class *class, struct text *words);

/* "size=64G,mode=0755,nosuid,nodev,mpol=bind:2-3,huge=always", for mount(8); nothing, if the class names none. */
void config_tmpfs_options(const struct config_class *class, struct text *options);

#endif
