/* SPDX-License-Identifier: BSD-3-Clause */
/* provision -- see provision.h. */
#include "vmmallocd/plan/provision.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All that is looked at for one class. */
struct view {
	struct provision_class *class;
	const struct config_class *config;
	struct registry_class *pools;
	const struct config *all;
	struct registry *registry;
	struct provision *provision;
	int64_t now_ms;
	bool may_punch, may_work, may_check;
};

void provision_done(struct provision *provision)
{
	for (size_t i = 0; i < provision->count; i++)
		free(provision->classes[i]);
	free(provision->classes);
	*provision = (struct provision){ 0 };
}

struct provision_class *provision_class(struct provision *provision, const char *name)
{
	struct provision_class **classes, *class;

	for (size_t i = 0; i < provision->count; i++)
		if (strcmp(provision->classes[i]->name, name) == 0)
			return provision->classes[i];
	classes = reallocarray(provision->classes, provision->count + 1, sizeof(struct provision_class *));
	if (!classes)
		return NULL;
	provision->classes = classes;
	class = calloc(1, sizeof(*class));
	if (!class)
		return NULL;
	snprintf(class->name, sizeof(class->name), "%s", name);
	class->punch_may_block = true;
	provision->classes[provision->count++] = class;
	return class;
}

bool provision_is_busy(const struct registry_pool *pool)
{
	const struct provision_work *work = pool->work;

	return work && work->running;
}

bool provision_fits(const struct config_class *class, const struct registry_pool *pool)
{
	return class && class->size_bytes == pool->size_bytes && strcmp(class->directory, pool->directory) == 0;
}

static bool is_due(const struct registry_pool *pool, int64_t now_ms)
{
	const struct provision_work *work = pool->work;

	return !work || (!work->running && work->due_ms <= now_ms);
}

static bool must_be_checked(const struct registry_pool *pool)
{
	return pool->pins_show && registry_is_pinned(pool);
}

static struct registry_pool *first_of(const struct view *view, enum registry_state state, bool to_check)
{
	struct registry_pool *pool = view->pools->first[state];

	while (pool && (must_be_checked(pool) != to_check || !is_due(pool, view->now_ms)))
		pool = pool->next_in_state;
	return pool;
}

static struct registry_pool *first_due(const struct view *view, enum registry_state state)
{
	return first_of(view, state, false);
}

static struct registry_pool *first_to_check(const struct view *view)
{
	static const enum registry_state states[] = { REGISTRY_RECYCLING, REGISTRY_FAILED, REGISTRY_QUARANTINED };
	struct registry_pool *pool = NULL;

	for (size_t i = 0; !pool && i < sizeof(states) / sizeof(states[0]); i++)
		pool = first_of(view, states[i], true);
	return pool;
}

size_t provision_total(const struct registry_class *pools)
{
	size_t n = 0;

	for (unsigned state = 0; state < REGISTRY_STATES; state++)
		n += pools->counts[state];
	return n;
}

/* Those in that state that are not cold. */
static size_t count_warm(const struct view *view, enum registry_state state)
{
	return view->pools->counts[state] - view->pools->cold[state];
}

static bool somebody_waits(const struct view *view)
{
	return view->now_ms < view->class->asked_until_ms;
}

/* Whether what is ready is removed, and what comes back is, too. */
static bool lets_go(const struct view *view)
{
	return view->config->service == CONFIG_DISABLED || view->class->releases;
}

/* Ready pools that there should be. */
static size_t wanted(const struct view *view)
{
	return lets_go(view) ? 0 : view->config->ready + view->class->extra;
}

/* Pools that will be ready without any more being made. */
static size_t coming(const struct view *view)
{
	size_t n = count_warm(view, REGISTRY_CREATING) + view->pools->counts[REGISTRY_WARMING];

	if (view->config->recycle == CONFIG_RECYCLE_SCRUB)
		n += view->pools->counts[REGISTRY_RECYCLING];
	return n;
}

static bool is_short(const struct view *view)
{
	return view->config && view->pools && view->config->service == CONFIG_SERVES &&
	       coming(view) + count_warm(view, REGISTRY_READY) < wanted(view);
}

static bool wants_more(const struct view *view)
{
	return is_short(view) && !view->config->closed && view->class->directory_usable && !somebody_waits(view) &&
	       provision_total(view->pools) < view->config->max &&
	       count_warm(view, REGISTRY_CREATING) < PROVISION_CREATES_MOST;
}

/* What is being removed does not count: there are enough on their way out. */
static bool is_past_max(const struct view *view)
{
	return provision_total(view->pools) - view->pools->counts[REGISTRY_FAILED] > view->config->max;
}

