/* SPDX-License-Identifier: BSD-3-Clause */
/* pools_world -- see pools_world.h. */
#include "tests/unit/pools_world.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/test.h"

struct world *pools_world_open(const struct config_class *class, void (*changed)(void *world))
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	signal(SIGIO, SIG_IGN);
	scratch_make("/dev/shm", world->path);
	world->class = *class;
	world->class.name = (char *)"a";
	world->class.directory = world->path;
	world->config = (struct config){
		.classes = &world->class,
		.class_count = 1,
		.workers = 2,
		.punch_timeout_s = 1,
		.connections_per_user = 9,
	};
	log_init(&world->log, STDERR_FILENO, 0);
	assert_int_equal(uv_loop_init(&world->loop), 0);
	assert_int_equal(pools_open(&world->pools, &world->loop, &world->log, &world->config, registry_new(), changed,
				    world), 0);
	return world;
}

void pools_world_close(struct world *world)
{
	pools_stop(&world->pools);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	pools_done(&world->pools);
	assert_int_equal(uv_loop_close(&world->loop), 0);
	scratch_remove(world->path);
	free(world);
}
