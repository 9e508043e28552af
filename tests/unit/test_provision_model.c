/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_provision_model -- registry, provision, request and the registry's file against arrays of classes and pools.
 *
 * A walk plays the daemon: it changes the configuration, drains, disables, resizes and fills classes, hands pools out
 * and takes them back, begins every job that provision_next gives and lets jobs end well or badly, takes directories
 * away and brings them back, prunes, lets memory be short and plenty, and lets time pass. After each step the registry
 * must be what the arrays say; what vmmallocd.conf(5) promises of `max`, `ready`, `max_per_user` and `max_per_process`
 * must hold; and nothing may come due before provision_due_ms says so. Now and then all goes well until nothing is left
 * to do: then each class must have what it should have. Some clients take cold pools, which are made at once or by a
 * job, and some of those never take what was made for them. model.h says how a walk is repeated.
 */
/* objects: vmmallocd/plan/ vmmallocd/config/ vmmallocd/state/ common/base/ common/util/ */
/* packages: jansson */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/model.h"
#include "tests/unit/registry_text.h"
#include "tests/unit/test.h"
#include "vmmallocd/plan/pressure.h"
#include "vmmallocd/plan/provision.h"
#include "vmmallocd/plan/request.h"
#include "vmmallocd/state/registry_json.h"

#define POOLS 160
#define CROWD 100               /* pools that are leased at the beginning of some walks */
#define CLASSES 4
#define DIRECTORIES 3
#define USERS 4
#define FIRST_UID 1000
#define OWN_UID 77
#define MOST_MS 3600000
#define STEPS 1500
#define STEPS_BETWEEN_RESTS 75
#define REST_ROUNDS 4000
#define PRESSURE_LIMIT 1000
#define WALKS 60
#define BOOT_ID "0f8fad5b-d9cb-469f-a165-70867728950e"

struct pool {
	struct registry_pool *real;    /* NULL: there is none */
	bool away;                     /* its directory is, and so it is not in the registry */
	uint8_t id[POOL_FILE_ID_BYTES];
	unsigned class, directory;
	uint64_t size, leases, order;  /* pools come into a state one after another */
	enum registry_state state;
	uint32_t uid;
	bool may_be_pinned;
	int64_t changed_s;
	bool busy, may_block, cancelled;
	enum provision_kind job;
	bool cold;
};

struct directory {
	bool usable, stuck;
	bool tmpfs;                    /* that pages are held shows; else, if it is DAX, punches wait for it */
	bool dax;
};

/* What has become of a class's creations. */
struct pause {
	unsigned ms;                   /* after a failure */
	int64_t due_ms;
};

static struct {
	struct config config;
	struct config_class classes[CLASSES];  /* those that are configured */
	struct registry *registry;
	struct provision provision;
	struct pool pools[POOLS];
	struct directory directories[DIRECTORIES];
	struct pause pauses[CLASSES];
	struct pressure pressure;
	int64_t asked_until_ms[CLASSES];
	size_t extra[CLASSES];         /* ready pools that were ordered besides */
	unsigned workers;
	int64_t now_ms;
	uint64_t last_id, last_order, generation;
} model;

static char *const class_names[CLASSES] = { (char[]){ "a" }, (char[]){ "b" }, (char[]){ "c" }, (char[]){ "d" } };
static char *const paths[DIRECTORIES] = { (char[]){ "/p0" }, (char[]){ "/p1" }, (char[]){ "/%\"\\\xff" } };
static const char *const kinds[] = { "create", "warm", "check", "scrub", "destroy" };

/* --- what the arrays say --- */

static unsigned number_of_class(const char *name)
{
	return (unsigned)(name[0] - 'a');
}

static const struct config_class *configured(unsigned class)
{
	for (size_t i = 0; i < model.config.class_count; i++)
		if (number_of_class(model.classes[i].name) == class)
			return &model.classes[i];
	return NULL;
}

static unsigned directory_of(const struct config_class *config)
{
	for (unsigned i = 0; i < DIRECTORIES; i++)
		if (strcmp(paths[i], config->directory) == 0)
			return i;
	fail_msg("no such directory");
	return 0;
}

/* Whether it gives back what is ready, since memory is short. */
static bool releases(const struct config_class *config)
{
	const struct directory *directory = &model.directories[directory_of(config)];

	return config->on_memory_pressure == CONFIG_PRESSURE_RELEASE && !config->closed && model.pressure.is_high &&
	       directory->usable && directory->tmpfs;
}

static bool lets_go(const struct config_class *config)
{
	return config->service == CONFIG_DISABLED || releases(config);
}

/* Ready pools that there should be. */
static size_t count_wanted(unsigned class)
{
	const struct config_class *config = configured(class);

	return lets_go(config) ? 0 : config->ready + model.extra[class];
}

static bool is_pinned(const struct pool *pool)
{
	return pool->may_be_pinned && (pool->state == REGISTRY_RECYCLING || pool->state == REGISTRY_QUARANTINED ||
				       pool->state == REGISTRY_FAILED);
}

static size_t count(unsigned class, enum registry_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < POOLS; i++)
		n += model.pools[i].real && model.pools[i].class == class && model.pools[i].state == state;
	return n;
}

static size_t count_cold(unsigned class, enum registry_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < POOLS; i++)
		n += model.pools[i].real && model.pools[i].class == class && model.pools[i].state == state &&
		     model.pools[i].cold;
	return n;
}

static size_t count_warm(unsigned class, enum registry_state state)
{
	return count(class, state) - count_cold(class, state);
}

static size_t count_all(unsigned class)
{
	size_t n = 0;

	for (unsigned state = 0; state < REGISTRY_STATES; state++)
		n += count(class, state);
	return n;
}

static size_t count_had(unsigned class, uint32_t uid, bool leased_only)
{
	size_t n = 0;

	for (size_t i = 0; i < POOLS; i++) {
		const struct pool *pool = &model.pools[i];

		n += pool->real && pool->class == class && pool->uid == uid &&
		     (pool->state == REGISTRY_LEASED || (!leased_only && is_pinned(pool)));
	}
	return n;
}

static uint64_t count_bytes(uint32_t uid, bool leased_only)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < POOLS; i++) {
		const struct pool *pool = &model.pools[i];

		if (pool->real && pool->uid == uid &&
		    (pool->state == REGISTRY_LEASED || (!leased_only && is_pinned(pool))))
			bytes += pool->size;
	}
	return bytes;
}

static bool fits(const struct pool *pool)
{
	const struct config_class *config = configured(pool->class);

	return config && config->size_bytes == pool->size && directory_of(config) == pool->directory;
}

/* How many are at work: what punches and may block, or the other jobs, or checks. */
static unsigned count_jobs(bool punches, bool checks)
{
	unsigned n = 0;

	for (size_t i = 0; i < POOLS; i++) {
		const struct pool *pool = &model.pools[i];

		n += pool->busy && (pool->job == PROVISION_CHECK) == checks && pool->may_block == punches &&
		     !(pool->job == PROVISION_CREATE && pool->cold);
	}
	return n;
}

static struct pool *pool_of(const struct registry_pool *real)
{
	for (size_t i = 0; i < POOLS; i++)
		if (model.pools[i].real == real)
			return &model.pools[i];
	model_fail("a pool that nobody knows");
}

static struct pool *room_for_one(void)
{
	for (size_t i = 0; i < POOLS; i++)
		if (!model.pools[i].real && !model.pools[i].away)
			return &model.pools[i];
	model_fail("there are too many pools");
}

