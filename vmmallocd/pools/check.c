/* SPDX-License-Identifier: BSD-3-Clause */
/* check -- see check.h. */
#include "vmmallocd/pools/check.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "vmmallocd/pools/base.h"
#include "vmmallocd/pools/probe.h"

#define CHECKS_IN_A_SECOND 4096    /* with more pools it takes some seconds until each has had its turn */

/* The process that asked for it has ended, as far as can be known. */
static bool is_left(const struct registry_pool *pool)
{
	return pool->state == REGISTRY_LEASED &&
	       (pool->owner.pid == 0 || (kill((pid_t)pool->owner.pid, 0) != 0 && errno == ESRCH));
}

struct check {
	struct pools *pools;
	size_t turn, turns;
};

static int check_pool_file(void *context, struct registry_pool *pool)
{
	const struct check *check = context;
	struct pools *pools = check->pools;
	const struct served_dir *directory = pools_directory(pools, pool);
	int r;

	if (provision_is_busy(pool) || pool->state == REGISTRY_CREATING || !served_dir_is_usable(directory) ||
	    pool->id[1] % check->turns != check->turn)
		return 0;
	r = pool_file_check(&directory->dir, &pool->file);
	if (r == -ENOENT || r == -ESTALE) {
		pools_vanish(pools, pool, "its file is gone, or its name another file's");
	} else if (pool->state == REGISTRY_READY && r == -EPERM) {
		pools_fail(pools, pool, "its owner, mode, size or number of links", "not what it was");
	} else if (is_left(pool)) {
		/* no event comes when somebody closes it who could only read it */
		(void)pools_probe(pools, pool);
	}
	return 0;
}

void pools_check(struct pools *pools)
{
	struct check check = { .pools = pools, .turns = registry_count(pools->registry) / CHECKS_IN_A_SECOND + 1 };

	check.turn = pools->checks++ % check.turns;
	(void)registry_each(pools->registry, check_pool_file, &check);
}

bool pools_say_left(const struct registry_class *class, struct text *text)
{
	size_t left = 0;

	for (const struct registry_pool *pool = class->first[REGISTRY_LEASED]; pool; pool = pool->next_in_state) {
		char name[POOL_FILE_NAME_BYTES];

		if (!is_left(pool))
			continue;
		pool_file_name_format(&pool->file, name);
		if (left++ == 0)
			text_add(text, "%s/%s", pool->directory, name);
	}
	if (left > 1)
		text_add(text, " and %zu more", left - 1);
	if (left > 0)
		text_add(text, ": whoever had it has ended, but a child or somebody else has the file (lsof says who)");
	return left > 0;
}
