/* SPDX-License-Identifier: BSD-3-Clause */
/* pools -- the pools that the heap begins with, one for each tier: asked for, or made, and the heap on them. */
#ifndef LIBVMMALLOC_START_POOLS_H
#define LIBVMMALLOC_START_POOLS_H

#include "common/base/text.h"

/* Makes vmm.heap as vmm.config says. 0, or -errno with the reason in `error`, and then nothing is left. */
int vmm_pools_make(struct text *error);

#endif