static unsigned index_of(const struct pool *pool)
{
	return (unsigned)(pool - model.pools);
}

/* --- what changes both --- */

static void new_id(struct pool *pool)
{
	memset(pool->id, 0, sizeof(pool->id));
	model.last_id++;
	for (size_t i = 0; i < sizeof(model.last_id); i++)
		pool->id[i * 2] = (uint8_t)(model.last_id >> 8 * i);
	pool->id[15] = (uint8_t)model_below(256);
}

static void add(struct pool *pool, enum registry_state state)
{
	struct registry_pool real = {
		.directory = paths[pool->directory], .size_bytes = pool->size, .leases = pool->leases,
		.pins_show = model.directories[pool->directory].tmpfs, .may_be_pinned = pool->may_be_pinned,
		.cold = pool->cold,
		.owner = { .uid = pool->uid, .pid = pool->uid + 1, .comm = "%\"\\\x01" },
		.created_s = model.now_ms / 2000, .changed_s = model.now_ms / 1000,
		.file = { .ino = model.last_id, .dev = UINT64_MAX, .mark = POOL_FILE_USED },
	};

	memcpy(real.id, pool->id, sizeof(real.id));
	memcpy(real.file.id, pool->id, sizeof(real.id));
	strcpy(real.class_name, class_names[pool->class]);
	assert_non_null(provision_class(&model.provision, real.class_name));
	assert_int_equal(registry_add(model.registry, &real, state, &pool->real), 0);
	model_expect(registry_add(model.registry, &real, state, &(struct registry_pool *){ NULL }) == -EEXIST,
		     "an id is there twice");
	pool->real->work = calloc(1, sizeof(struct provision_work));
	assert_non_null(pool->real->work);
	pool->state = state;
	pool->order = ++model.last_order;
	pool->changed_s = real.changed_s;
	pool->away = pool->busy = pool->cancelled = false;
}

static void forget(struct pool *pool)
{
	free(pool->real->work);
	registry_remove(model.registry, pool->real);
	*pool = (struct pool){ 0 };
}

static struct provision_work *work_of(const struct pool *pool)
{
	return pool->real->work;
}

static void set_state(struct pool *pool, enum registry_state state)
{
	registry_set_state(model.registry, pool->real, state, model.now_ms / 1000);
	pool->state = state;
	pool->changed_s = model.now_ms / 1000;
	pool->order = ++model.last_order;
}

static void set_pinned(struct pool *pool, bool may_be_pinned)
{
	pool->may_be_pinned = pool->real->may_be_pinned = may_be_pinned;
	registry_touch(model.registry, pool->real);
}

/* As pools_refresh_classes does. */
static void cancel_filling(unsigned class)
{
	for (size_t i = 0; i < POOLS; i++) {
		struct pool *pool = &model.pools[i];

		if (pool->busy && (pool->job == PROVISION_CREATE || pool->job == PROVISION_WARM) && !pool->cold &&
		    pool->class == class)
			pool->cancelled = true;
	}
}

static void refresh_classes(void)
{
	for (size_t i = 0; i < model.provision.count; i++) {
		struct provision_class *class = model.provision.classes[i];
		const struct config_class *config = configured(number_of_class(class->name));

		class->stuck = class->releases = false;
		for (size_t p = 0; !config && p < POOLS; p++)
			class->stuck |= model.pools[p].real &&
					model.pools[p].class == number_of_class(class->name) &&
					model.directories[model.pools[p].directory].stuck;
		if (!config)
			continue;
		class->directory_usable = model.directories[directory_of(config)].usable;
		class->stuck = model.directories[directory_of(config)].stuck;
		class->punch_may_block = !model.directories[directory_of(config)].tmpfs;
		class->releases = releases(config);
		if (class->releases)
			cancel_filling(number_of_class(class->name));
	}
}

/* --- jobs --- */

/* For what does not punch. */
static bool has_worker(void)
{
	unsigned punches = count_jobs(true, false);

	return count_jobs(false, false) < (punches < model.workers ? model.workers - punches : 1);
}

static void expect_room(const struct provision_job *job)
{
	unsigned punches = count_jobs(true, false), jobs = count_jobs(false, false), half = model.workers / 2;

	if (job->kind == PROVISION_CHECK) {
		model_expect(count_jobs(false, true) < PROVISION_CHECKS_MOST, "there are too many checks");
	} else if (job->may_block) {
		model_expect(punches < (half ? half : 1), "there are too many punches");
		model_expect(jobs + punches < model.workers || punches == 0, "there are no workers left");
	} else {
		model_expect(has_worker(), "there are no workers");
	}
}

static size_t count_scrubs(unsigned class)
{
	size_t n = 0;

	for (size_t i = 0; i < POOLS; i++)
		n += model.pools[i].real && model.pools[i].class == class && model.pools[i].busy &&
		     model.pools[i].state == REGISTRY_RECYCLING && model.pools[i].job == PROVISION_SCRUB;
	return n;
}

/* Of a class with cold pools: whether another ready one would be one too many, or somebody waits for its place. */
static bool is_spare(unsigned class)
{
	const struct config_class *config = configured(class);
	size_t n = count_warm(class, REGISTRY_READY) + count(class, REGISTRY_WARMING) +
		   count_warm(class, REGISTRY_CREATING) + count_scrubs(class);

	return config->cold && (n >= count_wanted(class) || model.now_ms < model.asked_until_ms[class]);
}

/* Nothing else takes space in the directory, or gives it away for a moment only. */
static bool has_space_to_itself(unsigned directory)
{
	for (size_t i = 0; i < model.config.class_count; i++) {
		unsigned class = number_of_class(model.classes[i].name);

		if (directory_of(&model.classes[i]) == directory &&
		    count_warm(class, REGISTRY_CREATING) +
				    (is_spare(class) ? count_scrubs(class) : count(class, REGISTRY_RECYCLING)) >
			    0)
			return false;
	}
	return true;
}

static size_t count_coming(unsigned class)
{
	const struct config_class *config = configured(class);
	size_t coming = count_warm(class, REGISTRY_CREATING) + count(class, REGISTRY_WARMING);

	if (config && config->recycle == CONFIG_RECYCLE_SCRUB)
		coming += count(class, REGISTRY_RECYCLING);
	return coming;
}

/* Whether a pool of the class is to be made now, if there is a worker for it. */
static bool needs_creation(unsigned class, int64_t now_ms)
{
	const struct config_class *config = configured(class);

	return config && !config->closed && config->service == CONFIG_SERVES &&
	       model.directories[directory_of(config)].usable &&
	       !model.directories[directory_of(config)].stuck &&
	       count_coming(class) + count_warm(class, REGISTRY_READY) < count_wanted(class) &&
	       count_all(class) < config->max && model.asked_until_ms[class] <= now_ms &&
	       count_warm(class, REGISTRY_CREATING) < PROVISION_CREATES_MOST && model.pauses[class].due_ms <= now_ms &&
	       (model.pauses[class].ms == 0 || has_space_to_itself(directory_of(config)));
}

static void expect_creation(const struct provision_job *job)
{
	unsigned class = number_of_class(job->class->name);

	model_expect(configured(class) && configured(class) == job->config, "no class wants that pool");
	model_expect(needs_creation(class, model.now_ms), "it is not needed, or not yet, or not possible");
	model_expect(count_all(class) < job->config->max, "there are max pools");
}

