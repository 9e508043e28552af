/* SPDX-License-Identifier: BSD-3-Clause */
/* exec_environment -- VMMALLOC_CHILDREN: what the environment says to programs that are started by exec. */
#ifndef LIBVMMALLOC_START_EXEC_ENVIRONMENT_H
#define LIBVMMALLOC_START_EXEC_ENVIRONMENT_H

#include <limits.h>

#include "libvmmalloc/context/config.h"

/* The lines that take the place of others in the environment, for as long as the process lives. */
struct vmm_exec_environment {
	char preload[2 * PATH_MAX];
	char pool_dir[ENVIRONMENT_TIERS_MOST * PATH_MAX + 64];
	char log_file[PATH_MAX + 64];
	char pool_size[64];
};

extern struct vmm_exec_environment vmm_exec_environment;

/*
 * Edits the environment of this process, which its children inherit: `off` takes the library out of LD_PRELOAD and
 * leaves other entries; a size replaces VMMALLOC_POOL_SIZE, and then the directory is the first tier's. What is
 * relative of the pool's directories, which are absolute in `config`, of the log file and of this library in LD_PRELOAD
 * becomes absolute. In place, before main; allocates nothing.
 */
void vmm_exec_environment_prepare(char **environment, const struct vmm_config *config);

#endif
