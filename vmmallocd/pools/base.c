/* SPDX-License-Identifier: BSD-3-Clause */
/* base -- see base.h. */
#include "vmmallocd/pools/base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmmallocd/base/clock.h"
#include "vmmallocd/pools/tell.h"

struct pools_name pools_name(const struct registry_pool *pool)
{
	char id[2 * POOL_FILE_ID_BYTES + 1];
	struct pools_name name;

	pool_file_id_format(pool->id, id);
	snprintf(name.text, sizeof(name.text), "pool %s of class '%s'", id, pool->class_name);
	return name;
}

int64_t pools_now_s(const struct pools *pools)
{
	return clock_boot_s() + registry_epoch(pools->registry);
}

int64_t pools_now_ms(const struct pools *pools)
{
	return (int64_t)uv_now(pools->loop);
}

void pools_wake(struct pools *pools)
{
	pools->wakes++;
	if (!pools->stopping)
		(void)uv_idle_start(&pools->turn, pools->on_turn);
}

void pools_hurry(struct pools *pools, struct registry_pool *pool)
{
	if (pool->work)
		pool->work->due_ms = 0;
	pools_wake(pools);
}

struct provision_work *pools_work(struct registry_pool *pool)
{
	if (!pool->work)
		pool->work = calloc(1, sizeof(struct provision_work));
	return pool->work;
}

struct served_dir *pools_directory(const struct pools *pools, const struct registry_pool *pool)
{
	return served_dirs_find(&pools->directories, pool->directory);
}

int pools_add(struct pools *pools, struct served_dir *directory, const struct registry_pool *pool,
	      enum registry_state state, struct registry_pool **ret_pool)
{
	struct registry_pool copy = *pool;
	int r;

	if (!provision_class(&pools->provision, pool->class_name))
		return -ENOMEM;
	copy.pins_show = directory->dir.tmpfs;
	r = registry_add(pools->registry, &copy, state, ret_pool);
	if (r == 0)
		directory->pools++;
	pools_wake(pools);
	return r;
}

void pools_close_unused(struct pools *pools, struct served_dir *directory)
{
	if (!directory->open || directory->pools > 0 || (directory->wanted && !directory->gone))
		return;
	if (!directory->gone)
		watch_remove(pools->watch, directory->watch);
	served_dir_close(directory);
}

void pools_forget(struct pools *pools, struct registry_pool *pool)
{
	struct served_dir *directory = pools_directory(pools, pool);

	free(pool->work);
	registry_remove(pools->registry, pool);
	directory->pools--;
	pools_close_unused(pools, directory);
	pools_wake(pools);
}

void pools_set_state(struct pools *pools, struct registry_pool *pool, enum registry_state state)
{
	registry_set_state(pools->registry, pool, state, pools_now_s(pools));
	pools_wake(pools);
}

void pools_vanish(struct pools *pools, struct registry_pool *pool, const char *reason)
{
	tell(&pools->events, pools->log, LOG_WARNING, tell_of_pool(EVENT_VANISHED, pool, reason), "%s: %s",
	     pools_name(pool).text, reason);
	pools_forget(pools, pool);
}

void pools_fail(struct pools *pools, struct registry_pool *pool, const char *what, const char *reason)
{
	char words[EVENTS_WORDS_BYTES];

	snprintf(words, sizeof(words), "%s: %s", what, reason);
	tell(&pools->events, pools->log, LOG_WARNING, tell_of_pool(EVENT_FAILED, pool, words),
	     "%s: %s: %s; it will be removed", pools_name(pool).text, what, reason);
	metrics_count(&pools->metrics, pool->class_name, METRICS_FAILED);
	pools_set_state(pools, pool, REGISTRY_FAILED);
}

void pools_short_of_descriptors(struct pools *pools, int error, const char *what)
{
	shortage_begin(&pools->descriptors, pools->log, pools_now_ms(pools), RESOURCE_DESCRIPTOR, error, what);
}