/* A ready pool that is not to be handed out any more. */
static struct registry_pool *surplus(const struct view *view)
{
	size_t ready = count_warm(view, REGISTRY_READY), cold = view->pools->cold[REGISTRY_READY];
	struct registry_pool *pool;
	bool too_many;

	/* what a closed class says may be wrong: its pools wait until it is right */
	if (ready + cold == 0 || (view->config && view->config->closed))
		return NULL;
	too_many = !view->config || is_past_max(view) ||
		   ((view->class->trim || view->config->cold || lets_go(view)) && ready > wanted(view));
	/* a pool that does not fit is there only after a reload: without one each hand-out would walk for nothing */
	if (!too_many && !view->class->trim && cold == 0)
		return NULL;
	for (pool = view->pools->first[REGISTRY_READY]; pool; pool = pool->next_in_state)
		if (is_due(pool, view->now_ms) && (pool->cold || !provision_fits(view->config, pool)))
			return pool;
	if (too_many)
		return first_due(view, REGISTRY_READY);
	view->class->trim = false;
	return NULL;
}

/* Those that are on their way from their last user to the next. */
static size_t scrubbing(const struct view *view)
{
	size_t n = 0;

	for (const struct registry_pool *pool = view->pools->first[REGISTRY_RECYCLING]; pool;
	     pool = pool->next_in_state)
		n += provision_is_busy(pool) && !must_be_checked(pool);
	return n;
}

/* Whether one that came back would be a ready one more than there should be, or keeps somebody waiting. */
static bool is_spare(const struct view *view)
{
	return view->config->cold &&
	       (somebody_waits(view) ||
		count_warm(view, REGISTRY_READY) + view->pools->counts[REGISTRY_WARMING] +
				count_warm(view, REGISTRY_CREATING) + scrubbing(view) >=
			wanted(view));
}

/*
 * Those that take a pool's space while they are worked on. What is removed gives its own back, and a cold one takes
 * next to nothing: where programs come and go there are always some of these.
 */
static size_t takers(const struct view *view)
{
	return count_warm(view, REGISTRY_CREATING) +
	       (is_spare(view) ? scrubbing(view) : view->pools->counts[REGISTRY_RECYCLING]);
}

/*
 * Where space is short, two that take it at the same time both fail, for ever. So a class whose creation failed waits
 * until nobody else takes space there.
 */
static bool has_space_to_itself(const struct view *view)
{
	for (size_t i = 0; i < view->all->class_count; i++) {
		struct view other = *view;

		other.config = &view->all->classes[i];
		if (strcmp(other.config->directory, view->config->directory) != 0)
			continue;
		other.class = provision_class(view->provision, other.config->name);
		other.pools = registry_class(view->registry, other.config->name);
		if (other.class && other.pools && takers(&other) > 0)
			return false;
	}
	return true;
}

static bool may_create(const struct view *view)
{
	return wants_more(view) && view->class->create_due_ms <= view->now_ms &&
	       (view->class->pause_ms == 0 || has_space_to_itself(view));
}

static bool keeps(const struct view *view, const struct registry_pool *pool)
{
	return provision_fits(view->config, pool) && view->config->recycle == CONFIG_RECYCLE_SCRUB && !is_spare(view) &&
	       !is_past_max(view) && !lets_go(view);
}

static bool give_job(const struct view *view, enum provision_kind kind, struct registry_pool *pool, bool may_block,
		 struct provision_job *ret_job)
{
	*ret_job = (struct provision_job){
		.kind = kind, .class = view->class, .config = view->config, .pool = pool, .may_block = may_block,
	};
	return true;
}

/* A job that may block in a punch, where the pool's directory is one of that kind. False: no worker may do it now. */
static bool give_reclaim(const struct view *view, enum provision_kind kind, struct registry_pool *pool,
			 struct provision_job *ret_job)
{
	/* a pool that nobody has had is removed without a punch */
	bool may_block =
		view->class->punch_may_block &&
		(kind == PROVISION_SCRUB || pool->file.mark == POOL_FILE_USED || pool->file.mark == POOL_FILE_BAD);

	return (may_block ? view->may_punch : view->may_work) && give_job(view, kind, pool, may_block, ret_job);
}

/* Whether what is made for nobody yet is not wanted any more, or in the way of somebody who waits. */
static bool gives_way(const struct view *view)
{
	return view->config && (lets_go(view) || (somebody_waits(view) &&
						  provision_total(view->pools) >= view->config->max));
}

