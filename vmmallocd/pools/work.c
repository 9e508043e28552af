/* SPDX-License-Identifier: BSD-3-Clause */
/* work -- see work.h. */
#include "vmmallocd/pools/work.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/util/size_format.h"
#include "vmmallocd/pools/base.h"
#include "vmmallocd/pools/directories.h"
#include "vmmallocd/pools/probe.h"
#include "vmmallocd/pools/tell.h"

/* --- trouble --- */

static void say_problem(struct pools *pools, struct provision_class *class, const struct job *job)
{
	bool is_full = job->result == -ENOSPC || job->result == -EDQUOT;
	enum event_kind kind = is_full ? EVENT_DIRECTORY_FULL : EVENT_CLASS_PROBLEM;
	char problem[PROVISION_PROBLEM_BYTES], size[SIZE_FORMAT_BYTES];

	if (is_full) {
		size_format_whole(job->size_bytes, size);
		snprintf(problem, sizeof(problem), "pool directory %s: no space left for a pool of %s",
			 job->directory->path, size);
	} else {
		snprintf(problem, sizeof(problem), "%s", job->error);
	}
	/* it is the same at every retry, and said once */
	if (strcmp(problem, class->problem) != 0)
		tell(&pools->events, pools->log, LOG_WARNING,
		     tell_of_class(kind, class->name, job->directory->path, problem), "class '%s': %s", class->name,
		     problem);
	snprintf(class->problem, sizeof(class->problem), "%s", problem);
}

/* A resource that runs out for one runs out for all: it is the daemon's problem, and said once. */
static void say_shortage(struct pools *pools, int error)
{
	shortage_begin(&pools->descriptors, pools->log, pools_now_ms(pools), RESOURCE_DESCRIPTOR, error,
		       "work on pools");
}

static void creation_failed(struct pools *pools, const struct job *job)
{
	struct provision_class *class = provision_class(&pools->provision, job->class_name);

	if (job->result == -ECANCELED || !class || !config_find(pools->config, class->name))
		return;
	provision_failed(class, pools_now_ms(pools));
	class->failures++;
	metrics_count(&pools->metrics, class->name, METRICS_CREATE_FAILED);
	if (resource_has_run_out(job->result))
		say_shortage(pools, job->result);
	else
		say_problem(pools, class, job);
}

/* A look costs little; a punch may keep a worker waiting. */
static void retry_pinned(struct pools *pools, struct registry_pool *pool, const struct job *job)
{
	bool looked = job->kind == PROVISION_CHECK;

	provision_retry_later(pool->work, pools_now_ms(pools),
			      looked ? PROVISION_CHECK_PAUSE_MS : PROVISION_PUNCH_PAUSE_MS,
			      looked ? PROVISION_CHECK_PAUSE_MOST_MS : PROVISION_PUNCH_PAUSE_MOST_MS);
}

static void quarantine(struct pools *pools, struct registry_pool *pool, const struct job *job)
{
	struct provision_work *work = pool->work;
	int r = pool_file_set_mark(&job->directory->dir, &pool->file, POOL_FILE_BAD);

	retry_pinned(pools, pool, job);
	if (r < 0) {
		pools_fail(pools, pool, "quarantine", strerrordesc_np(-r));
		return;
	}
	/* it may stay so for as long as its last user likes: said once */
	if (pool->state == REGISTRY_QUARANTINED)
		return;
	tell(&pools->events, pools->log, LOG_WARNING,
	     tell_of_pool(EVENT_QUARANTINED, pool, "a page of it is still held"),
	     "%s: a page of it is pinned; it counts as a pool of uid %u, and is tried again in %u s",
	     pools_name(pool).text, (unsigned)pool->owner.uid, work->pause_ms / 1000);
	metrics_count(&pools->metrics, pool->class_name, METRICS_QUARANTINED);
	pools_set_state(pools, pool, REGISTRY_QUARANTINED);
}

/* --- a job has ended --- */

