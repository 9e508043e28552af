/* SPDX-License-Identifier: BSD-3-Clause */
/* exec_environment -- VMMALLOC_CHILDREN: what the environment says to programs that are started by exec. */
#ifndef LIBVMMALLOC_START_EXEC_ENVIRONMENT_H
#define LIBVMMALLOC_START_EXEC_ENVIRONMENT_H

#include "libvmmalloc/context/config.h"

/*
 * Edits the environment of this process, which its children inherit: `off` takes the library out of LD_PRELOAD and
 * leaves other entries; a size replaces VMMALLOC_POOL_SIZE. What is relative of the pool's directory, the log file and
 * this library in LD_PRELOAD becomes absolute. In place, before main; allocates nothing.
 */
void vmm_exec_environment_prepare(char **environment, const struct vmm_config *config);

#endif
