/* SPDX-License-Identifier: BSD-3-Clause */
/* status_holders -- see status_holders.h. A pool is known by the name of its file, which the daemon gives. */
#include "vmmallocd/ctl/status_holders.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/scan.h"

#define NAME_BYTES 64

static bool is_file_named(const struct holding *holding, const char *beginning)
{
	const char *slash = strrchr(holding->path, '/');

	return slash && strncmp(slash + 1, beginning, strlen(beginning)) == 0;
}

/* NULL: it has nothing of the pool. */
static const char *find_hold(const struct scan_process *process, const char *file, pid_t owner)
{
	const char *hold = NULL;

	for (size_t i = 0; i < process->holdings.count; i++) {
		const struct holding *holding = &process->holdings.list[i];

		if (!is_file_named(holding, file))
			continue;
		if (process->pid == owner)
			return "own";
		if (holding->is_mapped || !hold)
			hold = holding->is_mapped ? "mapped" : "descriptor";
	}
	return hold;
}

static json_t *find_holders(const struct scan *scan, const json_t *pool)
{
	pid_t owner = (pid_t)field_number(json_object_get(pool, "owner"), "pid");
	CLEANUP(json_decrefp) json_t *holders = json_array();
	char file[NAME_BYTES];

	snprintf(file, sizeof(file), "vmmalloc-%s.", field_text(pool, "id"));
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

int status_holders_add(json_t *pools, struct status_unseen *ret_unseen)
{
	struct scan scan;
	json_t *pool;
	size_t i;
	int r = scan_all(&scan);

	json_array_foreach(pools, i, pool) {
		if (r == 0 && json_object_set_new(pool, "holders", find_holders(&scan, pool)) < 0)
			r = -ENOMEM;
	}
	*ret_unseen = (struct status_unseen){ .count = scan.unseen_count, .is_hidden = scan.is_hidden };
	scan_done(&scan);
	return r;
}