static void make_ready(struct pools *pools, struct registry_pool *pool, const struct job *job)
{
	struct provision_class *class = provision_class(&pools->provision, pool->class_name);
	int r = pool_file_set_mark(&job->directory->dir, &pool->file, POOL_FILE_READY);

	if (r < 0) {
		pools_fail(pools, pool, "rename", strerrordesc_np(-r));
		return;
	}
	/* that one came back does not mean that there is room for more */
	if (class && pool->leases == 0) {
		provision_succeeded(class, pools_now_ms(pools));
		class->made++;
	}
	tell(&pools->events, pools->log, LOG_DEBUG, tell_of_pool(EVENT_READY, pool, NULL),
	     "%s: ready, %" PRIu64 " of %" PRIu64 " bytes in huge pages", pools_name(pool).text, job->huge_bytes,
	     pool->file.size_bytes);
	pools_set_state(pools, pool, REGISTRY_READY);
}

/* Clean, and nobody has it: on its way to the next. */
static void go_on(struct pools *pools, struct registry_pool *pool, const struct job *job)
{
	const struct config_class *class = config_find(pools->config, pool->class_name);

	if (!provision_fits(class, pool) || job->directory->gone)
		pools_set_state(pools, pool, REGISTRY_FAILED);
	else if (class->warm)
		pools_set_state(pools, pool, REGISTRY_WARMING);
	else
		make_ready(pools, pool, job);
}

/* Registers what a job has made. 0 or -errno, which is logged, and the file is removed: nobody would ever find it. */
static int add_made(struct pools *pools, const struct job *job, enum registry_state state,
		    struct registry_pool **ret_pool)
{
	struct registry_pool pool = {
		.directory = job->directory->path, .file = job->file, .size_bytes = job->size_bytes, .cold = job->cold,
		.created_s = pools_now_s(pools), .changed_s = pools_now_s(pools),
	};
	int r;

	memcpy(pool.id, job->file.id, sizeof(pool.id));
	memcpy(pool.class_name, job->class_name, sizeof(pool.class_name));
	r = pools_add(pools, job->directory, &pool, state, ret_pool);
	if (r == 0)
		metrics_count(&pools->metrics, pool.class_name, METRICS_CREATED);
	if (r < 0) {
		log_line(pools->log, LOG_ERR, "%s: register: %s", pools_name(&pool).text, strerrordesc_np(-r));
		(void)pool_file_destroy(&job->directory->dir, &job->file);
		return r;
	}
	tell(&pools->events, pools->log, LOG_DEBUG, tell_of_pool(EVENT_MADE, *ret_pool, NULL), "%s: made%s",
	     pools_name(*ret_pool).text, job->cold ? ", cold" : "");
	return 0;
}

/* Whoever asked for it takes it in the loop's next turn, or at once; else it is removed soon. */
static int created_cold(struct pools *pools, const struct job *job, struct registry_pool **ret_pool)
{
	struct provision_class *class = provision_class(&pools->provision, job->class_name);
	int64_t now_ms = pools_now_ms(pools);
	int r = job->result;

	if (r == 0)
		r = add_made(pools, job, job->directory->gone ? REGISTRY_FAILED : REGISTRY_READY, ret_pool);
	if (r == 0 && pools_work(*ret_pool))
		(*ret_pool)->work->due_ms = now_ms + PROVISION_COLD_KEPT_MS;
	if (!class)
		return r;
	/* the same words as for a warm pool: both failed for the same reason, or one of them did not */
	if (class->pause_ms == 0 && (r == 0 || !provision_cold_failed(class, now_ms)))
		class->problem[0] = '\0';
	if (resource_has_run_out(r))
		say_shortage(pools, r);
	else if (r < 0)
		say_problem(pools, class, job);
	if (r < 0)
		metrics_count(&pools->metrics, class->name, METRICS_CREATE_FAILED);
	class->cold_error = r;
	class->cold_due_ms = now_ms + PROVISION_COLD_PAUSE_MS;
	return r;
}

static void created(struct pools *pools, const struct job *job)
{
	struct registry_pool *added;

	if (job->cold)
		(void)created_cold(pools, job, &added);
	else if (job->result < 0)
		creation_failed(pools, job);
	else if (add_made(pools, job, REGISTRY_WARMING, &added) == 0)
		go_on(pools, added, job);
	/* the placeholder goes after the pool has come, or its directory might be closed in between */
	pools_forget(pools, job->pool);
}