/* What makes space or a ready pool soonest comes first. */
static bool next_of_class(const struct view *view, struct provision_job *ret_job)
{
	struct registry_pool *pool;

	pool = view->may_check ? first_to_check(view) : NULL;
	if (pool)
		return give_job(view, PROVISION_CHECK, pool, false, ret_job);
	pool = first_due(view, REGISTRY_FAILED);
	if (pool && give_reclaim(view, PROVISION_DESTROY, pool, ret_job))
		return true;
	pool = view->may_work ? surplus(view) : NULL;
	if (pool)
		return give_job(view, PROVISION_DESTROY, pool, false, ret_job);
	pool = first_due(view, REGISTRY_WARMING);
	if (pool && (gives_way(view) ? give_reclaim(view, PROVISION_DESTROY, pool, ret_job) :
				       view->may_work && give_job(view, PROVISION_WARM, pool, false, ret_job)))
		return true;
	pool = first_due(view, REGISTRY_RECYCLING);
	if (pool && give_reclaim(view, keeps(view, pool) ? PROVISION_SCRUB : PROVISION_DESTROY, pool, ret_job))
		return true;
	if (view->may_work && may_create(view))
		return give_job(view, PROVISION_CREATE, NULL, false, ret_job);
	pool = first_due(view, REGISTRY_QUARANTINED);
	return pool && give_reclaim(view, PROVISION_SCRUB, pool, ret_job);
}

bool provision_next(struct provision *provision, const struct config *config, struct registry *registry,
		    const struct provision_load *load, int64_t now_ms, struct provision_job *ret_job)
{
	unsigned punches_most = load->workers / 2 ? load->workers / 2 : 1;
	unsigned jobs_most = load->punches < load->workers ? load->workers - load->punches : 1;
	struct view view = {
		.all = config,
		.registry = registry,
		.provision = provision,
		.now_ms = now_ms,
		.may_punch = load->punches < punches_most &&
			     (load->jobs + load->punches < load->workers || load->punches == 0),
		.may_work = load->jobs < jobs_most,
		.may_check = load->checks < PROVISION_CHECKS_MOST,
	};

	if (!view.may_punch && !view.may_work && !view.may_check)
		return false;
	for (size_t i = 0; i < provision->count; i++) {
		size_t turn = (provision->turn + i) % provision->count;

		view.class = provision->classes[turn];
		view.config = config_find(config, view.class->name);
		view.pools = registry_class(registry, view.class->name);
		if (view.pools && !view.class->stuck && next_of_class(&view, ret_job)) {
			provision->turn = (turn + 1) % provision->count;
			return true;
		}
	}
	return false;
}

static int64_t earlier(int64_t due_ms, int64_t candidate_ms, int64_t now_ms)
{
	return candidate_ms > now_ms && candidate_ms < due_ms ? candidate_ms : due_ms;
}

static int64_t earliest_in(const struct view *view, enum registry_state state, int64_t due_ms)
{
	for (const struct registry_pool *pool = view->pools->first[state]; pool; pool = pool->next_in_state)
		if (pool->work && !provision_is_busy(pool))
			due_ms = earlier(due_ms, pool->work->due_ms, view->now_ms);
	return due_ms;
}

int64_t provision_due_ms(const struct provision *provision, const struct config *config, struct registry *registry,
			 int64_t now_ms, int64_t most_ms)
{
	static const enum registry_state retried[] = { REGISTRY_WARMING, REGISTRY_RECYCLING, REGISTRY_FAILED,
						       REGISTRY_QUARANTINED };
	int64_t due_ms = now_ms + most_ms;

	for (size_t i = 0; i < provision->count; i++) {
		struct view view = {
			.class = provision->classes[i],
			.config = config_find(config, provision->classes[i]->name),
			.pools = registry_class(registry, provision->classes[i]->name),
			.now_ms = now_ms,
		};

		if (!view.pools)
			continue;
		due_ms = earlier(due_ms, view.class->asked_until_ms, now_ms);
		if (wants_more(&view))
			due_ms = earlier(due_ms, view.class->create_due_ms, now_ms);
		for (size_t s = 0; s < sizeof(retried) / sizeof(retried[0]); s++)
			due_ms = earliest_in(&view, retried[s], due_ms);
		/* of ready pools only a cold one waits, to be removed; there may be thousands of warm ones */
		if (view.pools->cold[REGISTRY_READY] > 0)
			due_ms = earliest_in(&view, REGISTRY_READY, due_ms);
	}
	return due_ms;
}

bool provision_make_room(struct provision_class *class, struct registry *registry, int64_t now_ms)
{
	const struct registry_class *pools = registry_class(registry, class->name);

	if (!pools || provision_total(pools) == pools->counts[REGISTRY_LEASED] + pools->counts[REGISTRY_QUARANTINED])
		return false;
	class->asked_until_ms = now_ms + PROVISION_ASKED_MS;
	return true;
}

