/* SPDX-License-Identifier: BSD-3-Clause */
/* jobs -- see jobs.h. */
#include "vmmallocd/pools/jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/pools/served_dir.h"

#define NICER_BY 10
#define HANGS_AFTER_MS 30000
#define SLOWEST_BYTES_A_MS 50000    /* 50 MB a second */

static int warm_job(struct job *job, struct text *error)
{
	struct text advice = TEXT_INIT(job->advice);
	const struct pool_dir *dir = &job->directory->dir;
	int r = pool_file_warm(dir, &job->file, &job->cancel, &job->huge_bytes, error);

	/* pools of DAX that cannot have large pages work, but slower: worth a word, not a failure */
	if (r == 0 && dir->dax && pool_file_check_layout(dir, &job->file, &advice) != -EMEDIUMTYPE)
		job->advice[0] = '\0';
	return r;
}

/*
 * A pool that was found ready when the daemon started, but in use, still has the mark of a ready one. It is probed
 * before it is renamed: a rename waits for whoever writes to the file, and the whole directory with it.
 */
static int mark_used(struct job *job)
{
	const struct pool_dir *dir = &job->directory->dir;
	int r;

	if (job->file.mark != POOL_FILE_READY)
		return 0;
	r = pool_file_probe(dir, &job->file);
	return r == 0 ? pool_file_set_mark(dir, &job->file, POOL_FILE_USED) : r;
}

static int scrub_job(struct job *job, struct text *error)
{
	int r = mark_used(job);

	if (r < 0)
		return r;
	return pool_file_scrub(&job->directory->dir, &job->file, job->class_name, job->size_bytes,
			       job->punch_timeout_ms, &job->cancel, error);
}

static int destroy_job(struct job *job)
{
	const struct pool_dir *dir = &job->directory->dir;
	int r = pool_file_probe(dir, &job->file);

	if (r == 0)
		r = pool_file_destroy(dir, &job->file);
	return r == -ENOENT ? 0 : r;
}

/* Zeroing memory takes all of a processor: clients that wait for the loop's thread go first. */
static void step_back(void)
{
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), getpriority(PRIO_PROCESS, (id_t)getpid()) + NICER_BY);
}

void jobs_run_cold(struct job *job)
{
	struct text error = TEXT_INIT(job->error);

	job->result = pool_file_create_cold(&job->directory->dir, job->class_name, job->size_bytes, &job->file, &error);
}

static void run_job(struct work *work)
{
	struct job *job = work->data;
	struct text error = TEXT_INIT(job->error);

	if (job->cold) {
		jobs_run_cold(job);
		return;
	}
	/* a check and a removal are short, and others may wait for them */
	if (job->kind != PROVISION_CHECK && job->kind != PROVISION_DESTROY)
		step_back();
	switch (job->kind) {
	case PROVISION_CREATE:
		job->result = pool_file_create(&job->directory->dir, job->class_name, job->size_bytes, &job->cancel,
					       &job->file, &error);
		break;
	case PROVISION_WARM: job->result = warm_job(job, &error); break;
	case PROVISION_CHECK:
		job->result = pool_file_check_pins(&job->directory->dir, &job->file, job->of_cold, &job->cancel,
						   &error);
		break;
	case PROVISION_SCRUB: job->result = scrub_job(job, &error); break;
	case PROVISION_DESTROY: job->result = destroy_job(job); break;
	}
	if (job->result != 0 && error.length == 0)
		text_add(&error, "%s", strerrordesc_np(-job->result));
}

static unsigned *counter(const struct job *job)
{
	if (job->cold)
		return &job->jobs->colds;
	if (job->kind == PROVISION_CHECK)
		return &job->jobs->checks;
	return job->may_block ? &job->jobs->punches : &job->jobs->running;
}

static void finish_job(struct work *work)
{
	struct job *job = work->data;
	struct jobs *jobs = job->jobs;

	if (job->prev)
		job->prev->next = job->next;
	else
		jobs->first = job->next;
	if (job->next)
		job->next->prev = job->prev;
	if (job->hangs) {
		jobs->hanging--;
		job->directory->hanging--;
	} else {
		--*counter(job);
	}
	job->done(job->context, job);
	free(job);
}

int jobs_start(struct jobs *jobs, const struct job *given)
{
	CLEANUP(cleanup_free) struct job *job = malloc(sizeof(*job));
	int r;

	if (!job)
		return -ENOMEM;
	memcpy(job, given, sizeof(*job));
	job->jobs = jobs;
	atomic_init(&job->cancel, false);
	job->work.data = job;
	r = work_start(jobs->loop, &job->work, run_job, finish_job);
	if (r < 0)
		return r;
	job->prev = NULL;
	job->next = jobs->first;
	if (job->next)
		job->next->prev = job;
	jobs->first = job;
	job->started_ms = (int64_t)uv_now(jobs->loop);
	job->hangs = false;
	++*counter(job);
	(void)steal_pointer(&job);
	return 0;
}

/* Writing takes its time, on a slow disk too, and pins are waited for as long as is configured. */
static int64_t patience_ms(const struct job *job)
{
	return HANGS_AFTER_MS + (int64_t)(job->size_bytes / SLOWEST_BYTES_A_MS) +
	       (job->kind == PROVISION_SCRUB ? (int64_t)job->punch_timeout_ms : 0);
}

unsigned jobs_count_hanging(struct jobs *jobs)
{
	unsigned n = 0;

	for (struct job *job = jobs->first; job; job = job->next) {
		if (job->hangs || (int64_t)uv_now(jobs->loop) - job->started_ms < patience_ms(job))
			continue;
		--*counter(job);
		job->hangs = true;
		jobs->hanging++;
		job->directory->hanging++;
		n++;
	}
	return n;
}

void jobs_cancel(struct job *job)
{
	atomic_store(&job->cancel, true);
}

void jobs_cancel_all(struct jobs *jobs)
{
	for (struct job *job = jobs->first; job; job = job->next)
		jobs_cancel(job);
}