static void warmed(struct pools *pools, struct registry_pool *pool, const struct job *job)
{
	struct provision_class *class = provision_class(&pools->provision, pool->class_name);

	if (job->result == 0) {
		metrics_took(&pools->metrics, pool->class_name, METRICS_WARM, uv_hrtime() - job->began_ns);
		/* it stays, though the next pool may lie better by chance */
		if (class && job->advice[0] != '\0' && strcmp(class->advice, job->advice) != 0) {
			snprintf(class->advice, sizeof(class->advice), "%s", job->advice);
			tell(&pools->events, pools->log, LOG_WARNING,
			     tell_of_class(EVENT_CLASS_PROBLEM, class->name, job->directory->path, class->advice),
			     "class '%s': %s", class->name, class->advice);
		}
		if (provision_fits(config_find(pools->config, pool->class_name), pool))
			make_ready(pools, pool, job);
		else
			pools_set_state(pools, pool, REGISTRY_FAILED);
	} else if (resource_has_run_out(job->result)) {
		say_shortage(pools, job->result);
		provision_retry_later(pool->work, pools_now_ms(pools), PROVISION_CREATE_PAUSE_MS,
				      PROVISION_CREATE_PAUSE_MOST_MS);
	} else if (job->result != -ECANCELED) {
		creation_failed(pools, job);
		pool->work->after_failure = true;
		pools_fail(pools, pool, "warm", job->error);
	} else if (!pools->stopping) {
		pools_set_state(pools, pool, REGISTRY_FAILED);
	}
}

/*
 * Somebody has a pool that was to be cleaned or removed: root, looking at it; or khugepaged, which keeps a file that we
 * have mapped ourselves a moment longer. It is in use like any other, so nobody is to wait for its place.
 */
static void had_again(struct pools *pools, struct registry_pool *pool, const struct job *job)
{
	tell(&pools->events, pools->log, LOG_INFO, tell_of_pool(EVENT_HELD_AGAIN, pool, NULL),
	     "%s: somebody has it again", pools_name(pool).text);
	if (pool->state == REGISTRY_RECYCLING ||
	    (pool->state == REGISTRY_FAILED && pool->file.mark == POOL_FILE_USED)) {
		pools_set_state(pools, pool, REGISTRY_LEASED);
		/* it may have been closed since: such events of a pool that a job has are not heard */
		pools_probe_early(pools, pool);
	} else {
		retry_pinned(pools, pool, job);
	}
}

static void checked(struct pools *pools, struct registry_pool *pool, const struct job *job)
{
	struct provision_work *work = pool->work;

	switch (-job->result) {
	case ECANCELED:
		break;
	case ETIMEDOUT:
		quarantine(pools, pool, job);
		break;
	case EAGAIN:
		had_again(pools, pool, job);
		break;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		say_shortage(pools, job->result);
		provision_retry_later(work, pools_now_ms(pools), PROVISION_CHECK_PAUSE_MS,
				      PROVISION_CHECK_PAUSE_MOST_MS);
		break;
	default:
		/* nothing is held; or something is odd about the file, and scrubbing or removing it tells what */
		work->pause_ms = 0;
		work->due_ms = 0;
		pool->may_be_pinned = false;
		registry_touch(pools->registry, pool);
	}
}

static void scrubbed(struct pools *pools, struct registry_pool *pool, const struct job *job)
{
	struct provision_work *work = pool->work;

	pool->file = job->file;
	switch (-job->result) {
	case 0:
		work->pause_ms = 0;
		work->due_ms = 0;
		tell(&pools->events, pools->log, LOG_DEBUG, tell_of_pool(EVENT_RECLAIMED, pool, NULL), "%s: emptied",
		     pools_name(pool).text);
		pool->owner = (struct registry_owner){ 0 };
		pool->may_be_pinned = false;
		registry_set_cold(pools->registry, pool, false);
		pools->recycled++;
		metrics_count(&pools->metrics, pool->class_name, METRICS_RECYCLED);
		go_on(pools, pool, job);
		break;
	case ECANCELED:
		break;
	case ETIMEDOUT:
		quarantine(pools, pool, job);
		break;
	case EAGAIN:
		had_again(pools, pool, job);
		break;
	case ENOENT:
	case ESTALE:
		pools_vanish(pools, pool, job->error);
		break;
	default:
		if (resource_has_run_out(job->result)) {
			/* nothing is wrong with the pool */
			say_shortage(pools, job->result);
			provision_retry_later(work, pools_now_ms(pools), PROVISION_DESTROY_PAUSE_MS,
					      PROVISION_DESTROY_PAUSE_MOST_MS);
			break;
		}
		if (job->result == -ENOSPC || job->result == -EDQUOT) {
			creation_failed(pools, job);
			work->after_failure = true;
		}
		pools_fail(pools, pool, "scrub", job->error);
	}
}

