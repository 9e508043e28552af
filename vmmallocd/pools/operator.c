/* SPDX-License-Identifier: BSD-3-Clause */
/* operator -- what an operator asks and orders. See pools.h and control.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmmallocd/pools/base.h"
#include "vmmallocd/pools/check.h"
#include "vmmallocd/pools/relief.h"

/* That all are in use may be a problem, or what was wanted. So the text says in which states they are. */
static const char *say_used_up(struct provision_class *class, const struct config_class *config,
			       const struct registry_class *pools)
{
	struct text text = TEXT_INIT(class->used_up);
	const char *comma = ":";

	text_add(&text, "it has as many pools as it may have (max = %u), and none is ready", config->max);
	for (enum registry_state state = 0; state < REGISTRY_STATES; state++) {
		if (pools->counts[state] == 0)
			continue;
		text_add(&text, "%s %zu %s", comma, pools->counts[state], registry_state_name(state));
		comma = ",";
	}
	return class->used_up;
}

const char *pools_problem(const struct pools *pools)
{
	if (pools->threads.problem[0] != '\0')
		return pools->threads.problem;
	return pools->descriptors.problem[0] != '\0' ? pools->descriptors.problem : NULL;
}

/* No pool is ready, and some are held by others than those that they were given to: a scanner, or a child. */
static bool short_of_left(struct pools *pools, struct provision_class *class)
{
	const struct registry_class *counts = registry_class(pools->registry, class->name);
	struct text text = TEXT_INIT(class->used_up);

	return counts && counts->counts[REGISTRY_READY] == 0 &&
	       provision_is_short(class, pools->config, pools->registry) && pools_say_left(counts, &text);
}

const char *pools_class_problem(struct pools *pools, const char *class_name)
{
	const struct config_class *config = config_find(pools->config, class_name);
	struct provision_class *class = provision_class(&pools->provision, class_name);
	const struct served_dir *directory = config ? served_dirs_find(&pools->directories, config->directory) : NULL;
	const char *relief;

	if (config && config->problem)
		return config->problem;
	if (directory && directory->problem[0] != '\0')
		return directory->problem;
	if (class && directory && directory->hanging > 0) {
		snprintf(class->used_up, sizeof(class->used_up),
			 "pool directory %s: %u pieces of work there do not end", directory->path, directory->hanging);
		return class->used_up;
	}
	if (class && class->releases)
		return pools_relief_problem(pools, config, class, directory);
	/* while all that it should have is there, it does not matter that no more can be made */
	if (class && class->problem[0] != '\0' &&
	    (provision_cold_failed(class, pools_now_ms(pools)) ||
	     provision_is_short(class, pools->config, pools->registry)))
		return class->problem;
	if (class && short_of_left(pools, class))
		return class->used_up;
	if (class && provision_is_used_up(class, pools->config, pools->registry))
		return say_used_up(class, config, registry_class(pools->registry, class_name));
	relief = class ? pools_relief_problem(pools, config, class, directory) : NULL;
	if (relief)
		return relief;
	return class && class->advice[0] != '\0' ? class->advice : NULL;
}

uint64_t pools_bytes(const struct pools *pools, const char *path, uint64_t size_bytes)
{
	const struct served_dir *directory = served_dirs_find(&pools->directories, path);
	uint64_t grain = directory && directory->open ? directory->dir.grain : 1;

	return size_bytes > UINT64_MAX - grain ? size_bytes : (size_bytes + grain - 1) / grain * grain;
}

static int read_figures(struct pools *pools, const struct registry_pool *pool, struct pool_header *ret_header)
{
	const struct served_dir *directory = pools_directory(pools, pool);

	if (!directory || !directory->open)
		return -ENOENT;
	return pool_file_read_header(&directory->dir, &pool->file, ret_header);
}

/* Its owner may have written anything. */
static uint64_t bounded(struct pools *pools, const struct registry_pool *pool, uint64_t figure)
{
	uint64_t most = pools_bytes(pools, pool->directory, pool->size_bytes);

	return figure < most ? figure : most;
}

/* A heap of many pools, whose first one has the figures of all. */
struct heap_of_many {
	struct pools *pools;
	const struct registry_pool *first;
	uint64_t others_used;
};

static int add_other(void *context, struct registry_pool *pool)
{
	struct heap_of_many *heap = context;
	struct pool_header header;

	if (pool != heap->first && pool->state == REGISTRY_LEASED && pool->owner.pid == heap->first->owner.pid &&
	    pool->owner.uid == heap->first->owner.uid && read_figures(heap->pools, pool, &header) == 0)
		heap->others_used += bounded(heap->pools, pool, header.used_bytes);
	return 0;
}

