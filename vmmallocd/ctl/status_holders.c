/* SPDX-License-Identifier: BSD-3-Clause */
/* status_holders -- see status_holders.h. A pool is known by the name of its file, which the daemon gives. */
#include "vmmallocd/ctl/status_holders.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "vmmallocd/ctl/daemon_process.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/process_shape.h"
#include "vmmallocd/ctl/reasons.h"
#include "vmmallocd/ctl/scan.h"

#define NAME_BYTES 64

static bool is_file_named(const struct holding *holding, const char *beginning)
{
	const char *slash = strrchr(holding->path, '/');

	return slash && strncmp(slash + 1, beginning, strlen(beginning)) == 0;
}

/* By the number that the daemon knows it by, or, seen from a PID namespace above the daemon's, by the innermost one. */
static bool is_called(const struct scan_process *process, pid_t pid)
{
	return process->pid == pid || process->inner == pid;
}

/* NULL: it has nothing of the pool. */
static const char *find_hold(const struct scan_process *process, const char *file, pid_t owner)
{
	const char *hold = NULL;

	for (size_t i = 0; i < process->holdings.count; i++) {
		const struct holding *holding = &process->holdings.list[i];

		if (!is_file_named(holding, file))
			continue;
		if (is_called(process, owner))
			return "own";
		if (holding->is_mapped || !hold)
			hold = holding->is_mapped ? "mapped" : "descriptor";
	}
	return hold;
}

static void name_file(const json_t *pool, char ret_beginning[NAME_BYTES])
{
	snprintf(ret_beginning, NAME_BYTES, "vmmalloc-%s.", field_text(pool, "id"));
}

static json_t *find_holders(const struct scan *scan, const json_t *pool)
{
	pid_t owner = (pid_t)field_number(json_object_get(pool, "owner"), "pid");
	CLEANUP(json_decrefp) json_t *holders = json_array();
	char file[NAME_BYTES];

	name_file(pool, file);
	for (size_t i = 0; i < scan->process_count; i++) {
		const struct scan_process *process = &scan->processes[i];
		const char *hold = find_hold(process, file, owner);

		if (hold && json_array_append_new(holders, json_pack("{s:i, s:I, s:s, s:s}", "pid", (int)process->pid,
								     "uid", (json_int_t)process->uid,
								     "comm", process->stat.command,
								     "hold", hold)) < 0)
			return NULL;
	}
	return steal_pointer(&holders);
}

/*
 * What the owner says is outside, and why; of a heap of many pools, beside the one that has the figures of all. Else
 * nulls.
 */
static int add_outside(const struct scan *scan, json_t *pool)
{
	pid_t owner = (pid_t)field_number(json_object_get(pool, "owner"), "pid");
	const struct holding *found = NULL;
	char file[NAME_BYTES];

	name_file(pool, file);
	for (size_t i = 0; i < scan->process_count && !found; i++) {
		if (is_called(&scan->processes[i], owner))
			found = process_figures(scan, &scan->processes[i]);
		if (found && !is_file_named(found, file))
			found = NULL;
	}
	if (!found)
		return 0;
	if (json_object_set_new(pool, "outside", process_figure(found->header.outside_bytes)) < 0 ||
	    json_object_set_new(pool, "outside_by", reasons_shape(&found->outside)) < 0)
		return -ENOMEM;
	return 0;
}

int status_holders_add(const struct ctl *ctl, json_t *pools, struct status_unseen *ret_unseen)
{
	struct daemon_process daemon;
	struct scan scan;
	json_t *pool;
	size_t i;
	int r = scan_all(&scan);

	json_array_foreach(pools, i, pool) {
		if (r == 0 && json_object_set_new(pool, "holders", find_holders(&scan, pool)) < 0)
			r = -ENOMEM;
		if (r == 0)
			r = add_outside(&scan, pool);
	}
	daemon_process_find(ctl, &daemon);
	*ret_unseen = (struct status_unseen){ .count = scan.unseen_count, .is_hidden = scan.is_hidden,
					      .is_elsewhere = daemon.is_elsewhere };
	scan_done(&scan);
	return r;
}
