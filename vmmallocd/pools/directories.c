/* SPDX-License-Identifier: BSD-3-Clause */
/* directories -- see directories.h. */
#include "vmmallocd/pools/directories.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "vmmallocd/pools/base.h"
#include "vmmallocd/pools/relief.h"
#include "vmmallocd/pools/tell.h"

/* Whether jobs do not end in a directory where the class has pools; for a class that is not configured any more. */
static bool hangs_somewhere(const struct pools *pools, const struct registry_class *class)
{
	for (unsigned state = 0; class && state < REGISTRY_STATES; state++)
		for (const struct registry_pool *pool = class->first[state]; pool; pool = pool->next_in_state)
			if (pools_directory(pools, pool)->hanging > 0)
				return true;
	return false;
}

static void refresh_others(struct pools *pools)
{
	for (size_t i = 0; i < pools->provision.count; i++) {
		struct provision_class *class = pools->provision.classes[i];

		if (!config_find(pools->config, class->name))
			class->stuck = hangs_somewhere(pools, registry_class(pools->registry, class->name));
	}
}

void pools_refresh_classes(struct pools *pools)
{
	for (size_t i = 0; i < pools->config->class_count; i++) {
		const struct config_class *class = &pools->config->classes[i];
		struct provision_class *provision = provision_class(&pools->provision, class->name);
		const struct served_dir *directory = served_dirs_find(&pools->directories, class->directory);

		if (!provision)
			continue;
		provision->directory_usable = directory && served_dir_is_usable(directory);
		provision->stuck = directory && directory->hanging > 0;
		/* the next mount there may be another */
		if (!provision->directory_usable)
			provision->advice[0] = '\0';
		provision->punch_may_block = !directory || !directory->open || !directory->dir.tmpfs;
	}
	refresh_others(pools);
	pools_refresh_relief(pools);
}

static void set_directory_problem(struct pools *pools, struct served_dir *directory, const char *problem)
{
	enum event_kind kind = directory->gone ? EVENT_DIRECTORY_GONE : EVENT_DIRECTORY_PROBLEM;

	/* it may not work for days: said once */
	if (strcmp(directory->problem, problem) != 0)
		tell(&pools->events, pools->log, LOG_WARNING, tell_of_class(kind, "", directory->path, problem), "%s",
		     problem);
	snprintf(directory->problem, sizeof(directory->problem), "%s", problem);
	directory->due_ms = pools_now_ms(pools) + SERVED_DIR_RETRY_MS;
}

/* --- what lies in a directory --- */

static enum registry_state state_of(enum recover_verdict verdict)
{
	switch (verdict) {
	case RECOVER_READY: return REGISTRY_READY;
	case RECOVER_LEASED: return REGISTRY_LEASED;
	case RECOVER_RECYCLE: return REGISTRY_RECYCLING;
	case RECOVER_QUARANTINED: return REGISTRY_QUARANTINED;
	case RECOVER_IGNORE:
	case RECOVER_DESTROY: break;
	}
	return REGISTRY_FAILED;
}

/* Takes a file that was found into the registry, as what it is, if it is a pool. Counts it by its state. */
static void adopt(struct pools *pools, struct served_dir *directory, const struct served_dir_found *file,
		  size_t counts[REGISTRY_STATES])
{
	const struct recover_found *found = &file->found;
	const struct registry_pool *known = registry_find(pools->saved, found->file.id);
	/* if it was closed since then nobody heard that, as the directory was not watched yet */
	int probe = file->probe == 0 ? 0 : pool_file_probe(&directory->dir, &found->file);
	struct registry_pool pool, *added;
	enum recover_verdict verdict = recover_judge(found, probe, known, pools->config, directory->path,
						     directory->dir.grain, pools_now_s(pools), &pool);
	enum registry_state state = state_of(verdict);
	int r;

	if (verdict == RECOVER_IGNORE)
		return;
	counts[state]++;
	pool.may_be_pinned = found->file.mark != POOL_FILE_NEW && state != REGISTRY_READY && pools_know_pins(directory);
	r = pools_add(pools, directory, &pool, state, &added);
	if (r < 0)
		log_line(pools->log, LOG_WARNING, "%s: found in %s: %s", pools_name(&pool).text, directory->path,
			 strerrordesc_np(-r));
}

/* For a walk over the pools of one directory. */
struct of_directory {
	struct pools *pools;
	const char *path;
};

static int drop_saved(void *context, struct registry_pool *pool)
{
	const struct of_directory *of = context;

	if (strcmp(pool->directory, of->path) == 0)
		registry_remove(of->pools->saved, pool);
	return 0;
}

