/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * growth -- VMMALLOC_ON_FULL=grow: a heap whose pool is full takes another pool behind it, from where the first one
 * came: of its class, from the daemon, or one more file in its directory. They are one heap: a block may lie in two.
 *
 * A request that needs several pools takes them all or none. The heap's lock is held meanwhile, so that no fork sees
 * half of it; where the daemon does not answer that is for HANDOUT_TIMEOUT_MS. Who got none does not ask again at once.
 */
#ifndef LIBVMMALLOC_START_GROWTH_H
#define LIBVMMALLOC_START_GROWTH_H

#include <sys/un.h>

#include "common/base/handout.h"
#include "libvmmalloc/context/config.h"
#include "libvmmalloc/heap/heap.h"

/* growth.c's own. Guarded by the heap's lock. */
struct vmm_growth {
	struct vmm_config config;  /* as at the start, but that programs may write over their environment by now: */
	char pool_class[HANDOUT_CLASS_BYTES];
	char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	size_t retry_bytes;        /* for so many no pool was to be had, and for as many, or more, none is asked for */
	uint64_t retry_ns;         /*   before this time, CLOCK_MONOTONIC; 0: there always was one */
};

extern struct vmm_growth vmm_growth;

/* Finds addresses for a pool that may grow, before there is a heap on it. Where there are none it does not grow. */
void vmm_growth_make_room(struct vmm_pool *pool);

/* The heap stands, and may grow from now on. */
void vmm_growth_start(void);

#endif
