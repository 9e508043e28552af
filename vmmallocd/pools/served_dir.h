/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * served_dir -- a directory of pools that the daemon serves. A thread opens it, locks it against other daemons, tests
 * it, scans it and probes each file; while that fails it is tried again. directories.h does so with all of them.
 *
 *     closed --(a thread: open, lock, self-test, scan)--> open --(removed or unmounted)--> gone --(last pool)--> closed
 *        ^                  |
 *        +---- problem -----+
 */
#ifndef VMMALLOCD_POOLS_SERVED_DIR_H
#define VMMALLOCD_POOLS_SERVED_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "vmmallocd/config/tmpfs.h"
#include "vmmallocd/files/pool_file.h"
#include "vmmallocd/plan/provision.h"
#include "vmmallocd/plan/recover.h"
#include "vmmallocd/pools/space.h"
#include "vmmallocd/base/work.h"

#define SERVED_DIR_RETRY_MS 10000
#define SERVED_DIR_ANSWER_MS 2000    /* to be opened; after that it is said that it takes longer */

struct served_dir {
	bool wanted;             /* some class has it */
	bool opening;            /* a thread is at it */
	bool open;               /* `dir` is open, and `watch` set if it is not gone */
	bool gone;               /* while it is open: removed or unmounted, so it gets no more pools */
	bool lost;               /* it was gone once, and has not been opened since */
	bool mount_root;         /* when it was opened last: something was mounted at the path itself */
	struct pool_dir dir;
	int watch;
	unsigned hanging;        /* jobs that do not end: no more are begun here */
	int64_t opening_ms;      /* when the thread began */
	size_t pools;            /* of the registry that lie here (count); their jobs use `dir` */
	struct space space;
	int64_t due_ms;          /* while it is not open: when it is tried again */
	char problem[PROVISION_PROBLEM_BYTES];   /* "": none */
	char tmpfs[CONFIG_TMPFS_OPTIONS_BYTES];  /* of the one that must be mounted there; "": none must */
	struct served_dir *next;
	char path[];
};

/* A file of a pool that a scan found. */
struct served_dir_found {
	struct recover_found found;
	int probe;               /* the result of pool_file_probe, of a moment ago */
};

/* Everything that a thread found out about a directory. */
struct served_dir_scan {
	struct served_dir *directory;
	char tmpfs[CONFIG_TMPFS_OPTIONS_BYTES];   /* as it was when the thread began */
	bool mount_root;         /* something is mounted at the path itself */
	int result;              /* 0: `dir` is open, and the receiver's */
	char error[PROVISION_PROBLEM_BYTES];
	struct pool_dir dir;
	struct served_dir_found *found;
	size_t count, size;
	void (*done)(void *context, struct served_dir_scan *scan);
	void *context;
	struct work work;
};

struct served_dirs {
	struct served_dir *first;    /* in no order */
};

/* The directory of that path, made if it is new; NULL: no memory. */
struct served_dir *served_dirs_add(struct served_dirs *directories, const char *path);
struct served_dir *served_dirs_find(const struct served_dirs *directories, const char *path);
struct served_dir *served_dirs_by_watch(const struct served_dirs *directories, int watch);

/* Opens a closed directory in a thread. `done` is called in the loop; then the scan is freed. 0 or -errno. */
int served_dir_start_opening(struct served_dir *directory, uv_loop_t *loop,
			     void (*done)(void *context, struct served_dir_scan *scan), void *context);
/* Closes it, if it is open; it has no pools. */
void served_dir_close(struct served_dir *directory);
void served_dirs_done(struct served_dirs *directories);

/* Whether pools can be made, handed out and reclaimed there. */
bool served_dir_is_usable(const struct served_dir *directory);

#endif