/* Whether it is to be ready once more. */
static bool is_kept(const struct pool *pool)
{
	const struct config_class *config = configured(pool->class);

	return fits(pool) && !is_spare(pool->class) && !lets_go(config) &&
	       config->recycle == CONFIG_RECYCLE_SCRUB &&
	       count_all(pool->class) - count(pool->class, REGISTRY_FAILED) <= config->max;
}

/* Whether what is not ready yet is in the way of somebody who waits. */
static bool gives_way(unsigned class)
{
	const struct config_class *config = configured(class);

	return config && (lets_go(config) ||
			  (model.now_ms < model.asked_until_ms[class] && count_all(class) >= config->max));
}

static void expect_destruction(const struct pool *pool)
{
	const struct config_class *config = configured(pool->class);
	bool too_many = !config || count_all(pool->class) - count(pool->class, REGISTRY_FAILED) > config->max;

	if (pool->state == REGISTRY_READY) {
		model_expect(!config || !config->closed, "the pools of a closed class wait");
		model_expect(too_many || !fits(pool) || pool->cold ||
			     count_warm(pool->class, REGISTRY_READY) > count_wanted(pool->class),
			     "a pool that is needed is destroyed");
	} else if (pool->state == REGISTRY_RECYCLING) {
		model_expect(!is_kept(pool), "a pool that is kept is destroyed");
	} else if (pool->state == REGISTRY_WARMING) {
		model_expect(gives_way(pool->class), "a pool that is to be warmed is destroyed");
	} else {
		model_expect(pool->state == REGISTRY_FAILED, "a pool that is %s is destroyed",
			     registry_state_name(pool->state));
	}
}

static void expect_job(const struct provision_job *job)
{
	const struct pool *pool = job->pool ? pool_of(job->pool) : NULL;
	bool to_check;

	expect_room(job);
	model_expect(!job->class->stuck, "work there does not end");
	model_expect(!job->may_block || job->class->punch_may_block, "nothing blocks there");
	if (!pool) {
		model_expect(job->kind == PROVISION_CREATE, "a job without a pool");
		expect_creation(job);
		return;
	}
	to_check = is_pinned(pool) && model.directories[pool->directory].tmpfs;
	model_expect(!pool->busy && !work_of(pool)->running, "a job is at work on it");
	model_expect(work_of(pool)->due_ms <= model.now_ms, "it is not due");
	model_expect(strcmp(job->class->name, class_names[pool->class]) == 0, "it is of another class");
	model_expect((job->kind == PROVISION_CHECK) == to_check, "it is to be checked, or was");
	if (job->kind == PROVISION_WARM)
		model_expect(pool->state == REGISTRY_WARMING && !gives_way(pool->class), "it is not warming");
	else if (job->kind == PROVISION_SCRUB)
		model_expect(pool->state == REGISTRY_QUARANTINED ||
			     (pool->state == REGISTRY_RECYCLING && is_kept(pool)), "it is not to be scrubbed");
	else if (job->kind == PROVISION_DESTROY)
		expect_destruction(pool);
	else
		model_expect(job->kind == PROVISION_CHECK, "a creation of a pool that is there");
}

static void start(const struct provision_job *job)
{
	struct pool *pool = job->pool ? pool_of(job->pool) : room_for_one();

	if (!job->pool) {
		*pool = (struct pool){ .class = number_of_class(job->class->name), .size = job->config->size_bytes,
				       .directory = directory_of(job->config) };
		new_id(pool);
		add(pool, REGISTRY_CREATING);
	}
	model_result(", %s of %s %u", kinds[job->kind], job->class->name, index_of(pool));
	pool->job = job->kind;
	pool->may_block = job->may_block;
	pool->busy = work_of(pool)->running = true;
	if (job->kind == PROVISION_DESTROY && pool->state != REGISTRY_FAILED)
		set_state(pool, REGISTRY_FAILED);
}

static bool next(int64_t now_ms, struct provision_job *job)
{
	struct provision_load load = {
		.workers = model.workers, .jobs = count_jobs(false, false), .punches = count_jobs(true, false),
		.checks = count_jobs(false, true),
	};

	return provision_next(&model.provision, &model.config, model.registry, &load, now_ms, job);
}

static int64_t due_ms(void)
{
	return provision_due_ms(&model.provision, &model.config, model.registry, model.now_ms, MOST_MS);
}

/* Begins all that is due. Then nothing may be due before provision_due_ms says so. */
static void kick(void)
{
	struct provision_job job;
	int64_t due;

	for (size_t i = 0; next(model.now_ms, &job); i++) {
		model_expect(i < POOLS, "there is no end of jobs");
		expect_job(&job);
		start(&job);
	}
	for (unsigned class = 0; class < CLASSES; class++)
		model_expect(!needs_creation(class, model.now_ms) || !has_worker(), "a pool of class %s is not made",
			     class_names[class]);
	due = due_ms();
	model_expect(due > model.now_ms && due <= model.now_ms + MOST_MS, "due at %jd, now is %jd", (intmax_t)due,
		     (intmax_t)model.now_ms);
	for (int i = 0; i < 2; i++) {
		int64_t time = i ? due - 1 : model.now_ms + (int64_t)model_below((size_t)(due - model.now_ms));

		if (next(time, &job))
			model_fail("%s of %s is due at %jd, and was to be at %jd", kinds[job.kind], job.class->name,
				   (intmax_t)time, (intmax_t)due);
	}
}

/* --- jobs end: as work.c has it --- */

static void leave(struct pool *pool)
{
	struct pool copy = *pool;

	forget(pool);
	copy.real = NULL;
	copy.busy = false;
	copy.away = copy.state != REGISTRY_CREATING && copy.state != REGISTRY_WARMING;
	if (copy.away)
		*pool = copy;
}

static void make_ready(struct pool *pool)
{
	pool->real->file.mark = POOL_FILE_READY;
	if (pool->leases == 0) {
		provision_succeeded(provision_class(&model.provision, class_names[pool->class]), model.now_ms);
		if (model.pauses[pool->class].due_ms <= model.now_ms)
			model.pauses[pool->class] = (struct pause){ 0 };
	}
	set_state(pool, REGISTRY_READY);
}

static void go_on(struct pool *pool)
{
	if (!fits(pool))
		set_state(pool, REGISTRY_FAILED);
	else if (configured(pool->class)->warm)
		set_state(pool, REGISTRY_WARMING);
	else
		make_ready(pool);
}

static void creation_failed(const struct pool *pool)
{
	struct pause *pause = &model.pauses[pool->class];

	if (!configured(pool->class))
		return;
	provision_failed(provision_class(&model.provision, class_names[pool->class]), model.now_ms);
	/* two that fail at the same time are one failure */
	if (pause->due_ms > model.now_ms)
		return;
	pause->ms = pause->ms ? 2 * pause->ms : PROVISION_CREATE_PAUSE_MS;
	pause->ms = pause->ms < PROVISION_CREATE_PAUSE_MOST_MS ? pause->ms : PROVISION_CREATE_PAUSE_MOST_MS;
	pause->due_ms = model.now_ms + pause->ms;
}

static void space_freed(unsigned directory)
{
	provision_space_freed(&model.provision, &model.config, paths[directory]);
	for (size_t i = 0; i < model.config.class_count; i++)
		if (directory_of(&model.classes[i]) == directory)
			model.pauses[number_of_class(model.classes[i].name)].due_ms = 0;
}

