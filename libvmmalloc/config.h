/* SPDX-License-Identifier: BSD-3-Clause */
/* config -- what the environment asks of the library, read once, before the pool is made. */
#ifndef LIBVMMALLOC_CONFIG_H
#define LIBVMMALLOC_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/text.h"

/* The environment's names. They are part of the interface: libvmmalloc(7). */
#define CONFIG_POOL_DIR "VMMALLOC_POOL_DIR"
#define CONFIG_POOL_SIZE "VMMALLOC_POOL_SIZE"
#define CONFIG_RESERVE "VMMALLOC_RESERVE"
#define CONFIG_ON_FULL "VMMALLOC_ON_FULL"
#define CONFIG_ARENAS "VMMALLOC_ARENAS"

#define CONFIG_ARENAS_MOST 4094  /* jemalloc 5.3 numbers arenas with 12 bits and keeps one number back */

struct vmm_config {
	const char *pool_dir;   /* borrowed from the environment */
	size_t pool_bytes;      /* as asked for, not rounded */
	bool reserve_all;       /* VMMALLOC_RESERVE=full */
	bool spill;             /* VMMALLOC_ON_FULL=dram */
	unsigned arenas;        /* VMMALLOC_ARENAS; 0: the library chooses */
};

/* The value of a variable in `environment` (as environ(7)), or NULL. */
const char *vmm_config_value(char *const *environment, const char *name);

/*
 * Returns 0, or -EINVAL with what is wrong in `error`: the variable, its value and what was expected.
 */
int vmm_config_read(char *const *environment, struct vmm_config *ret_config, struct text *error);

#endif
