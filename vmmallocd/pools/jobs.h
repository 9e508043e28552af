/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * jobs -- threads in which pools are made, warmed, checked, scrubbed and removed, as that blocks.
 *
 * How many run at once is the caller's to decide (provision.h).
 */
#ifndef VMMALLOCD_POOLS_JOBS_H
#define VMMALLOCD_POOLS_JOBS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "vmmallocd/files/pool_file.h"
#include "vmmallocd/plan/provision.h"
#include "vmmallocd/base/work.h"

struct served_dir;

struct job {
	/* set by the caller */
	enum provision_kind kind;
	bool may_block;                 /* counted as a punch */
	bool cold;                      /* PROVISION_CREATE: of a cold pool, for which somebody waits */
	bool of_cold;                   /* PROVISION_CHECK: of one that was cold */
	struct served_dir *directory;   /* stays open until `done` was called */
	struct pool_file file;          /* not for PROVISION_CREATE; changed by the job */
	char class_name[HANDOUT_CLASS_BYTES];
	uint64_t size_bytes;
	unsigned punch_timeout_ms;
	uint64_t began_ns;              /* not looked at by the job */
	struct registry_pool *pool;     /* stays until `done` was called; not looked at by the job */
	void (*done)(void *context, struct job *job);   /* in the loop; the job is freed when it returns */
	void *context;
	/* its result */
	int result;                     /* 0 or -errno */
	char error[PROVISION_PROBLEM_BYTES];
	char advice[PROVISION_PROBLEM_BYTES];
	uint64_t huge_bytes;
	/* the module's own */
	struct jobs *jobs;
	atomic_bool cancel;
	int64_t started_ms;
	bool hangs;                     /* it takes longer than any file system that answers */
	struct work work;
	struct job *next, *prev;
};

struct jobs {
	uv_loop_t *loop;
	struct job *first;
	unsigned running, punches, checks, colds;    /* a job counts in one of these, */
	unsigned hanging;                       /* or here, and then keeps no other waiting */
};

/* Copies *job and starts it. 0, or -errno (work.h), and then `done` is not called. */
int jobs_start(struct jobs *jobs, const struct job *job);

/* Does a job of PROVISION_CREATE for a cold pool here and now; the caller looks after its end. */
void jobs_run_cold(struct job *job);

/* Moves the jobs that hang by now to `hanging`, and counts them in their directories. Returns how many were moved. */
unsigned jobs_count_hanging(struct jobs *jobs);

/* Asks a job, or all, to end early; `done` is called all the same. */
void jobs_cancel(struct job *job);
void jobs_cancel_all(struct jobs *jobs);

#endif