static void quarantine(struct pool *pool)
{
	bool looked = pool->job == PROVISION_CHECK;

	pool->real->file.mark = POOL_FILE_BAD;
	provision_retry_later(work_of(pool), model.now_ms, looked ? PROVISION_CHECK_PAUSE_MS : PROVISION_PUNCH_PAUSE_MS,
			      looked ? PROVISION_CHECK_PAUSE_MOST_MS : PROVISION_PUNCH_PAUSE_MOST_MS);
	if (pool->state != REGISTRY_QUARANTINED)
		set_state(pool, REGISTRY_QUARANTINED);
}

static void retry_later(struct pool *pool)
{
	provision_retry_later(work_of(pool), model.now_ms, PROVISION_DESTROY_PAUSE_MS,
			      PROVISION_DESTROY_PAUSE_MOST_MS);
}

static void end_creation(struct pool *pool, int result)
{
	struct pool made = { .class = pool->class, .directory = pool->directory, .size = pool->size,
			     .cold = pool->cold };

	if (result == 0) {
		struct pool *added = room_for_one();

		*added = made;
		new_id(added);
		add(added, added->cold ? REGISTRY_READY : REGISTRY_WARMING);
		added->real->file.mark = POOL_FILE_NEW;
		if (added->cold)
			work_of(added)->due_ms = model.now_ms + PROVISION_COLD_KEPT_MS;
		else
			go_on(added);
	} else if (pool->cold) {
		/* it says nothing about others */
	} else if (result != -ECANCELED) {
		creation_failed(pool);
	}
	forget(pool);
}

static void end_warming(struct pool *pool, int result)
{
	if (result == 0 && fits(pool)) {
		make_ready(pool);
	} else if (result == -EMFILE) {
		retry_later(pool);
	} else {
		if (result == -ENOSPC) {
			creation_failed(pool);
			work_of(pool)->after_failure = true;
		}
		set_state(pool, REGISTRY_FAILED);
	}
}

static void had_again(struct pool *pool)
{
	if (pool->state == REGISTRY_RECYCLING)
		set_state(pool, REGISTRY_LEASED);
	else
		quarantine(pool);
}

static void clean(struct pool *pool)
{
	work_of(pool)->pause_ms = 0;
	work_of(pool)->due_ms = 0;
	set_pinned(pool, false);
}

static void end_check_or_scrub(struct pool *pool, int result)
{
	if (result == -ETIMEDOUT) {
		quarantine(pool);
	} else if (result == -EAGAIN) {
		had_again(pool);
	} else if (result == -EMFILE) {
		retry_later(pool);
	} else if (pool->job == PROVISION_CHECK) {
		clean(pool);
	} else if (result == 0) {
		clean(pool);
		registry_set_cold(model.registry, pool->real, pool->cold = false);
		go_on(pool);
	} else {
		creation_failed(pool);
		work_of(pool)->after_failure = true;
		set_state(pool, REGISTRY_FAILED);
	}
}

static void end_destruction(struct pool *pool, int result)
{
	if (result == 0) {
		if (!work_of(pool)->after_failure)
			space_freed(pool->directory);
		forget(pool);
	} else if (result == -ETIMEDOUT) {
		quarantine(pool);
	} else if (result == -EAGAIN && pool->leases > 0) {
		set_state(pool, REGISTRY_LEASED);
	} else {
		retry_later(pool);
	}
}

/* What was ordered besides, and is not there or on its way, is not wanted any more. */
static void give_up_extra(unsigned class)
{
	struct provision_class *real = provision_class(&model.provision, class_names[class]);
	const struct config_class *config = configured(class);
	size_t has, most;

	provision_give_up_extra(real, &model.config, model.registry);
	if (!config)
		return;
	has = count_coming(class) + count_warm(class, REGISTRY_READY);
	most = has > config->ready ? has - config->ready : 0;
	if (model.extra[class] > most)
		model.extra[class] = most;
	model_expect(real->extra == model.extra[class], "class %s gives up others", class_names[class]);
}

static void end_job(struct pool *pool, int result)
{
	unsigned class = pool->class;

	pool->busy = work_of(pool)->running = false;
	if (!model.directories[pool->directory].usable && pool->job != PROVISION_CREATE)
		leave(pool);
	else if (pool->job == PROVISION_CREATE)
		end_creation(pool, model.directories[pool->directory].usable && !pool->cancelled ? result : -ECANCELED);
	else if (pool->job == PROVISION_WARM)
		end_warming(pool, pool->cancelled ? -ECANCELED : result);
	else if (pool->job == PROVISION_DESTROY)
		end_destruction(pool, result);
	else
		end_check_or_scrub(pool, result);
	/* as work.c does: it is not tried again */
	if (provision_class(&model.provision, class_names[class])->pause_ms > 0)
		give_up_extra(class);
	refresh_classes();
}

static struct pool *some_pool(bool (*is_one)(const struct pool *pool))
{
	size_t first = model_below(POOLS);

	for (size_t i = 0; i < POOLS; i++) {
		struct pool *pool = &model.pools[(first + i) % POOLS];

		if (pool->real && is_one(pool))
			return pool;
	}
	return NULL;
}

static bool is_busy(const struct pool *pool)
{
	return pool->busy;
}

static bool is_leased(const struct pool *pool)
{
	return pool->state == REGISTRY_LEASED;
}

static void end_one(void)
{
	static const int results[] = { 0, 0, 0, 0, -ENOSPC, -EMFILE, -EAGAIN, -ETIMEDOUT };
	struct pool *pool = some_pool(is_busy);
	int result = results[model_below(8)];

	if (!pool)
		return;
	model_step("%s of %s %u ends: %d", kinds[pool->job], class_names[pool->class], index_of(pool), result);
	end_job(pool, result);
}

/* --- requests --- */

static bool identify(void *context, const char *path, dev_t *ret_dev, ino_t *ret_ino)
{
	(void)context;
	for (unsigned i = 0; i < DIRECTORIES; i++) {
		*ret_dev = 5;
		*ret_ino = i + 1;
		if (strcmp(path, paths[i]) == 0)
			return model.directories[i].usable;
	}
	return false;
}

static bool is_for(const struct config_class *config, uint32_t uid)
{
	for (size_t i = 0; i < config->users.count; i++)
		if (config->users.ids[i] == uid)
			return true;
	return config->users.count == 0 || uid == OWN_UID;
}

static struct pool *oldest_ready(unsigned class, bool cold)
{
	struct pool *oldest = NULL;

	for (size_t i = 0; i < POOLS; i++) {
		struct pool *pool = &model.pools[i];

		if (pool->real && pool->class == class && pool->state == REGISTRY_READY && fits(pool) &&
		    pool->cold == cold && (!oldest || pool->order < oldest->order))
			oldest = pool;
	}
	return oldest;
}

static enum handout_status answer_of(const struct config_class *config, uint32_t uid, bool takes_cold,
				     struct pool **ret_pool)
{
	unsigned class = number_of_class(config->name);

	if (config->closed)
		return HANDOUT_CLOSED;
	if (!is_for(config, uid))
		return HANDOUT_NOT_ALLOWED;
	if (config->service != CONFIG_SERVES)
		return HANDOUT_DRAINED;
	if (config->max_per_user && count_had(class, uid, false) >= config->max_per_user)
		return count_had(class, uid, true) >= config->max_per_user ? HANDOUT_LIMIT : HANDOUT_PINNED;
	if (model.config.max_bytes_per_user &&
	    count_bytes(uid, false) + config->size_bytes > model.config.max_bytes_per_user)
		return count_bytes(uid, true) + config->size_bytes > model.config.max_bytes_per_user ?
			       HANDOUT_BYTES_LIMIT :
			       HANDOUT_PINNED;
	/* each user has one process */
	if (config->max_per_process && count_had(class, uid, true) >= config->max_per_process)
		return HANDOUT_PROCESS_LIMIT;
	*ret_pool = oldest_ready(class, false);
	if (*ret_pool)
		return HANDOUT_OK;
	*ret_pool = takes_cold ? oldest_ready(class, true) : NULL;
	if (*ret_pool)
		return HANDOUT_COLD;
	if (!takes_cold || !config->cold)
		return HANDOUT_NONE_READY;
	return count_all(class) < config->max ? HANDOUT_COLD : HANDOUT_FULL;
}

