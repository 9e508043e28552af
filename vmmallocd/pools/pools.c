/* SPDX-License-Identifier: BSD-3-Clause */
/* pools -- see pools.h: what comes from outside, the configuration, events and the clock. */
#include "vmmallocd/pools/pools.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmmallocd/base/clock.h"
#include "vmmallocd/pools/base.h"

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

struct provision_work *pools_work(struct registry_pool *pool)
{
	if (!pool->work)
		pool->work = calloc(1, sizeof(struct provision_work));
	return pool->work;
}

struct directory *pools_directory(const struct pools *pools, const struct registry_pool *pool)
{
	return directories_find(&pools->directories, pool->directory);
}

int pools_add(struct pools *pools, struct directory *directory, const struct registry_pool *pool,
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

void pools_forget(struct pools *pools, struct registry_pool *pool)
{
	struct directory *directory = pools_directory(pools, pool);

	free(pool->work);
	registry_remove(pools->registry, pool);
	directory->pools--;
	if (directory->pools == 0 && (directory->gone || !directory->wanted)) {
		if (!directory->gone)
			watch_remove(pools->watch, directory->watch);
		directory_close(directory);
	}
	pools_wake(pools);
}

void pools_set_state(struct pools *pools, struct registry_pool *pool, enum registry_state state)
{
	registry_set_state(pools->registry, pool, state, pools_now_s(pools));
	pools_wake(pools);
}

void pools_fail(struct pools *pools, struct registry_pool *pool, const char *what, const char *reason)
{
	log_line(pools->log, LOG_WARNING, "%s: %s: %s; it will be removed", pools_name(pool).text, what, reason);
	pools_set_state(pools, pool, REGISTRY_FAILED);
}

void pools_probe(struct pools *pools, struct registry_pool *pool)
{
	int r = pool_file_probe(&pools_directory(pools, pool)->dir, &pool->file);

	if (r == 0) {
		log_line(pools->log, LOG_DEBUG, "%s: nobody has it any more", pools_name(pool).text);
		pools_set_state(pools, pool, REGISTRY_RECYCLING);
	} else if (r == -ENOENT || r == -ESTALE) {
		log_line(pools->log, LOG_WARNING, "%s: its file is gone", pools_name(pool).text);
		pools_forget(pools, pool);
	} else if (resource_has_run_out(r)) {
		pools_short_of_descriptors(pools, r, "probes of pools");
	} else if (r != -EAGAIN) {
		log_line(pools->log, LOG_WARNING, "%s: lease probe: %s", pools_name(pool).text, strerrordesc_np(-r));
	}
}

void pools_short_of_descriptors(struct pools *pools, int error, const char *what)
{
	shortage_begin(&pools->descriptors, pools->log, pools_now_ms(pools), RESOURCE_DESCRIPTOR, error, what);
}

#define DUE_MOST_MS 3600000    /* the clock is looked at this often though nothing is due */

static void on_due(uv_timer_t *timer)
{
	pools_wake(timer->data);
}

/* libuv's word for what runs once in a turn, after the events of the one before; while it is to run, no turn waits. */
static void on_turn(uv_idle_t *turn)
{
	struct pools *pools = turn->data;
	int64_t now_ms = pools_now_ms(pools), due_ms;

	pools_open_directories(pools);
	pools_start_due(pools);
	due_ms = provision_due_ms(&pools->provision, pools->config, pools->registry, now_ms, DUE_MOST_MS);
	due_ms = pools_directories_due_ms(pools, due_ms);
	(void)uv_timer_start(&pools->due_timer, on_due, due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 1, 0);
	/* of what was changed by this itself nothing more comes due */
	(void)uv_idle_stop(turn);
	pools->changed(pools->context);
}

void pools_wake(struct pools *pools)
{
	if (!pools->stopping)
		(void)uv_idle_start(&pools->turn, on_turn);
}

void pools_hurry(struct pools *pools, struct registry_pool *pool)
{
	if (pool->work)
		pool->work->due_ms = 0;
	pools_wake(pools);
}

static void on_early_timer(uv_timer_t *timer);

static void wait_for_early(struct pools *pools)
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

		if (pool && pool->state == REGISTRY_LEASED)
			pools_probe(pools, pool);
		pool = registry_find(pools->registry, id);
		if (!pool || pool->state != REGISTRY_LEASED)
			early_forget(&pools->early, id);
	}
	wait_for_early(pools);
}

