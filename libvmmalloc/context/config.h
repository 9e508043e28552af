/* SPDX-License-Identifier: BSD-3-Clause */
/* config -- what the environment asks of the library, read once, before the pool is made. */
#ifndef LIBVMMALLOC_CONTEXT_CONFIG_H
#define LIBVMMALLOC_CONTEXT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/text.h"

/* The environment's names. They are part of the interface: libvmmalloc(7). */
#define CONFIG_POOL_DIR "VMMALLOC_POOL_DIR"
#define CONFIG_POOL_SIZE "VMMALLOC_POOL_SIZE"
#define CONFIG_RESERVE "VMMALLOC_RESERVE"
#define CONFIG_ON_FULL "VMMALLOC_ON_FULL"
#define CONFIG_ARENAS "VMMALLOC_ARENAS"
#define CONFIG_FORK "VMMALLOC_FORK"
#define CONFIG_CHILDREN "VMMALLOC_CHILDREN"
#define CONFIG_POOL "VMMALLOC_POOL"
#define CONFIG_SOCKET "VMMALLOC_SOCKET"

#define CONFIG_ARENAS_MOST 4094  /* jemalloc 5.3 numbers arenas with 12 bits and keeps one number back */

/* VMMALLOC_FORK; the numbers are those of Intel's last version */
enum vmm_config_fork {
	CONFIG_FORK_NONE = 0,             /* parent and child share the heap */
	CONFIG_FORK_PRIVATE = 1,          /* both go on with private memory */
	CONFIG_FORK_COPY = 2,             /* the child gets a copy of the pool, or there is no fork */
	CONFIG_FORK_COPY_OR_PRIVATE = 3,
	CONFIG_FORK_AUTO,                 /* private, and back to a pool as soon as that is safe */
};

/* VMMALLOC_CHILDREN: what programs get that are started by exec */
enum vmm_config_children {
	CONFIG_CHILDREN_INHERIT,          /* the environment as it is: a pool like this one */
	CONFIG_CHILDREN_OFF,              /* they run without the library */
	CONFIG_CHILDREN_SIZE,             /* a pool of another size */
};

struct vmm_config {
	const char *pool_dir;   /* borrowed from the environment; NULL only with a class of the daemon's pools */
	size_t pool_bytes;      /* as asked for, not rounded; 0 only if pool_dir is NULL */
	const char *pool_class; /* VMMALLOC_POOL: of the daemon's pools; or NULL. Borrowed too */
	const char *socket;     /* VMMALLOC_SOCKET: the daemon's, or NULL. Borrowed too */
	bool reserve_all;       /* VMMALLOC_RESERVE=full */
	bool spill;             /* VMMALLOC_ON_FULL=dram */
	unsigned arenas;        /* VMMALLOC_ARENAS; 0: the library chooses */
	enum vmm_config_fork fork;
	enum vmm_config_children children;
	size_t children_bytes;  /* with CONFIG_CHILDREN_SIZE */
};

/* The value of a variable in `environment` (as environ(7)), or NULL. */
const char *vmm_config_value(char *const *environment, const char *name);

/*
 * Returns 0, or -EINVAL with what is wrong in `error`: the variable, its value and what was expected.
 */
int vmm_config_read(char *const *environment, struct vmm_config *ret_config, struct text *error);

#endif