int pools_figures(struct pools *pools, const struct registry_pool *pool, uint64_t *ret_used, uint64_t *ret_peak)
{
	struct heap_of_many heap = { .pools = pools, .first = pool };
	struct pool_header header;
	int r = read_figures(pools, pool, &header);

	if (r < 0)
		return r;
	if (header.pool_bytes > pools_bytes(pools, pool->directory, pool->size_bytes))
		(void)registry_each(pools->registry, add_other, &heap);
	header.used_bytes -= header.used_bytes < heap.others_used ? header.used_bytes : heap.others_used;
	*ret_used = bounded(pools, pool, header.used_bytes);
	*ret_peak = bounded(pools, pool, header.peak_bytes);
	return 0;
}

void pools_ask_space(struct pools *pools)
{
	for (struct served_dir *directory = pools->directories.first; directory; directory = directory->next)
		if (served_dir_is_usable(directory))
			space_ask(directory, pools->loop);
}

bool pools_space_is_coming(const struct pools *pools)
{
	const struct served_dir *directory = pools->directories.first;

	while (directory && !space_is_coming(&directory->space, uv_now(pools->loop)))
		directory = directory->next;
	return directory;
}

bool pools_space_is_asked(const struct pools *pools)
{
	const struct served_dir *directory = pools->directories.first;

	while (directory && !directory->space.asking)
		directory = directory->next;
	return directory;
}

struct prune {
	struct pools *pools;
	bool dry_run;
	int (*visit)(void *context, const struct registry_pool *pool);
	void *context;
};

static int prune_pool(const struct prune *prune, struct registry_pool *pool)
{
	int r = prune->visit(prune->context, pool);

	if (r != 0 || prune->dry_run)
		return r;
	pools_hurry(prune->pools, pool);
	if (pool->state != REGISTRY_FAILED)
		pools_set_state(prune->pools, pool, REGISTRY_FAILED);
	return 0;
}

static int prune_ready(const struct prune *prune, struct provision_class *class, const struct registry_class *pools)
{
	const struct config_class *config = config_find(prune->pools->config, class->name);
	size_t keep = config ? config->ready : 0;
	size_t ready = pools->counts[REGISTRY_READY] - pools->cold[REGISTRY_READY];
	struct registry_pool *next;
	int r = 0;

	if (config && config->closed)
		return 0;
	if (!prune->dry_run)
		class->extra = 0;
	for (struct registry_pool *pool = pools->first[REGISTRY_READY]; pool && r == 0; pool = next) {
		next = pool->next_in_state;
		/* a cold one was made for somebody, or goes by itself */
		if (provision_is_busy(pool) || pool->cold || (ready <= keep && provision_fits(config, pool)))
			continue;
		ready--;
		r = prune_pool(prune, pool);
	}
	return r;
}

/*
 * A pool that is pinned must not be removed: its pages would be nobody's memory, and on DAX another file's. A pool that
 * is being removed already, perhaps once more after a failure, is told to the caller as well.
 */
static bool may_prune(const struct prune *prune, const struct registry_pool *pool)
{
	if (provision_is_busy(pool))
		return pool->state == REGISTRY_FAILED;
	if (pool->state == REGISTRY_QUARANTINED && registry_is_pinned(pool))
		return false;
	return pool_file_probe(&pools_directory(prune->pools, pool)->dir, &pool->file) == 0;
}

static int prune_odd(const struct prune *prune, const struct registry_class *pools, enum registry_state state)
{
	struct registry_pool *next;
	int r = 0;

	for (struct registry_pool *pool = pools->first[state]; pool && r == 0; pool = next) {
		next = pool->next_in_state;
		if (may_prune(prune, pool))
			r = prune_pool(prune, pool);
	}
	return r;
}

int pools_prune(struct pools *pools, bool dry_run, int (*visit)(void *context, const struct registry_pool *pool),
		void *context)
{
	const struct prune prune = { .pools = pools, .dry_run = dry_run, .visit = visit, .context = context };
	int r = 0;

	for (size_t i = 0; i < pools->provision.count && r == 0; i++) {
		const char *name = pools->provision.classes[i]->name;
		const struct registry_class *class = registry_class(pools->registry, name);

		if (!class)
			return -ENOMEM;
		/* before the ready ones, which then are failed ones */
		r = prune_odd(&prune, class, REGISTRY_FAILED);
		if (r == 0)
			r = prune_odd(&prune, class, REGISTRY_QUARANTINED);
		if (r == 0)
			r = prune_ready(&prune, pools->provision.classes[i], class);
	}
	return r;
}

int pools_empty(struct pools *pools, const char *class_name,
		int (*visit)(void *context, const struct registry_pool *pool), void *context)
{
	const struct prune prune = { .pools = pools, .visit = visit, .context = context };
	const struct registry_class *class = registry_class(pools->registry, class_name);
	struct registry_pool *next;
	int r = class ? 0 : -ENOMEM;

	for (struct registry_pool *pool = class ? class->first[REGISTRY_READY] : NULL; pool && r == 0; pool = next) {
		next = pool->next_in_state;
		if (!provision_is_busy(pool))
			r = prune_pool(&prune, pool);
	}
	return r;
}