/* The answer that says most, of all classes there; of the smallest that gives it. */
static enum handout_status answer_of_directory(unsigned directory, uint64_t least, uint32_t uid, bool takes_cold,
					       struct pool **ret_pool, const struct config_class **ret_class)
{
	static const enum handout_status ranks[] = { HANDOUT_NO_SUCH_CLASS, HANDOUT_NOT_ALLOWED,
						     HANDOUT_DRAINED, HANDOUT_PROCESS_LIMIT,
						     HANDOUT_BYTES_LIMIT, HANDOUT_LIMIT, HANDOUT_PINNED,
						     HANDOUT_CLOSED, HANDOUT_NONE_READY, HANDOUT_FULL, HANDOUT_COLD,
						     HANDOUT_OK };
	size_t best = 0;

	for (size_t i = 0; i < model.config.class_count; i++) {
		const struct config_class *config = &model.classes[i];
		enum handout_status status;
		struct pool *pool = NULL;

		if (directory_of(config) != directory || !model.directories[directory].usable ||
		    config->size_bytes < least)
			continue;
		status = answer_of(config, uid, takes_cold, &pool);
		for (size_t rank = best; rank < sizeof(ranks) / sizeof(ranks[0]); rank++) {
			if (ranks[rank] != status ||
			    (rank == best && *ret_class && (*ret_class)->size_bytes <= config->size_bytes))
				continue;
			best = rank;
			*ret_class = config;
			*ret_pool = pool;
		}
	}
	return ranks[best];
}

static enum handout_status expected_answer(const struct handout_request *request, uint32_t uid, bool takes_cold,
					   struct pool **ret_pool, const struct config_class **ret_class)
{
	const struct config_class *config;

	if (request->kind == HANDOUT_BY_DIRECTORY)
		return answer_of_directory((unsigned)request->dir_ino - 1, request->least_bytes, uid, takes_cold,
					   ret_pool, ret_class);
	config = configured(number_of_class(request->class_name));
	if (!config || (!config->closed && config->size_bytes < request->least_bytes))
		return HANDOUT_NO_SUCH_CLASS;
	*ret_class = config;
	return answer_of(config, uid, takes_cold, ret_pool);
}

static void set_extra(unsigned class, size_t extra)
{
	model.extra[class] = provision_class(&model.provision, class_names[class])->extra = extra;
}

static void lease(struct pool *pool, uint32_t uid)
{
	unsigned class = pool->class, most = configured(class)->max_per_user;

	pool->real->file.mark = POOL_FILE_USED;
	pool->real->owner = (struct registry_owner){ .uid = uid, .pid = uid + 1, .comm = "%\"\\\x01" };
	pool->uid = uid;
	pool->may_be_pinned = pool->real->may_be_pinned =
		model.directories[pool->directory].tmpfs || model.directories[pool->directory].dax;
	pool->leases = ++pool->real->leases;
	if (!pool->cold && model.extra[class] > 0)
		set_extra(class, model.extra[class] - 1);
	work_of(pool)->due_ms = 0;
	set_state(pool, REGISTRY_LEASED);
	model_expect(!most || count_had(class, uid, false) <= most, "a user has more than max_per_user");
}

/* For whoever asked: at once, and he may have gone, or by a job. */
static struct pool *make_cold(const struct config_class *config)
{
	struct pool *pool = room_for_one();
	bool by_job = model_below(2);

	*pool = (struct pool){ .class = number_of_class(config->name), .size = config->size_bytes,
			       .directory = directory_of(config), .cold = true };
	new_id(pool);
	model_result(", made %s", by_job ? "by a job" : "at once");
	add(pool, by_job ? REGISTRY_CREATING : REGISTRY_READY);
	pool->real->file.mark = POOL_FILE_NEW;
	work_of(pool)->due_ms = model.now_ms + PROVISION_COLD_KEPT_MS;
	if (!by_job)
		return model_below(3) ? pool : NULL;
	pool->job = PROVISION_CREATE;
	pool->busy = work_of(pool)->running = true;
	return NULL;
}

/* As pools_make_room does. */
static void make_room(unsigned class)
{
	size_t in_use = count(class, REGISTRY_LEASED) + count(class, REGISTRY_QUARANTINED);
	bool is_made = provision_make_room(provision_class(&model.provision, class_names[class]), model.registry,
					   model.now_ms);

	model_expect(is_made == (in_use < count_all(class)), "there is room, or there will be none");
	if (!is_made)
		return;
	model.asked_until_ms[class] = model.now_ms + PROVISION_ASKED_MS;
	for (size_t i = 0; i < POOLS; i++) {
		struct pool *pool = &model.pools[i];

		if (pool->busy && pool->class == class && !(pool->cold && pool->job == PROVISION_CREATE) &&
		    (pool->job == PROVISION_CREATE || pool->job == PROVISION_WARM || pool->job == PROVISION_SCRUB))
			pool->cancelled = true;
	}
}

static void ask(void)
{
	const struct request_context context = {
		.config = &model.config, .registry = model.registry, .identify = identify,
	};
	uint32_t uid = model_below(10) ? FIRST_UID + (uint32_t)model_below(USERS) : OWN_UID;
	struct request_peer peer = { .pid = (pid_t)uid + 1, .uid = uid, .is_trusted = uid == OWN_UID };
	struct handout_request request = { .least_bytes = model_below(3) * 16 * MIB };
	enum handout_status expected, status;
	const struct config_class *class = NULL, *expected_class = NULL;
	struct registry_pool *real = NULL;
	struct pool *pool = NULL;
	bool takes_cold = model_below(2);

	if (model_below(2)) {
		request.kind = HANDOUT_BY_CLASS;
		strcpy(request.class_name, class_names[model_below(CLASSES)]);
		model_step("user %u asks for class %s", uid, request.class_name);
	} else {
		request.kind = HANDOUT_BY_DIRECTORY;
		request.dir_dev = 5;
		request.dir_ino = 1 + model_below(DIRECTORIES);
		model_step("user %u asks for directory %zu", uid, (size_t)request.dir_ino - 1);
	}
	status = request_decide(&context, &request, &peer, &real, takes_cold ? &class : NULL);
	expected = expected_answer(&request, uid, takes_cold, &pool, &expected_class);
	model_result(": %d%s", status, takes_cold ? ", cold" : "");
	model_expect(status == expected, "the answer is %d and not %d", status, expected);
	if (status == HANDOUT_FULL)
		make_room(number_of_class(expected_class->name));
	if (status != HANDOUT_OK && status != HANDOUT_COLD)
		return;
	model_expect(!takes_cold || class == expected_class, "it is another class");
	model_expect(real == (pool ? pool->real : NULL), "it is not the oldest pool, or not of the smallest class");
	if (!pool && model.directories[directory_of(class)].usable)
		pool = make_cold(class);
	model_expect(count_all(number_of_class(expected_class->name)) <= expected_class->max || real,
		     "there are more than max pools");
	if (pool)
		lease(pool, uid);
}

