/* SPDX-License-Identifier: BSD-3-Clause */
/* relief -- see relief.h. */
#include "vmmallocd/pools/relief.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/psi.h"
#include "vmmallocd/base/resource.h"
#include "vmmallocd/pools/base.h"
#include "vmmallocd/pools/tell.h"

#define KEY "on_memory_pressure = release"

struct percent {
	char text[16];
};

static struct percent percent_of(unsigned share)
{
	struct percent percent;

	snprintf(percent.text, sizeof(percent.text), "%u.%02u%%", share / 100, share % 100);
	return percent;
}

/* --- how high it is --- */

void relief_open(struct relief *relief)
{
	const char *named = getenv(RELIEF_FILE_VARIABLE);

	relief->is_named = named && *named;
	relief->is_off = relief->is_named && strcmp(named, "/dev/null") == 0;
	if (relief->is_named)
		snprintf(relief->group_file, sizeof(relief->group_file), "%s", named);
	else if (!psi_find_own_group(relief->group_file))
		relief->group_file[0] = '\0';
}

static const char *why_not_read(int error)
{
	switch (-error) {
	case ENOENT:
	case EOPNOTSUPP:
		return "the kernel does not measure it: expected CONFIG_PSI, and psi=1 on its command line";
	case EBADMSG:
	case ENXIO:
		return "expected a file that begins with 'some avg10='";
	default:
		return strerrordesc_np(-error);
	}
}

static void note_share(struct relief *relief, const char *file, unsigned share)
{
	if (relief->is_known && share <= relief->share)
		return;
	relief->is_known = true;
	relief->share = share;
	relief->file = file;
}

/* What there is is noted. 0; -errno, of `*ret_file`: that is wrong. */
static int read_shares(struct relief *relief, const char **ret_file)
{
	unsigned share;
	int group = relief->group_file[0] ? psi_read(relief->group_file, &share) : -ENOENT, machine;

	relief->is_known = false;
	if (group == 0)
		note_share(relief, relief->group_file, share);
	machine = psi_read(PSI_MEMORY_FILE, &share);
	if (machine == 0)
		note_share(relief, PSI_MEMORY_FILE, share);
	/* of one that somebody has named it is said; it may be what a terminal's service has left to its shells */
	*ret_file = relief->is_named ? relief->group_file : PSI_MEMORY_FILE;
	return relief->is_named ? group : machine == 0 || group == 0 ? 0 : machine;
}

static void say_not_read(struct pools *pools, const char *problem)
{
	struct relief *relief = &pools->relief;

	/* it is the same each second: said once */
	if (strcmp(relief->problem, problem) != 0)
		tell(&pools->events, pools->log, LOG_WARNING, tell_of_class(EVENT_CLASS_PROBLEM, "", NULL, problem),
		     KEY ": %s", problem);
	snprintf(relief->problem, sizeof(relief->problem), "%s", problem);
}

/* 0: it is known; -EAGAIN: it may be in a moment; -ENODATA: it cannot be. */
static int look_at_pressure(struct pools *pools)
{
	struct relief *relief = &pools->relief;
	char problem[PROVISION_PROBLEM_BYTES];
	const char *file;
	int r;

	if (relief->is_off) {
		relief->is_known = false;
		say_not_read(pools, RELIEF_FILE_VARIABLE "=/dev/null: the service manager has turned it off: expected "
				     "MemoryPressureWatch=on in the unit, or keep");
		return -ENODATA;
	}
	r = read_shares(relief, &file);
	if (r == 0)
		relief->problem[0] = '\0';
	if (r == 0 || resource_has_run_out(r))
		return r == 0 ? 0 : -EAGAIN;
	snprintf(problem, sizeof(problem), "%.256s: %s", file, why_not_read(r));
	say_not_read(pools, problem);
	return relief->is_known ? 0 : -ENODATA;
}

/* Whether memory is short now and was not, or the other way round. */
static bool judge_pressure(struct pools *pools)
{
	struct relief *relief = &pools->relief;
	unsigned limit = pools->config->memory_pressure_limit;
	int r = relief->is_asked ? look_at_pressure(pools) : -ENODATA;

	if (r == 0)
		return pressure_note(&relief->pressure, relief->share, limit, pools_now_ms(pools));
	return r == -ENODATA && pressure_forget(&relief->pressure);
}

void pools_relieve(struct pools *pools)
{
	if (!judge_pressure(pools))
		return;
	pools_refresh_relief(pools);
	pools_wake(pools);
}

/* --- whose pools that concerns --- */

/* NULL: removing pools there gives memory back, or it is not known yet. */
static const char *why_useless(const struct served_dir *directory)
{
	if (!directory || !directory->open || directory->dir.tmpfs)
		return NULL;
	if (directory->dir.hugetlbfs)
		return "its huge pages are set aside whether pools have them or not";
	if (directory->dir.dax)
		return "its pools lie on DAX, not in the machine's memory";
	return "its pools lie on a disk, and the kernel takes their pages back by itself";
}