/* All pools that were saved of this directory are adopted by now, or have no file. */
static void drop_all_saved(struct pools *pools, const struct served_dir *directory)
{
	struct of_directory of = { .pools = pools, .path = directory->path };

	(void)registry_each(pools->saved, drop_saved, &of);
}

static void adopt_all(struct pools *pools, struct served_dir *directory, const struct served_dir_scan *scan)
{
	size_t counts[REGISTRY_STATES] = { 0 };
	char found[EVENTS_WORDS_BYTES];

	for (size_t i = 0; i < scan->count; i++)
		adopt(pools, directory, &scan->found[i], counts);
	drop_all_saved(pools, directory);
	snprintf(found, sizeof(found), "found %zu ready, %zu leased, %zu orphaned, %zu other pools",
		 counts[REGISTRY_READY], counts[REGISTRY_LEASED], counts[REGISTRY_RECYCLING],
		 counts[REGISTRY_FAILED] + counts[REGISTRY_QUARANTINED]);
	tell(&pools->events, pools->log, LOG_INFO,
	     tell_of_class(EVENT_DIRECTORY_IN_SERVICE, "", directory->path, found),
	     "pool directory %s: in service; %s", directory->path, found);
}

/* --- opening --- */

/* Whoever closes a pool from now on is heard. On failure the scan's error says why, and its directory is closed. */
static int watch_scanned(struct pools *pools, struct served_dir_scan *scan)
{
	struct text error = TEXT_INIT(scan->error);
	int r = watch_add(pools->watch, scan->dir.fd, &scan->directory->watch);

	if (r < 0) {
		text_add(&error, "pool directory %s: inotify: %s", scan->directory->path,
			 resource_reason(RESOURCE_INOTIFY, r).text);
		pool_dir_close(&scan->dir);
	}
	return r;
}

static void put_into_service(struct pools *pools, struct served_dir *directory, const struct served_dir_scan *scan)
{
	directory->dir = scan->dir;
	directory->open = true;
	directory->lost = false;
	directory->mount_root = scan->mount_root;
	directory->problem[0] = '\0';
	adopt_all(pools, directory, scan);
	pools_close_unused(pools, directory);
}

static void note_not_opened(struct pools *pools, struct served_dir *directory, int error,
			    const struct served_dir_scan *scan)
{
	bool is_beneath = directory->mount_root && !scan->mount_root;
	/* that it was unmounted has been said, and says more than what is beneath, or that nothing is */
	bool is_known = directory->lost && (error == -ENOENT || is_beneath);

	if (directory->wanted && !pools->stopping && !is_known)
		set_directory_problem(pools, directory, scan->error);
	/* it is neither there nor configured: the registry's file would keep its pools for ever */
	else if (!directory->wanted && error == -ENOENT)
		drop_all_saved(pools, directory);
}

static void directory_opened(void *context, struct served_dir_scan *scan)
{
	struct pools *pools = context;
	int r = scan->result;

	pools->opening--;
	if (r == 0)
		r = watch_scanned(pools, scan);
	if (r == 0)
		put_into_service(pools, scan->directory, scan);
	else
		note_not_opened(pools, scan->directory, r, scan);
	/* a reload may have asked for a tmpfs there while the thread was at it */
	pools_leave_bare_directories(pools);
	pools_refresh_classes(pools);
	pools_wake(pools);
}

static void note_not_started(struct pools *pools, struct served_dir *directory, int error)
{
	char problem[PROVISION_PROBLEM_BYTES];

	snprintf(problem, sizeof(problem), "pool directory %s: %s", directory->path,
		 resource_reason(RESOURCE_THREAD, error).text);
	set_directory_problem(pools, directory, problem);
}

void pools_open_directories(struct pools *pools)
{
	int64_t now_ms = pools_now_ms(pools);

	for (struct served_dir *directory = pools->directories.first; directory; directory = directory->next) {
		/* one that no class wants is opened once, for the pools that were saved of it */
		bool needed = directory->wanted || (directory->due_ms == 0 && registry_count(pools->saved) > 0);
		int r;

		if (!needed || directory->open || directory->opening || directory->due_ms > now_ms)
			continue;
		directory->due_ms = now_ms + SERVED_DIR_RETRY_MS;
		r = served_dir_start_opening(directory, pools->loop, directory_opened, pools);
		directory->opening_ms = now_ms;
		if (r == 0)
			pools->opening++;
		else
			note_not_started(pools, directory, r);
	}
}

int64_t pools_directories_due_ms(const struct pools *pools, int64_t latest_ms)
{
	for (const struct served_dir *directory = pools->directories.first; directory; directory = directory->next)
		if (directory->wanted && !directory->open && !directory->opening && directory->due_ms < latest_ms)
			latest_ms = directory->due_ms;
	return latest_ms;
}