/* --- events --- */

static void on_closed(void *context, int number, const uint8_t id[POOL_FILE_ID_BYTES])
{
	struct pools *pools = context;
	struct directory *directory = directories_by_watch(&pools->directories, number);
	struct registry_pool *pool = registry_find(pools->registry, id);

	/* the daemon's own work ends with such events as well */
	if (!directory || !pool || provision_is_busy(pool) || strcmp(pool->directory, directory->path) != 0)
		return;
	if (pool->state == REGISTRY_FAILED)
		pools_hurry(pools, pool);
	else if (pool->state == REGISTRY_LEASED)
		pools_probe(pools, pool);
	else
		return;
	pool = registry_find(pools->registry, id);
	if (pool && pool->state == REGISTRY_LEASED) {
		early_add(&pools->early, id, pools_now_ms(pools));
		wait_for_early(pools);
	}
}

static void on_directory_gone(void *context, int number)
{
	struct pools *pools = context;
	struct directory *directory = directories_by_watch(&pools->directories, number);

	if (directory)
		pools_directory_gone(pools, directory);
}

static void on_mounts_changed(void *context)
{
	struct pools *pools = context;

	pools_check_directories(pools);
	pools_retry_directories(pools);
}

static int probe_leased(void *context, struct registry_pool *pool)
{
	if (pool->state == REGISTRY_LEASED)
		pools_probe(context, pool);
	return 0;
}

static void on_overflow(void *context)
{
	struct pools *pools = context;

	log_line(pools->log, LOG_WARNING, "inotify: events were lost; all leased pools are probed");
	(void)registry_each(pools->registry, probe_leased, pools);
}

static const struct watch_events watch_events = {
	.closed = on_closed,
	.directory_gone = on_directory_gone,
	.overflow = on_overflow,
};

int pools_watch(struct pools *pools, int dir_fd, int *ret_watch)
{
	int r = 0;

	if (pools->stopping)
		return -ECANCELED;
	/* not at the start: the instances of inotify may be used up, and come free again */
	if (!pools->watch)
		r = watch_open(pools->loop, &watch_events, pools, &pools->watch);
	return r == 0 ? watch_add(pools->watch, dir_fd, ret_watch) : r;
}

/* An event that never came must not keep a pool for ever: all leased ones are probed in turn, a few each second. */
static int probe_slice(void *context, struct registry_pool *pool)
{
	struct pools *pools = context;

	if (pool->state == REGISTRY_LEASED && pool->id[0] % POOLS_PROBE_ROUND_S == pools->probe_slice)
		pools_probe(pools, pool);
	return 0;
}

static void on_probe_timer(uv_timer_t *timer)
{
	struct pools *pools = timer->data;

	pools_check_directories(pools);
	pools_check(pools);
	shortage_check(&pools->threads, pools->log, pools_now_ms(pools));
	shortage_check(&pools->descriptors, pools->log, pools_now_ms(pools));
	pools->probe_slice = (pools->probe_slice + 1) % POOLS_PROBE_ROUND_S;
	(void)registry_each(pools->registry, probe_slice, pools);
	/* what could not be started is tried again, and the owner looks at its own */
	pools_wake(pools);
}

/* --- opening, configuring, ending --- */

/* Jobs whose pools no class would want any more need not be finished. */
static void cancel_misfits(struct pools *pools)
{
	for (struct job *job = pools->jobs.first; job; job = job->next)
		if ((job->kind == PROVISION_CREATE || job->kind == PROVISION_WARM) &&
		    !provision_fits(config_find(pools->config, job->class_name), job->pool))
			jobs_cancel(job);
}