static void say_useless(struct pools *pools, const struct config_class *config, struct provision_class *class,
			const struct served_dir *directory)
{
	const char *problem = pools_relief_problem(pools, config, class, directory);

	tell(&pools->events, pools->log, LOG_WARNING,
	     tell_of_class(EVENT_CLASS_PROBLEM, class->name, config->directory, problem), "class '%s': %s",
	     class->name, problem);
}

static void say_relief(struct pools *pools, const struct config_class *config, struct provision_class *class)
{
	const struct relief *relief = &pools->relief;
	unsigned limit = pools->config->memory_pressure_limit;
	char reason[EVENTS_WORDS_BYTES];

	if (!relief->is_known)
		snprintf(reason, sizeof(reason), "memory pressure is not known any more");
	else
		snprintf(reason, sizeof(reason),
			 "memory pressure is %s (some avg10 in %.256s), and memory_pressure_limit is %s",
			 percent_of(relief->share).text, relief->file, percent_of(limit).text);
	tell(&pools->events, pools->log, LOG_INFO,
	     tell_of_class(class->releases ? EVENT_CLASS_RELEASES : EVENT_CLASS_REFILLS, class->name,
			   config->directory, reason),
	     "class '%s': %s: %s", class->name,
	     class->releases ? "its ready pools are given back" : "its ready pools are made again", reason);
}

/* Warm pools that would be removed at once need not be finished; a cold one is for somebody who waits for it. */
static void cancel_filling(struct pools *pools, const struct provision_class *class)
{
	for (struct job *job = pools->jobs.first; job; job = job->next)
		if ((job->kind == PROVISION_CREATE || job->kind == PROVISION_WARM) && !job->cold &&
		    strcmp(job->class_name, class->name) == 0)
			jobs_cancel(job);
}

static bool is_to_release(const struct config_class *config)
{
	return config->on_memory_pressure == CONFIG_PRESSURE_RELEASE && !config->closed;
}

static void refresh_class(struct pools *pools, const struct config_class *config, struct provision_class *class)
{
	const struct served_dir *directory = served_dirs_find(&pools->directories, config->directory);
	bool is_asked = is_to_release(config), is_useless = is_asked && why_useless(directory);
	/* where its directory is not there it stays as it was: nothing has begun or is over */
	bool is_on_tmpfs = directory && directory->open ? directory->dir.tmpfs : class->releases;
	bool releases = is_asked && pools->relief.pressure.is_high && is_on_tmpfs;
	bool is_told = class->releases != releases && is_asked;

	/* what was ordered besides is given up: an order that waits for it fails, and shall not be fulfilled later */
	if (releases && !class->releases)
		class->extra = 0;
	class->releases = releases;
	if (releases)
		cancel_filling(pools, class);
	if (is_told)
		say_relief(pools, config, class);
	if (is_useless && !class->cannot_release)
		say_useless(pools, config, class, directory);
	class->cannot_release = is_useless;
}

/* Whether it is asked for by a class that can give something back. */
static bool is_asked_for(const struct pools *pools)
{
	for (size_t i = 0; i < pools->config->class_count; i++) {
		const struct config_class *config = &pools->config->classes[i];

		if (is_to_release(config) && !why_useless(served_dirs_find(&pools->directories, config->directory)))
			return true;
	}
	return false;
}

void pools_refresh_relief(struct pools *pools)
{
	bool was_asked = pools->relief.is_asked;

	pools->relief.is_asked = is_asked_for(pools);
	/* else pools would be made for a second, and be given back */
	if (pools->relief.is_asked && !was_asked)
		(void)judge_pressure(pools);
	for (size_t i = 0; i < pools->provision.count; i++) {
		struct provision_class *class = pools->provision.classes[i];
		const struct config_class *config = config_find(pools->config, class->name);

		if (config)
			refresh_class(pools, config, class);
		else
			class->releases = class->cannot_release = false;
	}
}

const char *pools_relief_problem(const struct pools *pools, const struct config_class *config,
				 struct provision_class *class, const struct served_dir *directory)
{
	const struct relief *relief = &pools->relief;
	const char *useless = why_useless(directory);
	struct text words = TEXT_INIT(class->used_up);
	/* below half of the limit, in hundredths, is below this: pressure_note() */
	unsigned half = (pools->config->memory_pressure_limit + 1) / 2;

	if (!config || config->on_memory_pressure != CONFIG_PRESSURE_RELEASE)
		return NULL;
	if (class->releases)
		text_add(&words, "memory is short (some avg10=%s in %s): its ready pools are given back, until it was "
			 "below %s for %u s", percent_of(relief->share).text, relief->file, percent_of(half).text,
			 relief->pressure.calm_ms / 1000);
	else if (useless)
		text_add(&words, KEY ": pool directory %s: %s: expected a directory on tmpfs, or keep",
			 config->directory, useless);
	else if (relief->problem[0] != '\0')
		text_add(&words, KEY ": %s", relief->problem);
	else
		return NULL;
	return class->used_up;
}
