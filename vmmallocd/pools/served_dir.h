/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * served_dir -- the directories of pools: opened, locked against other daemons, tested, scanned (and each file
 * probed), and tried again while that fails.
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

#include "vmmallocd/files/pool_file.h"
#include "vmmallocd/plan/provision.h"
#include "vmmallocd/plan/recover.h"
#include "vmmallocd/base/work.h"

#define DIRECTORY_RETRY_MS 10000
#define DIRECTORY_ANSWER_MS 2000    /* to be opened; after that it is said that it takes longer */

struct directory {
	char *path;
	bool wanted;             /* some class has it */
	bool opening;            /* a thread is at it */
	bool open;               /* `dir` is open, and `watch` set if it is not gone */
	bool gone;               /* removed: nothing new here */
	bool lost;               /* it was open, and was removed or unmounted since */
	struct pool_dir dir;
	int watch;
	unsigned hanging;        /* jobs that do not end: no more are begun here */
	int64_t opening_ms;      /* when the thread began */
	size_t pools;            /* that the registry has here, whose jobs use `dir` */
	int64_t due_ms;          /* while it is not open: when it is tried again */
	char problem[PROVISION_PROBLEM_BYTES];   /* "": none */
	struct directory *next;
};

struct directory_found {
	struct recover_found found;
	int probe;               /* what pool_file_probe said; one that was in use then may not be now */
};

/* Everything that a thread found out about a directory. */
struct directory_scan {
	struct directory *directory;
	int result;              /* 0: `dir` is open, and the receiver's */
	char error[PROVISION_PROBLEM_BYTES];
	struct pool_dir dir;
	struct directory_found *found;
	size_t count, size;
	void (*done)(void *context, struct directory_scan *scan);
	void *context;
	struct work work;
};

struct directories {
	struct directory *first;
};

/* The directory of that path, made if it is new; NULL: no memory. */
struct directory *directories_add(struct directories *directories, const char *path);
struct directory *directories_find(const struct directories *directories, const char *path);
struct directory *directories_by_watch(const struct directories *directories, int watch);

/* Opens a closed directory in a thread. `done` is called in the loop; then the scan is freed. 0 or -errno. */
int directory_start_opening(struct directory *directory, uv_loop_t *loop,
			    void (*done)(void *context, struct directory_scan *scan), void *context);
/* Closes it, if it is open; it has no pools. */
void directory_close(struct directory *directory);
void directories_done(struct directories *directories);

/* Whether pools can be made, handed out and reclaimed there. */
bool directory_is_usable(const struct directory *directory);

#endif
