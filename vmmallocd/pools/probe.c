/* SPDX-License-Identifier: BSD-3-Clause */
/* probe -- see probe.h. */
#include "vmmallocd/pools/probe.h"

#include <errno.h>
#include <string.h>

#include "vmmallocd/pools/base.h"
#include "vmmallocd/pools/tell.h"

bool pools_probe(struct pools *pools, struct registry_pool *pool)
{
	int r = pool_file_probe(&pools_directory(pools, pool)->dir, &pool->file);

	if (r == 0) {
		tell(&pools->events, pools->log, LOG_DEBUG, tell_of_pool(EVENT_GIVEN_BACK, pool, NULL),
		     "%s: nobody has it any more", pools_name(pool).text);
		pools_set_state(pools, pool, REGISTRY_RECYCLING);
		return false;
	}
	if (r == -ENOENT || r == -ESTALE) {
		pools_vanish(pools, pool, "its file is gone");
		return false;
	}
	if (resource_has_run_out(r))
		pools_short_of_descriptors(pools, r, "probes of pools");
	else if (r != -EAGAIN)
		log_line(pools->log, LOG_WARNING, "%s: lease probe: %s", pools_name(pool).text, strerrordesc_np(-r));
	return true;
}

/* --- whoever closed it may have been there still --- */

static void on_early_timer(uv_timer_t *timer);

static void set_early_timer(struct pools *pools)
{
	int64_t now_ms = pools_now_ms(pools), due_ms = early_due_ms(&pools->early);

	if (due_ms == INT64_MAX)
		(void)uv_timer_stop(&pools->early_timer);
	else
		(void)uv_timer_start(&pools->early_timer, on_early_timer,
				     due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 0, 0);
}

static void on_early_timer(uv_timer_t *timer)
{
	struct pools *pools = timer->data;
	uint8_t id[POOL_FILE_ID_BYTES];

	while (early_next(&pools->early, pools_now_ms(pools), id)) {
		struct registry_pool *pool = registry_find(pools->registry, id);

		if (!pool || pool->state != REGISTRY_LEASED || !pools_probe(pools, pool))
			early_forget(&pools->early, id);
	}
	set_early_timer(pools);
}

void pools_probe_early(struct pools *pools, const struct registry_pool *pool)
{
	early_add(&pools->early, pool->id, pools_now_ms(pools));
	set_early_timer(pools);
}

void pools_on_closed(void *context, int watch, const uint8_t id[POOL_FILE_ID_BYTES])
{
	struct pools *pools = context;
	const struct served_dir *directory = served_dirs_by_watch(&pools->directories, watch);
	struct registry_pool *pool = registry_find(pools->registry, id);

	/* the daemon's own work ends with such events as well */
	if (!directory || !pool || provision_is_busy(pool) || strcmp(pool->directory, directory->path) != 0)
		return;
	if (pool->state == REGISTRY_FAILED) {
		/* it may be removed now */
		pools_hurry(pools, pool);
	} else if (pool->state == REGISTRY_LEASED && pools_probe(pools, pool)) {
		pools_probe_early(pools, pool);
	}
}

/* --- no event came --- */

static int probe_leased(void *context, struct registry_pool *pool)
{
	if (pool->state == REGISTRY_LEASED)
		(void)pools_probe(context, pool);
	return 0;
}

void pools_on_overflow(void *context)
{
	struct pools *pools = context;

	log_line(pools->log, LOG_WARNING, "inotify: events were lost; all leased pools are probed");
	(void)registry_each(pools->registry, probe_leased, pools);
}

static int probe_in_turn(void *context, struct registry_pool *pool)
{
	struct pools *pools = context;

	if (pool->state == REGISTRY_LEASED && pool->id[0] % POOLS_PROBE_ROUND_S == pools->probe_turn)
		(void)pools_probe(pools, pool);
	return 0;
}

void pools_probe_some(struct pools *pools)
{
	pools->probe_turn = (pools->probe_turn + 1) % POOLS_PROBE_ROUND_S;
	(void)registry_each(pools->registry, probe_in_turn, pools);
}