static void destroyed(struct pools *pools, struct registry_pool *pool, const struct job *job)
{
	struct provision_work *work = pool->work;

	if (job->result == -EAGAIN && pool->file.mark == POOL_FILE_USED) {
		had_again(pools, pool, job);
		return;
	}
	switch (-job->result) {
	case 0:
		tell(&pools->events, pools->log, LOG_DEBUG, tell_of_pool(EVENT_DESTROYED, pool, NULL), "%s: removed",
		     pools_name(pool).text);
		pools->destroyed++;
		metrics_count(&pools->metrics, pool->class_name, METRICS_DESTROYED);
		if (!work->after_failure)
			provision_space_freed(&pools->provision, pools->config, job->directory->path);
		pools_forget(pools, pool);
		break;
	case ESTALE:
		pools_vanish(pools, pool, "its name is another file by now; forgotten");
		break;
	case ETIMEDOUT:
		quarantine(pools, pool, job);
		break;
	default:
		work->error = job->result;
		if (resource_has_run_out(job->result))
			say_shortage(pools, job->result);
		else if (job->result != -EAGAIN && job->result != -ECANCELED && work->pause_ms == 0)
			log_line(pools->log, LOG_WARNING, "%s: remove: %s; tried again", pools_name(pool).text,
				 job->error);
		provision_retry_later(work, pools_now_ms(pools), PROVISION_DESTROY_PAUSE_MS,
				      PROVISION_DESTROY_PAUSE_MOST_MS);
	}
}

/* What was ordered besides is not tried again. */
static void give_up_extra(struct pools *pools, const struct job *job)
{
	struct provision_class *class = provision_class(&pools->provision, job->class_name);

	if (class && class->pause_ms > 0)
		provision_give_up_extra(class, pools->config, pools->registry);
}

static void job_done(void *context, struct job *job)
{
	struct pools *pools = context;
	struct registry_pool *pool = job->pool;

	pool->work->running = false;
	if (job->hangs)
		pools_refresh_classes(pools);
	if (job->directory->gone && job->kind != PROVISION_CREATE) {
		pools_leave(pools, pool);
	} else {
		switch (job->kind) {
		case PROVISION_CREATE: created(pools, job); break;
		case PROVISION_WARM: warmed(pools, pool, job); break;
		case PROVISION_CHECK: checked(pools, pool, job); break;
		case PROVISION_SCRUB: scrubbed(pools, pool, job); break;
		case PROVISION_DESTROY: destroyed(pools, pool, job); break;
		}
	}
	give_up_extra(pools, job);
	pools_wake(pools);
}

/* --- a job begins --- */

/* A creation has no pool yet: an entry with an id of its own stands for it. */
static int add_placeholder(struct pools *pools, const struct provision_job *next, struct registry_pool **ret_pool)
{
	struct served_dir *directory = served_dirs_find(&pools->directories, next->config->directory);
	struct registry_pool pool = {
		.directory = next->config->directory, .size_bytes = next->config->size_bytes, .cold = next->cold,
		.created_s = pools_now_s(pools), .changed_s = pools_now_s(pools),
	};

	if (getrandom(pool.id, sizeof(pool.id), 0) != (ssize_t)sizeof(pool.id))
		return -EIO;
	memcpy(pool.file.id, pool.id, sizeof(pool.id));
	memcpy(pool.class_name, next->class->name, sizeof(pool.class_name));
	return pools_add(pools, directory, &pool, REGISTRY_CREATING, ret_pool);
}