void pools_retry_directories(struct pools *pools)
{
	for (struct served_dir *directory = pools->directories.first; directory; directory = directory->next)
		if (directory->wanted && !directory->open)
			directory->due_ms = 0;
	pools_wake(pools);
}

/* --- going --- */

/* Its file stays. Should the directory come back, the pool is still its owner's, and counts as that. */
void pools_leave(struct pools *pools, struct registry_pool *pool)
{
	struct registry_pool copy = *pool, *added;

	copy.work = NULL;
	/* without memory its owner is not known when it comes back, as after a start without the registry's file */
	if (pool->state != REGISTRY_CREATING)
		(void)registry_add(pools->saved, &copy, pool->state, &added);
	pools_forget(pools, pool);
}

static int leave_pool_of(void *context, struct registry_pool *pool)
{
	const struct of_directory *of = context;

	if (!provision_is_busy(pool) && strcmp(pool->directory, of->path) == 0)
		pools_leave(of->pools, pool);
	return 0;
}

static void lose(struct pools *pools, struct served_dir *directory, const char *problem)
{
	struct of_directory of = { .pools = pools, .path = directory->path };

	watch_remove(pools->watch, directory->watch);
	directory->gone = directory->lost = true;
	set_directory_problem(pools, directory, problem);
	for (struct job *job = pools->jobs.first; job; job = job->next)
		if (job->directory == directory)
			jobs_cancel(job);
	(void)registry_each(pools->registry, leave_pool_of, &of);
	pools_close_unused(pools, directory);
	pools_refresh_classes(pools);
	pools_wake(pools);
}

void pools_directory_gone(struct pools *pools, struct served_dir *directory)
{
	char problem[PROVISION_PROBLEM_BYTES];

	snprintf(problem, sizeof(problem), "pool directory %s: removed or unmounted", directory->path);
	lose(pools, directory, problem);
}

void pools_leave_bare_directories(struct pools *pools)
{
	for (struct served_dir *directory = pools->directories.first; directory; directory = directory->next) {
		char problem[PROVISION_PROBLEM_BYTES] = "";
		struct text error = TEXT_INIT(problem);

		if (!directory->tmpfs[0] || !served_dir_is_usable(directory) ||
		    pool_dir_is_mounted_tmpfs(&directory->dir))
			continue;
		pool_dir_say_no_tmpfs(directory->path, directory->tmpfs, &error);
		lose(pools, directory, problem);
	}
}

/* Without its lock another daemon could take the directory, and could have by now. */
static void keep_directory_locked(struct pools *pools, struct served_dir *directory)
{
	char problem[PROVISION_PROBLEM_BYTES] = "";
	struct text error = TEXT_INIT(problem);
	int r;

	if (pool_dir_is_locked(&directory->dir))
		return;
	r = pool_dir_lock(&directory->dir, &error);
	if (r == -EBUSY) {
		lose(pools, directory, problem);
	} else if (r < 0) {
		set_directory_problem(pools, directory, problem);
	} else {
		directory->problem[0] = '\0';
		log_line(pools->log, LOG_WARNING, "pool directory %s: its lock was removed, and is there again",
			 directory->path);
	}
}

/* No event comes of that: the descriptor keeps a directory that was removed, or a file system that was detached. */
static bool is_gone(const struct served_dir *directory)
{
	struct statx sx;

	if (statx(AT_FDCWD, directory->path, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_INO, &sx) != 0)
		return errno == ENOENT || errno == ENOTDIR;
	return sx.stx_ino != directory->dir.ino || makedev(sx.stx_dev_major, sx.stx_dev_minor) != directory->dir.dev;
}

/* A file system that does not answer keeps a thread for each directory, and a few for work there. */
static void say_hanging(struct pools *pools)
{
	for (struct served_dir *directory = pools->directories.first; directory; directory = directory->next) {
		char problem[PROVISION_PROBLEM_BYTES];

		if (!directory->opening || pools_now_ms(pools) - directory->opening_ms < SERVED_DIR_ANSWER_MS)
			continue;
		snprintf(problem, sizeof(problem), "pool directory %s: it does not answer", directory->path);
		set_directory_problem(pools, directory, problem);
	}
	if (jobs_count_hanging(&pools->jobs) == 0)
		return;
	pools_refresh_classes(pools);
	log_line(pools->log, LOG_WARNING, "%u pieces of work on pools do not end: their directories get no more",
		 pools->jobs.hanging);
}

void pools_check_directories(struct pools *pools)
{
	say_hanging(pools);
	for (struct served_dir *directory = pools->directories.first; directory; directory = directory->next)
		if (served_dir_is_usable(directory) && is_gone(directory))
			pools_directory_gone(pools, directory);
		else if (served_dir_is_usable(directory))
			keep_directory_locked(pools, directory);
}