static int add_directories(struct pools *pools)
{
	for (struct directory *directory = pools->directories.first; directory; directory = directory->next)
		directory->wanted = false;
	for (size_t i = 0; i < pools->config->class_count; i++) {
		const struct config_class *class = &pools->config->classes[i];
		struct directory *directory;

		if (!provision_class(&pools->provision, class->name))
			return -ENOMEM;
		/* of a class that does not say it */
		if (class->directory[0] == '\0')
			continue;
		directory = directories_add(&pools->directories, class->directory);
		if (!directory)
			return -ENOMEM;
		directory->wanted = true;
		directory->due_ms = 0;
	}
	return 0;
}

void pools_configure(struct pools *pools, const struct config *config)
{
	pools->config = config;
	if (add_directories(pools) != 0)
		log_line(pools->log, LOG_ERR, "reload: no memory for all classes");
	for (size_t i = 0; i < pools->provision.count; i++) {
		struct provision_class *class = pools->provision.classes[i];

		class->trim = true;
		class->advice[0] = '\0';
		provision_reset(class);
	}
	for (struct directory *directory = pools->directories.first; directory; directory = directory->next) {
		if (directory->wanted || directory->pools > 0 || !directory_is_usable(directory))
			continue;
		watch_remove(pools->watch, directory->watch);
		directory_close(directory);
	}
	cancel_misfits(pools);
	pools_refresh_classes(pools);
	pools_wake(pools);
}

/* A class that was removed while the daemon was away may have left pools in a directory that no class has now. */
static int add_saved_directory(void *context, struct registry_pool *pool)
{
	struct pools *pools = context;

	return directories_add(&pools->directories, pool->directory) ? 0 : -ENOMEM;
}

int pools_open(struct pools *pools, uv_loop_t *loop, struct log *log, const struct config *config,
	       struct registry *saved, void (*changed)(void *context), void *context)
{
	int r;

	*pools = (struct pools){
		.loop = loop, .log = log, .config = config, .saved = saved, .changed = changed, .context = context,
		.jobs = { .loop = loop }, .registry = registry_new(),
	};
	(void)uv_timer_init(loop, &pools->due_timer);
	(void)uv_timer_init(loop, &pools->probe_timer);
	(void)uv_timer_init(loop, &pools->early_timer);
	(void)uv_idle_init(loop, &pools->turn);
	pools->turn.data = pools->due_timer.data = pools->probe_timer.data = pools->early_timer.data = pools;
	if (!pools->registry)
		return -ENOMEM;
	registry_set_epoch(pools->registry, registry_epoch(saved));
	(void)mounts_open(loop, on_mounts_changed, pools, &pools->mounts);
	r = add_directories(pools);
	if (r == 0)
		r = registry_each(saved, add_saved_directory, pools);
	if (r != 0)
		return r;
	(void)uv_timer_start(&pools->probe_timer, on_probe_timer, 1000, 1000);
	pools_wake(pools);
	return 0;
}

bool pools_are_found(const struct pools *pools)
{
	return pools->opening == 0;
}

void pools_stop(struct pools *pools)
{
	if (pools->stopping)
		return;
	pools->stopping = true;
	jobs_cancel_all(&pools->jobs);
	uv_close((uv_handle_t *)&pools->turn, NULL);
	uv_close((uv_handle_t *)&pools->due_timer, NULL);
	uv_close((uv_handle_t *)&pools->probe_timer, NULL);
	uv_close((uv_handle_t *)&pools->early_timer, NULL);
	mounts_close(pools->mounts);
	watch_close(pools->watch);
	/* jobs that end from now on still give up their directories */
	pools->watch = NULL;
}

static int free_work(void *context, struct registry_pool *pool)
{
	(void)context;
	free(pool->work);
	pool->work = NULL;
	return 0;
}

void pools_done(struct pools *pools)
{
	if (pools->registry)
		(void)registry_each(pools->registry, free_work, NULL);
	registry_free(pools->registry);
	registry_free(pools->saved);
	early_done(&pools->early);
	directories_done(&pools->directories);
	provision_done(&pools->provision);
}