static struct view view_of(const struct provision_class *class, const struct config *config, struct registry *registry)
{
	return (struct view){
		.class = (struct provision_class *)class,
		.config = config_find(config, class->name),
		.pools = registry_class(registry, class->name),
	};
}

bool provision_has_wanted(const struct provision_class *class, const struct config *config, struct registry *registry)
{
	const struct view view = view_of(class, config, registry);

	return view.config && view.pools && view.config->service == CONFIG_SERVES && !class->releases &&
	       count_warm(&view, REGISTRY_READY) >= wanted(&view);
}

bool provision_is_at_work(const struct provision_class *class, const struct config *config, struct registry *registry)
{
	const struct view view = view_of(class, config, registry);

	return view.config && view.pools && coming(&view) > 0;
}

bool provision_is_hindered(const struct provision_class *class, const struct config *config, struct registry *registry)
{
	const struct view view = view_of(class, config, registry);

	return !view.config || !view.pools || view.config->service != CONFIG_SERVES || view.config->closed ||
	       class->releases || class->stuck || !class->directory_usable ||
	       provision_total(view.pools) >= view.config->max;
}

size_t provision_room(const struct provision_class *class, const struct config *config, struct registry *registry)
{
	const struct view view = view_of(class, config, registry);
	size_t taken, has;

	if (!view.config || !view.pools)
		return 0;
	has = coming(&view) + count_warm(&view, REGISTRY_READY);
	taken = provision_total(view.pools) + (has < wanted(&view) ? wanted(&view) - has : 0);
	return taken < view.config->max ? view.config->max - taken : 0;
}

void provision_give_up_extra(struct provision_class *class, const struct config *config, struct registry *registry)
{
	const struct view view = view_of(class, config, registry);
	size_t has, most;

	if (!view.config || !view.pools)
		return;
	has = coming(&view) + count_warm(&view, REGISTRY_READY);
	most = has > view.config->ready ? has - view.config->ready : 0;
	if (class->extra > most)
		class->extra = most;
}

bool provision_is_short(const struct provision_class *class, const struct config *config, struct registry *registry)
{
	const struct view view = view_of(class, config, registry);

	return is_short(&view);
}

bool provision_is_stopped(const struct provision_class *class, const struct config *config, struct registry *registry)
{
	const struct view view = view_of(class, config, registry);

	return is_short(&view) && coming(&view) == 0;
}

bool provision_is_used_up(const struct provision_class *class, const struct config *config, struct registry *registry)
{
	const struct view view = view_of(class, config, registry);

	return is_short(&view) && coming(&view) == 0 && count_warm(&view, REGISTRY_READY) == 0 &&
	       provision_total(view.pools) >= view.config->max;
}

static unsigned longer(unsigned pause_ms, unsigned first_ms, unsigned most_ms)
{
	if (pause_ms == 0)
		return first_ms;
	return pause_ms > most_ms / 2 ? most_ms : pause_ms * 2;
}

void provision_failed(struct provision_class *class, int64_t now_ms)
{
	/* two creations that fail at the same time are one failure */
	if (class->create_due_ms > now_ms)
		return;
	class->pause_ms = longer(class->pause_ms, PROVISION_CREATE_PAUSE_MS, PROVISION_CREATE_PAUSE_MOST_MS);
	class->create_due_ms = now_ms + class->pause_ms;
}

void provision_succeeded(struct provision_class *class, int64_t now_ms)
{
	/* but not while the failure of another that was begun with it is waited out */
	if (class->create_due_ms <= now_ms)
		provision_reset(class);
}

bool provision_cold_failed(const struct provision_class *class, int64_t now_ms)
{
	return class->cold_error < 0 && now_ms < class->cold_due_ms + PROVISION_COLD_SAID_MS;
}

void provision_reset(struct provision_class *class)
{
	class->cold_error = 0;
	class->pause_ms = 0;
	class->create_due_ms = 0;
	class->problem[0] = '\0';
}

void provision_space_freed(struct provision *provision, const struct config *config, const char *directory)
{
	for (size_t i = 0; i < provision->count; i++) {
		const struct config_class *class = config_find(config, provision->classes[i]->name);

		if (class && strcmp(class->directory, directory) == 0)
			provision->classes[i]->create_due_ms = 0;
	}
}

void provision_retry_later(struct provision_work *work, int64_t now_ms, unsigned first_ms, unsigned most_ms)
{
	work->pause_ms = longer(work->pause_ms, first_ms, most_ms);
	work->due_ms = now_ms + work->pause_ms;
}
