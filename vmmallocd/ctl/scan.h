/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scan -- all processes that have a pool of the library's, and whose the pools are, from /proc alone.
 *
 * They go on meanwhile, so it is no moment's picture. One that ends meanwhile is left out.
 */
#ifndef VMMALLOCD_CTL_SCAN_H
#define VMMALLOCD_CTL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "vmmallocd/ctl/holdings.h"
#include "vmmallocd/ctl/proc_text.h"

#define SCAN_NOBODY SIZE_MAX

struct scan_process {
	pid_t pid, inner;            /* `inner`: its number where it lives */
	uid_t uid;
	struct proc_stat stat;
	struct holdings holdings;
	size_t *pools;               /* of each holding: in scan->pools */
};

struct scan_pool {
	struct holding *known;       /* one of its holdings, by which most is known of it */
	size_t owner;                /* in scan->processes; SCAN_NOBODY: none was found */
};

struct scan {
	struct scan_process *processes;
	size_t process_count;
	struct scan_pool *pools;
	size_t pool_count;
	pid_t *unseen;               /* whom the caller may not look into */
	size_t unseen_count;
	bool is_hidden;              /* /proc does not even name the processes of others */
};

/* 0; -ENOENT: there is no /proc; -errno. The scan is the caller's in any case. */
int scan_all(struct scan *ret_scan);
void scan_done(struct scan *scan);

#endif
