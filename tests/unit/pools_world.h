/* SPDX-License-Identifier: BSD-3-Clause */
/* pools_world -- a daemon's pools without a daemon: one class, "a", in a directory of its own in /dev/shm. */
#ifndef TESTS_UNIT_POOLS_WORLD_H
#define TESTS_UNIT_POOLS_WORLD_H

#include "tests/unit/scratch.h"
#include "vmmallocd/pools/pools.h"

struct world {
	char path[SCRATCH_PATH];
	struct config_class class;
	struct config config;
	struct log log;
	uv_loop_t loop;
	struct pools pools;
};

/* The class but for its name and directory; `changed` is told the world. */
struct world *pools_world_open(const struct config_class *class, void (*changed)(void *world));
/* What else uses the loop is closed in its turns, or was before. */
void pools_world_close(struct world *world);

#endif