static void give_back(void)
{
	struct pool *pool = some_pool(is_leased);

	if (!pool)
		return;
	model_step("%s %u comes back", class_names[pool->class], index_of(pool));
	set_state(pool, REGISTRY_RECYCLING);
}

/* --- what else happens --- */

static void configure_class(struct config_class *config, unsigned class)
{
	static uint32_t ids[CLASSES][1];

	*config = (struct config_class){
		.name = class_names[class], .directory = paths[model_below(DIRECTORIES)],
		.size_bytes = (1 + model_below(2)) * 16 * MIB, .max = 1 + (unsigned)model_below(5),
		.warm = model_below(2),
		.max_per_user = (unsigned)model_below(3), .max_per_process = (unsigned)model_below(4),
		.closed = model_below(10) == 0,
		.recycle = model_below(3) ? CONFIG_RECYCLE_SCRUB : CONFIG_RECYCLE_DESTROY, .cold = model_below(2),
		.on_memory_pressure = model_below(2) ? CONFIG_PRESSURE_RELEASE : CONFIG_PRESSURE_KEEP,
	};
	config->ready = (unsigned)model_below(config->max + 1);
	config->file_ready = config->ready;
	config->file_max = config->max;
	ids[class][0] = FIRST_UID + (uint32_t)model_below(USERS);
	if (model_below(3) == 0)
		config->users = (struct config_ids){ ids[class], 1 };
	model_result(" %s: %s, %ju MiB, ready %u, max %u, %u per user, %u per process, %s%s%s%s", config->name,
		     config->directory, (uintmax_t)(config->size_bytes / MIB), config->ready, config->max,
		     config->max_per_user, config->max_per_process, config->recycle ? "destroy" : "scrub",
		     config->cold ? ", cold" : "", config->closed ? ", closed" : "",
		     config->on_memory_pressure ? ", release;" : ";");
}

/* As pools_configure does. */
static void reload(void)
{
	for (size_t i = 0; i < model.config.class_count; i++)
		assert_non_null(provision_class(&model.provision, model.classes[i].name));
	for (size_t i = 0; i < model.provision.count; i++) {
		model.provision.classes[i]->trim = true;
		set_extra(number_of_class(model.provision.classes[i]->name), 0);
		provision_reset(model.provision.classes[i]);
	}
	memset(model.pauses, 0, sizeof(model.pauses));
	for (size_t i = 0; i < POOLS; i++) {
		struct pool *pool = &model.pools[i];

		if (pool->busy && (pool->job == PROVISION_CREATE || pool->job == PROVISION_WARM) &&
		    (!fits(pool) || configured(pool->class)->service == CONFIG_DISABLED))
			pool->cancelled = true;
	}
	refresh_classes();
}

static void configure(void)
{
	struct config_class before[CLASSES];
	size_t count_before = model.config.class_count;

	model_step("configure");
	memcpy(before, model.classes, sizeof(before));
	model.config.class_count = 0;
	model.config.max_bytes_per_user = model_below(2) * model_below(8) * 16 * MIB;
	for (unsigned class = 0; class < CLASSES; class++) {
		struct config_class *config = &model.classes[model.config.class_count];
		const struct config_class *old = NULL;

		for (size_t i = 0; i < count_before; i++)
			old = number_of_class(before[i].name) == class ? &before[i] : old;
		if (old && model_below(2))
			*config = *old;
		else if (model_below(4))
			configure_class(config, class);
		else
			continue;
		model.config.class_count++;
	}
	reload();
}

/* As pools_reorder does. */
static void put_in_force(unsigned class, bool has_new_figures)
{
	provision_class(&model.provision, class_names[class])->trim |= has_new_figures;
	if (configured(class)->service == CONFIG_DISABLED)
		set_extra(class, 0);
	else if (configured(class)->service == CONFIG_DRAINED)
		give_up_extra(class);
	for (size_t i = 0; i < POOLS; i++) {
		struct pool *pool = &model.pools[i];

		if (pool->busy && (pool->job == PROVISION_CREATE || pool->job == PROVISION_WARM) &&
		    pool->class == class && configured(class)->service == CONFIG_DISABLED)
			pool->cancelled = true;
	}
}

/* As pools_fill does. */
static void create_more(unsigned class)
{
	struct provision_class *real = provision_class(&model.provision, class_names[class]);
	const struct config_class *config = configured(class);
	size_t has = count_coming(class) + count_warm(class, REGISTRY_READY), wanted = count_wanted(class), room;

	room = count_all(class) + (has < wanted ? wanted - has : 0);
	room = room < config->max ? config->max - room : 0;
	model_expect(provision_room(real, &model.config, model.registry) == room, "there is room for %zu", room);
	if (config->closed || config->service != CONFIG_SERVES || releases(config) || room == 0)
		return;
	set_extra(class, model.extra[class] + 1 + model_below(room));
	model_result(", %zu besides", model.extra[class]);
	provision_reset(real);
	model.pauses[class] = (struct pause){ 0 };
	for (size_t i = 0; i < POOLS; i++) {
		struct pool *pool = &model.pools[i];

		if (pool->real && pool->class == class && pool->state == REGISTRY_WARMING && !pool->busy)
			work_of(pool)->due_ms = 0;
	}
}

/* What an operator may say of a class at any time. */
static void order_one(void)
{
	static const enum config_service services[] = { CONFIG_SERVES, CONFIG_SERVES, CONFIG_DRAINED, CONFIG_DISABLED };
	bool has_new_figures = false;
	struct config_class *config;
	unsigned class;

	if (model.config.class_count == 0)
		return;
	config = &model.classes[model_below(model.config.class_count)];
	class = number_of_class(config->name);
	model_step("order of %s", config->name);
	switch (model_below(3)) {
	case 0:
		config->service = services[model_below(4)];
		break;
	case 1:
		config->resized = has_new_figures = true;
		config->max = 1 + (unsigned)model_below(8);
		config->ready = (unsigned)model_below(config->max + 1);
		break;
	default:
		create_more(class);
		return;
	}
	model_result(": service %d, ready %u, max %u", config->service, config->ready, config->max);
	put_in_force(class, has_new_figures);
}

static void lose_directory(unsigned directory)
{
	model_step("directory %u goes", directory);
	model.directories[directory].usable = false;
	for (size_t i = 0; i < POOLS; i++) {
		struct pool *pool = &model.pools[i];

		if (pool->real && pool->directory == directory && !pool->busy)
			leave(pool);
	}
	refresh_classes();
}

/* As recover_judge has it. */
static enum registry_state state_when_found(const struct pool *pool)
{
	/* cold ones still have the mark of new ones */
	if (pool->state == REGISTRY_READY)
		return fits(pool) && !pool->cold ? REGISTRY_READY : REGISTRY_FAILED;
	if (pool->state == REGISTRY_LEASED)
		return model_below(2) ? REGISTRY_LEASED : REGISTRY_RECYCLING;
	return pool->state == REGISTRY_FAILED ? REGISTRY_RECYCLING : pool->state;
}

static void find_directory(unsigned directory)
{
	for (size_t i = 0; i < POOLS; i++)
		if (model.pools[i].real && model.pools[i].directory == directory)
			return;
	model_step("directory %u is back", directory);
	model.directories[directory].usable = true;
	for (size_t i = 0; i < POOLS; i++)
		if (model.pools[i].away && model.pools[i].directory == directory)
			add(&model.pools[i], state_when_found(&model.pools[i]));
	refresh_classes();
}

