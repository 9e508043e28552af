/* SPDX-License-Identifier: BSD-3-Clause */
/* pools -- see pools.h: events, the clock and the configuration. */
#include "vmmallocd/pools/pools.h"

#include <errno.h>
#include <stdlib.h>

#include "vmmallocd/base/clock.h"
#include "vmmallocd/pools/base.h"
#include "vmmallocd/pools/check.h"
#include "vmmallocd/pools/directories.h"
#include "vmmallocd/pools/probe.h"
#include "vmmallocd/pools/relief.h"
#include "vmmallocd/pools/short.h"
#include "vmmallocd/pools/work.h"

#define DUE_MOST_MS 3600000    /* the clock is looked at this often though nothing is due */

/* --- events --- */

static void on_directory_gone(void *context, int number)
{
	struct pools *pools = context;
	struct served_dir *directory = served_dirs_by_watch(&pools->directories, number);

	if (directory)
		pools_directory_gone(pools, directory);
}

static void on_mounts_changed(void *context)
{
	struct pools *pools = context;

	pools_check_directories(pools);
	pools_retry_directories(pools);
}

static const struct watch_events watch_events = {
	.closed = pools_on_closed,
	.directory_gone = on_directory_gone,
	.overflow = pools_on_overflow,
};

static void on_second(uv_timer_t *timer)
{
	struct pools *pools = timer->data;

	pools_check_directories(pools);
	pools_check(pools);
	shortage_check(&pools->threads, pools->log, pools_now_ms(pools));
	shortage_check(&pools->descriptors, pools->log, pools_now_ms(pools));
	pools_probe_some(pools);
	pools_relieve(pools);
	/* jobs that could not be started are tried again, and the owner looks after its own files */
	pools_wake(pools);
}

/* --- what is due --- */

static void on_pools_due(uv_timer_t *timer)
{
	pools_wake(timer->data);
}

/*
 * An idle handle of libuv runs once a turn, before the loop waits for events, and while it is active the loop does not
 * wait. So this comes after all that one turn's events and timers have changed.
 */
static void on_pools_turn(uv_idle_t *turn)
{
	struct pools *pools = turn->data;
	int64_t now_ms = pools_now_ms(pools), due_ms;

	pools_open_directories(pools);
	pools_start_due(pools);
	pools_tell_short(pools);
	due_ms = provision_due_ms(&pools->provision, pools->config, pools->registry, now_ms, DUE_MOST_MS);
	due_ms = pools_directories_due_ms(pools, due_ms);
	(void)uv_timer_start(&pools->due_timer, on_pools_due, due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 1, 0);
	/* the changes that this has made itself make nothing more due */
	(void)uv_idle_stop(turn);
	pools->changed(pools->context);
}

/* --- opening, configuring, ending --- */

static bool is_still_wanted(const struct config_class *class, const struct registry_pool *pool)
{
	return provision_fits(class, pool) && class->service != CONFIG_DISABLED;
}

/* Jobs whose pools no class would want any more need not be finished. */
static void cancel_misfits(struct pools *pools)
{
	for (struct job *job = pools->jobs.first; job; job = job->next)
		if ((job->kind == PROVISION_CREATE || job->kind == PROVISION_WARM) &&
		    !is_still_wanted(config_find(pools->config, job->class_name), job->pool))
			jobs_cancel(job);
}

static void want_directory(struct served_dir *directory, const struct config_class *class)
{
	struct text options = TEXT_INIT(directory->tmpfs);

	directory->wanted = true;
	directory->due_ms = 0;
	if (directory->tmpfs[0] == '\0')
		config_tmpfs_options(class, &options);
}

static int add_directories(struct pools *pools)
{
	for (struct served_dir *directory = pools->directories.first; directory; directory = directory->next)
		directory->wanted = false, directory->tmpfs[0] = '\0';
	for (size_t i = 0; i < pools->config->class_count; i++) {
		const struct config_class *class = &pools->config->classes[i];
		struct served_dir *directory;

		if (!provision_class(&pools->provision, class->name))
			return -ENOMEM;
		/* of a class that does not say it */
		if (class->directory[0] == '\0')
			continue;
		directory = served_dirs_add(&pools->directories, class->directory);
		if (!directory)
			return -ENOMEM;
		want_directory(directory, class);
	}
	return 0;
}

void pools_configure(struct pools *pools, const struct config *config)
{
	pools->config = config;
	if (add_directories(pools) != 0)
		log_line(pools->log, LOG_ERR, "reload: no memory for all classes");
	pools_leave_bare_directories(pools);
	for (size_t i = 0; i < pools->provision.count; i++) {
		struct provision_class *class = pools->provision.classes[i];

		class->trim = true;
		class->extra = 0;
		class->advice[0] = '\0';
		provision_reset(class);
	}
	for (struct served_dir *directory = pools->directories.first; directory; directory = directory->next)
		pools_close_unused(pools, directory);
	cancel_misfits(pools);
	pools_refresh_classes(pools);
	pools_wake(pools);
}

void pools_reorder(struct pools *pools, const char *class_name, bool has_new_figures)
{
	const struct config_class *config = config_find(pools->config, class_name);
	struct provision_class *class = provision_class(&pools->provision, class_name);

	if (class) {
		class->trim |= has_new_figures;
		if (config && config->service == CONFIG_DISABLED)
			class->extra = 0;
		else if (config && config->service == CONFIG_DRAINED)
			provision_give_up_extra(class, pools->config, pools->registry);
	}
	cancel_misfits(pools);
	pools_wake(pools);
}

/* A class that was removed while the daemon was away may have left pools in a directory that no class has now. */
static int add_saved_directory(void *context, struct registry_pool *pool)
{
	struct pools *pools = context;

	return served_dirs_add(&pools->directories, pool->directory) ? 0 : -ENOMEM;
}

int pools_open(struct pools *pools, uv_loop_t *loop, struct log *log, const struct config *config,
	       struct registry *saved, void (*changed)(void *context), void *context)
{
	int r;

	*pools = (struct pools){
		.loop = loop, .log = log, .config = config, .saved = saved, .changed = changed, .context = context,
		.jobs = { .loop = loop }, .registry = registry_new(), .on_turn = on_pools_turn,
	};
	(void)uv_timer_init(loop, &pools->due_timer);
	(void)uv_timer_init(loop, &pools->second_timer);
	(void)uv_timer_init(loop, &pools->early_timer);
	(void)uv_idle_init(loop, &pools->turn);
	r = events_init(&pools->events, (uint64_t)clock_real_us());
	pools->turn.data = pools->due_timer.data = pools->second_timer.data = pools->early_timer.data = pools;
	if (!pools->registry || r < 0)
		return -ENOMEM;
	registry_set_epoch(pools->registry, registry_epoch(saved));
	r = watch_open(loop, &watch_events, pools, &pools->watch);
	if (r < 0)
		return r;
	relief_open(&pools->relief);
	(void)mounts_open(loop, on_mounts_changed, pools, &pools->mounts);
	r = add_directories(pools);
	if (r == 0)
		r = registry_each(saved, add_saved_directory, pools);
	if (r < 0)
		return r;
	(void)uv_timer_start(&pools->second_timer, on_second, 1000, 1000);
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
	uv_close((uv_handle_t *)&pools->second_timer, NULL);
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
	served_dirs_done(&pools->directories);
	provision_done(&pools->provision);
	events_done(&pools->events);
	metrics_done(&pools->metrics);
}
