/* SPDX-License-Identifier: BSD-3-Clause */
/* config -- what the environment asks of the library, read once, before the pool is made. */
#ifndef LIBVMMALLOC_CONTEXT_CONFIG_H
#define LIBVMMALLOC_CONTEXT_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "common/base/environment.h"
#include "common/base/handout.h"
#include "common/base/text.h"

/* VMMALLOC_FORK; the numbers are those of Intel's last version */
enum vmm_config_fork {
	CONFIG_FORK_NONE = 0,             /* parent and child share the heap */
	CONFIG_FORK_PRIVATE = 1,          /* both go on with private memory */
	CONFIG_FORK_COPY = 2,             /* the child gets a copy of the pool, or there is no fork */
	CONFIG_FORK_COPY_OR_PRIVATE = 3,
	CONFIG_FORK_AUTO = ENVIRONMENT_FORK_AUTO,  /* private, and back to a pool as soon as that is safe */
};

/* Where the pools of one tier of the heap come from. All is a copy: programs write over their environment. */
struct vmm_config_tier {
	char dir[PATH_MAX];     /* empty only with a class of the daemon's pools */
	size_t bytes;           /* as asked for, not rounded; 0 only if `dir` is empty */
	char pool_class[HANDOUT_CLASS_BYTES];  /* a class of the daemon's pools, or empty */
};

struct vmm_config {
	struct vmm_config_tier tiers[ENVIRONMENT_TIERS_MOST];
	size_t tier_count;      /* 1 or more */
	struct environment_place place;  /* VMMALLOC_PLACE */
	/* VMMALLOC_SOCKET: the daemon's, or empty; one that fills it is too long */
	char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	char user_socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];  /* is asked before; or empty */
	unsigned wait_seconds;  /* VMMALLOC_WAIT: for a pool of the daemon's that is not to be had at once */
	bool reserve_all;       /* VMMALLOC_RESERVE=full */
	enum environment_on_full on_full;  /* VMMALLOC_ON_FULL */
	size_t most_bytes;      /* VMMALLOC_MAX_SIZE: of all pools, with ENVIRONMENT_ON_FULL_GROW; 0: no limit */
	bool does_without;      /* VMMALLOC_ON_FAIL=dram */
	unsigned release_seconds;  /* VMMALLOC_RELEASE; or ENVIRONMENT_RELEASE_NEVER */
	enum environment_huge_pages huge_pages;  /* VMMALLOC_HUGE_PAGES */
	unsigned arenas;        /* VMMALLOC_ARENAS; 0: the library chooses */
	enum vmm_config_fork fork;
	enum environment_children children;  /* VMMALLOC_CHILDREN: what programs get that are started by exec */
	size_t children_bytes;  /* with ENVIRONMENT_CHILDREN_SIZE */
};

/*
 * Returns 0, or -EINVAL with what is wrong in `error`: the variable, its value and what was expected. Then *ret_config
 * is of no use.
 */
int vmm_config_read(char *const *environment, struct vmm_config *ret_config, struct text *error);

/* The size of all tiers, as asked for. */
static inline size_t vmm_config_bytes(const struct vmm_config *config)
{
	size_t bytes = 0;

	for (size_t i = 0; i < config->tier_count; i++)
		if (__builtin_add_overflow(bytes, config->tiers[i].bytes, &bytes))
			return SIZE_MAX;
	return bytes;
}

#endif