static void change_directory(void)
{
	unsigned directory = (unsigned)model_below(DIRECTORIES);

	if (model_below(3) == 0) {
		model.directories[directory].stuck = !model.directories[directory].stuck;
		model_step("work in directory %u %s", directory,
			   model.directories[directory].stuck ? "does not end" : "ends");
		refresh_classes();
	} else if (model.directories[directory].usable) {
		lose_directory(directory);
	} else {
		find_directory(directory);
	}
}

static void prune_one(struct pool *pool)
{
	work_of(pool)->due_ms = 0;
	if (pool->state != REGISTRY_FAILED)
		set_state(pool, REGISTRY_FAILED);
}

static void prune(void)
{
	model_step("prune");
	for (size_t i = 0; i < POOLS; i++) {
		struct pool *pool = &model.pools[i];
		const struct config_class *config = pool->real ? configured(pool->class) : NULL;

		if (!pool->real || pool->busy || is_pinned(pool))
			continue;
		if (pool->state == REGISTRY_FAILED || pool->state == REGISTRY_QUARANTINED ||
		    (pool->state == REGISTRY_READY && !(config && config->closed) &&
		     !pool->cold && (!fits(pool) || count_warm(pool->class, REGISTRY_READY) > config->ready)))
			prune_one(pool);
	}
	for (unsigned class = 0; class < CLASSES; class++)
		if (!configured(class) || !configured(class)->closed)
			set_extra(class, 0);
}

/* As relief.c does each second: shares around the limit and its half, for as long as it may be. */
static void measure(void)
{
	static const unsigned shares[] = { 0, PRESSURE_LIMIT / 2 - 1, PRESSURE_LIMIT / 2, PRESSURE_LIMIT,
					   PRESSURE_LIMIT + 1, 10000 };
	unsigned share = shares[model_below(6)];

	model_step("memory pressure is %u", share);
	(void)pressure_note(&model.pressure, share, PRESSURE_LIMIT, model.now_ms);
	model_result(", high %d", model.pressure.is_high);
	refresh_classes();
}

static void end_pressure(void)
{
	for (unsigned i = 0; i < 2; i++) {
		(void)pressure_note(&model.pressure, 0, PRESSURE_LIMIT, model.now_ms);
		model.now_ms += PRESSURE_CALM_MOST_MS;
	}
	model_expect(!model.pressure.is_high, "pressure is never over");
	refresh_classes();
}

static void pass_time(void)
{
	int64_t due = due_ms();

	model.now_ms = model_below(3) == 0 && due < model.now_ms + MOST_MS ? due
									    : model.now_ms + (int64_t)model_below(2000);
	model_step("it is %jd", (intmax_t)model.now_ms);
}

/* --- what holds after each step --- */

struct visit {
	bool seen[POOLS];
	size_t count;
};

static int on_visit(void *context, struct registry_pool *real)
{
	struct visit *visit = context;
	unsigned i = index_of(pool_of(real));

	model_expect(!visit->seen[i], "a pool is visited twice");
	visit->seen[i] = true;
	return ++visit->count == POOLS + 1;
}

static void expect_pool(const struct pool *pool)
{
	const struct registry_pool *real = pool->real;

	model_expect(registry_find(model.registry, pool->id) == real, "pool %u is not found", index_of(pool));
	model_expect(real->state == pool->state && real->size_bytes == pool->size && real->leases == pool->leases &&
		     real->changed_s == pool->changed_s && strcmp(real->directory, paths[pool->directory]) == 0 &&
		     strcmp(real->class_name, class_names[pool->class]) == 0,
		     "pool %u is another", index_of(pool));
	model_expect(registry_is_pinned(real) == is_pinned(pool), "pool %u: pinned or not", index_of(pool));
	model_expect(real->cold == pool->cold, "pool %u: cold or not", index_of(pool));
	model_expect(provision_is_busy(real) == pool->busy, "pool %u: busy or not", index_of(pool));
	model_expect(provision_fits(configured(pool->class), real) == fits(pool), "pool %u: fits or not",
		     index_of(pool));
}

/* Pools of one state, the one that came first at the beginning. */
static void expect_list(unsigned class, enum registry_state state)
{
	const struct registry_class *real = registry_class(model.registry, class_names[class]);
	const struct registry_pool *before = NULL;
	uint64_t order = 0;
	size_t n = 0;

	model_expect(real->cold[state] == count_cold(class, state), "cold pools are counted otherwise");
	for (const struct registry_pool *pool = real->first[state]; pool; before = pool, pool = pool->next_in_state) {
		const struct pool *known = pool_of(pool);

		model_expect(pool->prev_in_state == before, "a list is broken");
		model_expect(known->class == class && known->state == state, "a pool is in the wrong list");
		model_expect(known->order > order, "a list is in disorder");
		order = known->order;
		n++;
	}
	model_expect(real->last[state] == before, "a list's end is wrong");
	model_expect(n == count(class, state) && n == real->counts[state],
		     "class %s has %zu pools that are %s, not %zu", class_names[class], count(class, state),
		     registry_state_name(state), n);
}

static void expect_class(unsigned class)
{
	const struct config_class *config = configured(class);
	size_t coming = count_coming(class);
	bool is_short;

	for (unsigned state = 0; state < REGISTRY_STATES; state++)
		expect_list(class, state);
	for (uint32_t uid = FIRST_UID; uid < FIRST_UID + USERS; uid++) {
		model_expect(registry_had_by(model.registry, class_names[class], uid) == count_had(class, uid, false),
			     "user %u has another number of pools", uid);
		model_expect(registry_leased_by(model.registry, class_names[class], uid) ==
			     count_had(class, uid, true), "user %u has leased another number of pools", uid);
	}
	is_short = config && config->service == CONFIG_SERVES &&
		   coming + count_warm(class, REGISTRY_READY) < count_wanted(class);
	model_expect(provision_is_short(provision_class(&model.provision, class_names[class]), &model.config,
					model.registry) == is_short, "class %s is short or not", class_names[class]);
	model_expect(provision_is_used_up(provision_class(&model.provision, class_names[class]), &model.config,
					  model.registry) ==
		     (is_short && coming + count_warm(class, REGISTRY_READY) == 0 && count_all(class) >= config->max),
		     "class %s is used up or not", class_names[class]);
}

static void expect_all(void)
{
	struct visit visit = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < POOLS; i++) {
		n += model.pools[i].real != NULL;
		if (model.pools[i].real)
			expect_pool(&model.pools[i]);
	}
	model_expect(registry_count(model.registry) == n, "there are %zu pools", registry_count(model.registry));
	model_expect(registry_each(model.registry, on_visit, &visit) == 0 && visit.count == n, "not all are visited");
	for (unsigned class = 0; class < CLASSES; class++)
		expect_class(class);
	for (uint32_t uid = FIRST_UID; uid < FIRST_UID + USERS; uid++)
		model_expect(registry_bytes_of(model.registry, uid, false) == count_bytes(uid, false) &&
			     registry_bytes_of(model.registry, uid, true) == count_bytes(uid, true),
			     "user %u has other bytes", uid);
}

/* --- the registry's file --- */