/* NULL: it can be removed, or is being removed already. */
static const char *why_not_destroy(const struct prune *prune, const struct registry_pool *pool)
{
	switch (pool->state) {
	case REGISTRY_READY:
		return NULL;
	case REGISTRY_QUARANTINED:
	case REGISTRY_FAILED:
		if (may_prune(prune, pool))
			return NULL;
		return registry_is_pinned(pool) ? "a page of it is still held" : "somebody has it open";
	case REGISTRY_LEASED:
		return "somebody has it; revoke ends who does";
	default:
		return "it is being worked on: expected one that is ready, quarantined or failed";
	}
}

int pools_destroy(struct pools *pools, const uint8_t id[POOL_FILE_ID_BYTES],
		  int (*visit)(void *context, const struct registry_pool *pool), void *context, struct text *error)
{
	const struct prune prune = { .pools = pools, .visit = visit, .context = context };
	struct registry_pool *pool = registry_find(pools->registry, id);
	const char *reason = pool ? why_not_destroy(&prune, pool) : NULL;

	if (!pool)
		return -ENOENT;
	if (!reason)
		return prune_pool(&prune, pool);
	text_add(error, "%s", reason);
	return -EBUSY;
}

/* Why no pool is made for the class by order; NULL: it can be. */
static const char *why_not_fill(const struct pools *pools, const struct config_class *config,
				struct provision_class *class)
{
	const struct served_dir *directory = served_dirs_find(&pools->directories, config->directory);

	if (config->closed)
		return config->problem;
	if (config->service != CONFIG_SERVES)
		return config->service == CONFIG_DRAINED ? "it is drained: vmmallocctl enable ends that" :
							   "it is disabled: vmmallocctl enable ends that";
	if (!directory || !served_dir_is_usable(directory))
		return directory && directory->problem[0] ? directory->problem : "its directory is not there";
	return class->releases ? pools_relief_problem(pools, config, class, directory) : NULL;
}

int pools_fill(struct pools *pools, const char *class_name, unsigned count, struct text *error)
{
	const struct config_class *config = config_find(pools->config, class_name);
	struct provision_class *class = provision_class(&pools->provision, class_name);
	const struct registry_class *counts = registry_class(pools->registry, class_name);
	const char *reason;
	size_t room;

	if (!config)
		return -ENOENT;
	if (!class || !counts)
		return -ENOMEM;
	reason = why_not_fill(pools, config, class);
	if (reason) {
		text_add(error, "%s", reason);
		return -EINVAL;
	}
	room = provision_room(class, pools->config, pools->registry);
	if (count > room) {
		text_add(error, "%u more pools: expected at most %zu, for it may have %u", count, room, config->max);
		return -EINVAL;
	}
	class->extra += count;
	provision_reset(class);
	for (struct registry_pool *pool = counts->first[REGISTRY_WARMING]; pool; pool = pool->next_in_state)
		if (!provision_is_busy(pool))
			pools_hurry(pools, pool);
	pools_wake(pools);
	return 0;
}

int pools_filled(struct pools *pools, const char *class_name, uint64_t failures, struct text *error)
{
	struct provision_class *class = provision_class(&pools->provision, class_name);
	const struct config_class *config = config_find(pools->config, class_name);
	const char *problem = pools_class_problem(pools, class_name);

	/* others were begun with the one that failed */
	if (class && provision_is_at_work(class, pools->config, pools->registry))
		return -EINPROGRESS;
	if (class && class->failures == failures) {
		if (provision_has_wanted(class, pools->config, pools->registry))
			return 0;
		if (!provision_is_hindered(class, pools->config, pools->registry))
			return -EINPROGRESS;
	} else if (class && class->problem[0] != '\0') {
		problem = class->problem;
	}
	if (!problem && config && class)
		problem = why_not_fill(pools, config, class);
	text_add(error, "%s", problem ? problem : "it does not make pools any more");
	return -EIO;
}

const char *pools_not_removed(struct pools *pools, const uint8_t id[POOL_FILE_ID_BYTES], bool *ret_at_work)
{
	const struct registry_pool *pool = registry_find(pools->registry, id);
	const struct provision_work *work = pool ? pool->work : NULL;

	*ret_at_work = false;
	if (!pool)
		return NULL;
	if (pool->state == REGISTRY_QUARANTINED)
		return "a page of it is still held";
	if (pool->state == REGISTRY_LEASED || (work && work->due_ms > 0 && work->error == -EAGAIN))
		return "somebody has it open";
	if (work && work->due_ms > 0 && !work->running && work->error != 0)
		return strerrordesc_np(-work->error);
	*ret_at_work = true;
	return "it is still being removed";
}