static int start_job(struct pools *pools, const struct provision_job *next)
{
	struct registry_pool *pool = next->pool;
	struct provision_work *work;
	struct job job = {
		.kind = next->kind, .may_block = next->may_block, .cold = next->cold, .done = job_done,
		.context = pools, .began_ns = uv_hrtime(),
		.punch_timeout_ms = pools->config->punch_timeout_s * 1000,
	};
	int r = pool ? 0 : add_placeholder(pools, next, &pool);

	if (r < 0)
		return r;
	work = pools_work(pool);
	job.pool = pool;
	job.directory = pools_directory(pools, pool);
	job.file = pool->file;
	job.of_cold = pool->cold;
	job.size_bytes = pool->size_bytes;
	memcpy(job.class_name, pool->class_name, sizeof(job.class_name));
	r = work ? jobs_start(&pools->jobs, &job) : -ENOMEM;
	if (r < 0) {
		if (!next->pool)
			pools_forget(pools, pool);
		return r;
	}
	work->running = true;
	/* it is not to be handed out any more */
	if (next->kind == PROVISION_DESTROY && pool->state != REGISTRY_FAILED)
		pools_set_state(pools, pool, REGISTRY_FAILED);
	return 0;
}

/* A failure is said once, and tried again in a second. */
static int try_to_start(struct pools *pools, const struct provision_job *next)
{
	int r = start_job(pools, next);

	if (r < 0)
		shortage_begin(&pools->threads, pools->log, pools_now_ms(pools), RESOURCE_THREAD, r, "work on pools");
	else
		shortage_check(&pools->threads, pools->log, pools_now_ms(pools));
	return r;
}

void pools_start_due(struct pools *pools)
{
	for (;;) {
		const struct provision_load load = {
			.workers = pools->config->workers, .jobs = pools->jobs.running, .punches = pools->jobs.punches,
			.checks = pools->jobs.checks,
		};
		struct provision_job next;

		if (!provision_next(&pools->provision, pools->config, pools->registry, &load, pools_now_ms(pools),
				    &next) ||
		    try_to_start(pools, &next) < 0)
			return;
	}
}

/* --- when somebody asks --- */

static int make_cold_now(struct pools *pools, struct served_dir *directory, const struct config_class *config,
			 struct registry_pool **ret_pool)
{
	struct job job = {
		.kind = PROVISION_CREATE, .cold = true, .directory = directory, .size_bytes = config->size_bytes,
	};

	memcpy(job.class_name, config->name, strlen(config->name));
	jobs_run_cold(&job);
	return created_cold(pools, &job, ret_pool);
}

/*
 * On a disk a new file may have to wait for the journal: 0.2 s were seen beside a program that syncs, and all other
 * clients would wait as long. There each class has one thread at a time for it.
 */
int pools_make_cold(struct pools *pools, const struct config_class *config, struct registry_pool **ret_pool)
{
	struct served_dir *directory = served_dirs_find(&pools->directories, config->directory);
	struct provision_class *class = provision_class(&pools->provision, config->name);
	const struct registry_class *counts = registry_class(pools->registry, config->name);
	const struct provision_job next = {
		.kind = PROVISION_CREATE, .class = class, .config = config, .cold = true,
	};

	if (pools->stopping || !directory || !class || !counts || !served_dir_is_usable(directory) ||
	    directory->hanging > 0)
		return -EAGAIN;
	if (directory->dir.tmpfs)
		return make_cold_now(pools, directory, config, ret_pool);
	if (class->cold_error < 0 && pools_now_ms(pools) < class->cold_due_ms)
		return class->cold_error;
	if (counts->cold[REGISTRY_CREATING] > 0 || try_to_start(pools, &next) == 0)
		return -EINPROGRESS;
	return -EAGAIN;
}

static bool is_to_be_had(const struct job *job, const char *class_name)
{
	return strcmp(job->class_name, class_name) == 0 && !job->cold &&
	       (job->kind == PROVISION_CREATE || job->kind == PROVISION_WARM || job->kind == PROVISION_SCRUB);
}

bool pools_make_room(struct pools *pools, const struct config_class *config)
{
	struct provision_class *class = provision_class(&pools->provision, config->name);
	bool is_made = class && pools_now_ms(pools) < class->asked_until_ms;

	if (!class || !provision_make_room(class, pools->registry, pools_now_ms(pools)))
		return false;
	/* a pool that is made for nobody yet takes its time: the next one is cold, and is there at once */
	for (struct job *job = pools->jobs.first; job; job = job->next)
		if (is_to_be_had(job, config->name))
			jobs_cancel(job);
	if (!is_made)
		pools_wake(pools);
	return true;
}