static void expect_same(const struct registry_pool *a, const struct registry_pool *b)
{
	model_expect(a && b && memcmp(a->id, b->id, sizeof(a->id)) == 0, "a list has other pools in the file");
	model_expect(strcmp(a->directory, b->directory) == 0 && a->size_bytes == b->size_bytes &&
		     a->leases == b->leases && a->created_s == b->created_s && a->changed_s == b->changed_s &&
		     a->file.ino == b->file.ino && a->file.dev == b->file.dev && a->cold == b->cold,
		     "a pool is another in the file");
	model_expect(registry_is_pinned(a) == registry_is_pinned(b), "the file knows of no pins");
	if (a->state == REGISTRY_LEASED || registry_is_pinned(a))
		model_expect(memcmp(&a->owner, &b->owner, sizeof(a->owner)) == 0, "the file has another owner");
}

static void expect_same_class(struct registry *loaded, unsigned class)
{
	const struct registry_class *here = registry_class(model.registry, class_names[class]);
	const struct registry_class *there = registry_class(loaded, class_names[class]);

	for (unsigned state = 0; state < REGISTRY_STATES; state++) {
		const struct registry_pool *a = here->first[state], *b = there->first[state];

		for (; a || b; a = a->next_in_state, b = b->next_in_state)
			expect_same(a, b);
	}
	for (uint32_t uid = FIRST_UID; uid < FIRST_UID + USERS; uid++)
		model_expect(registry_had_by(loaded, class_names[class], uid) == count_had(class, uid, false),
			     "another had_by in the file");
}

static void save_and_load(void)
{
	struct registry *loaded = registry_new();
	char words[256] = "", boot_id[37] = "", *text;
	struct text error = TEXT_INIT(words);
	size_t bytes;

	model_step("save and load");
	assert_non_null(loaded);
	registry_set_epoch(model.registry, model.now_ms);
	assert_int_equal(registry_text(model.registry, BOOT_ID, &text, &bytes), 0);
	model_expect(registry_json_decode(text, bytes, loaded, boot_id, &error) == 0, "it cannot be read: %s", words);
	model_expect(strcmp(boot_id, BOOT_ID) == 0 && registry_epoch(loaded) == model.now_ms, "another boot or epoch");
	model_expect(registry_count(loaded) == registry_count(model.registry), "there are other pools in the file");
	for (unsigned class = 0; class < CLASSES; class++)
		expect_same_class(loaded, class);
	free(text);
	registry_free(loaded);
}

/* --- at rest --- */

static void expect_class_at_rest(unsigned class, bool trimmed)
{
	const struct config_class *config = configured(class);
	size_t ready = count(class, REGISTRY_READY), leased = count(class, REGISTRY_LEASED), wanted;

	model_expect(ready + leased == count_all(class), "class %s is not at rest", class_names[class]);
	if (!config) {
		model_expect(ready == 0, "a class that is gone has ready pools");
		return;
	}
	if (config->closed || !model.directories[directory_of(config)].usable)
		return;
	wanted = leased >= config->max ? 0 : config->max - leased;
	wanted = wanted < count_wanted(class) ? wanted : count_wanted(class);
	model_expect(!lets_go(config) || ready == 0, "a class that is disabled, or gives them back, has ready pools");
	model_expect(ready >= wanted || config->service != CONFIG_SERVES,
		     "class %s has %zu ready pools, and should have %zu", class_names[class], ready, wanted);
	model_expect((!trimmed && !config->cold) || ready <= wanted, "class %s has %zu ready pools, more than %zu",
		     class_names[class], ready, wanted);
	for (size_t i = 0; trimmed && i < POOLS; i++)
		model_expect(!model.pools[i].real || model.pools[i].class != class ||
			     model.pools[i].state != REGISTRY_READY || fits(&model.pools[i]),
			     "class %s has a ready pool that does not fit", class_names[class]);
	model_expect(!trimmed || !ready || !provision_class(&model.provision, class_names[class])->trim,
		     "there is no end of trimming in class %s", class_names[class]);
	model_expect(ready == 0 || ready + leased <= config->max, "class %s has more than max pools",
		     class_names[class]);
}

/* Everything goes well, and nobody wants anything, until nothing is left to do. */
static void let_all_go_well(void)
{
	kick();
	for (size_t round = 0;; round++) {
		struct pool *pool = some_pool(is_busy);
		int64_t due = due_ms();

		model_expect(round < REST_ROUNDS, "it does not come to rest");
		if (pool)
			end_job(pool, 0);
		else if (due < model.now_ms + MOST_MS)
			model.now_ms = due;
		else
			return;
		kick();
	}
}

static void come_to_rest(void)
{
	bool trimmed = model_below(2);

	model_step("come to rest%s", trimmed ? ", trimmed" : "");
	if (model_below(2))
		end_pressure();
	for (unsigned i = 0; i < DIRECTORIES; i++)
		model.directories[i].stuck = false;
	refresh_classes();
	let_all_go_well();
	for (unsigned class = 0; class < CLASSES; class++)
		expect_class_at_rest(class, false);
	if (!trimmed)
		return;
	/* what came back to a class without cold pools stays, until a reload */
	reload();
	let_all_go_well();
	for (unsigned class = 0; class < CLASSES; class++)
		expect_class_at_rest(class, true);
}

/* --- walks --- */

static void step(void)
{
	size_t what = model_below(1000);

	if (what < 12)
		configure();
	else if (what < 25)
		change_directory();
	else if (what < 35)
		prune();
	else if (what < 45)
		order_one();
	else if (what < 60)
		save_and_load();
	else if (what < 70)
		model.workers = 1 + (unsigned)model_below(6);
	else if (what < 85)
		measure();
	else if (what < 250)
		ask();
	else if (what < 400)
		give_back();
	else if (what < 600)
		pass_time();
	else
		end_one();
}

/* More than the registry has slots for at first, and more than any class may have. */
static void begin_with_a_crowd(void)
{
	for (size_t i = 0; i < CROWD; i++) {
		struct pool *pool = room_for_one();

		*pool = (struct pool){ .class = (unsigned)model_below(CLASSES), .size = 16 * MIB, .leases = 1,
				       .directory = (unsigned)model_below(DIRECTORIES),
				       .uid = FIRST_UID + (uint32_t)model_below(USERS) };
		if (!model.directories[pool->directory].usable)
			continue;
		new_id(pool);
		add(pool, REGISTRY_LEASED);
	}
}

static void begin(void)
{
	memset(&model, 0, sizeof(model));
	model.config.classes = model.classes;
	model.registry = registry_new();
	assert_non_null(model.registry);
	model.now_ms = 1000000;
	model.workers = 1 + (unsigned)model_below(6);
	for (unsigned i = 0; i < DIRECTORIES; i++)
		model.directories[i] = (struct directory){ .usable = model_below(4), .tmpfs = model_below(2),
							  .dax = model_below(2) };
	for (unsigned class = 0; class < CLASSES; class++)
		assert_non_null(provision_class(&model.provision, class_names[class]));
	configure();
	if (model_below(4) == 0)
		begin_with_a_crowd();
	expect_all();
}

static void end(void)
{
	for (size_t i = 0; i < POOLS; i++)
		if (model.pools[i].real)
			free(model.pools[i].real->work);
	registry_free(model.registry);
	provision_done(&model.provision);
}

static void walk(void)
{
	begin();
	for (size_t i = 1; i <= STEPS; i++) {
		uint64_t generation = registry_generation(model.registry), order = model.last_order;

		if (i % STEPS_BETWEEN_RESTS)
			step();
		else
			come_to_rest();
		kick();
		expect_all();
		model_expect(order == model.last_order || registry_generation(model.registry) > generation,
			     "the registry's generation did not grow");
	}
	end();
}

TEST(test_provision_is_as_the_model_says)
{
	model_run(walk, WALKS);
}
