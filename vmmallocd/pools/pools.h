/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pools -- the life of all pools. provision.h, recover.h and request.h decide; this folder does it.
 *
 *     watch.h (somebody closed) --> probe --> RECYCLING --> jobs.h (scrub, warm) --> READY --> pools_take --> LEASED
 *     provision.h (one more)    --> jobs.h (create, warm) --> READY
 *     served_dir.h (scanned)    --> recover.h --> registry
 *
 * A pool in the registry lies in an open directory. One that a job works on (provision_is_busy) is left alone until the
 * job is done.
 *
 * Everything runs in the loop's thread. What reads or writes files, or waits for anybody, goes to the threads of jobs.h
 * and served_dir.h. What stays here are system calls on names and leases, of a microsecond or two each: about ten for a
 * hand-out, five for a probe; each second, one for each of 4096 pools at most and a probe of a part of the leased ones.
 * What a scan has found is taken in here, too: 10 to 25 ms for 10,000 pools, and a probe more for each that was in use.
 * Where a file system does not answer even for names, all of these wait for it.
 */
#ifndef VMMALLOCD_POOLS_POOLS_H
#define VMMALLOCD_POOLS_POOLS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "vmmallocd/config/config.h"
#include "vmmallocd/pools/served_dir.h"
#include "vmmallocd/pools/early.h"
#include "vmmallocd/pools/jobs.h"
#include "vmmallocd/base/log.h"
#include "vmmallocd/plan/events.h"
#include "vmmallocd/pools/mounts.h"
#include "vmmallocd/plan/metrics.h"
#include "vmmallocd/plan/provision.h"
#include "vmmallocd/plan/registry.h"
#include "vmmallocd/plan/request.h"
#include "vmmallocd/pools/relief.h"
#include "vmmallocd/base/shortage.h"
#include "vmmallocd/pools/watch.h"

#define POOLS_PROBE_ROUND_S 60    /* each leased pool is probed once in this time though no event came */

struct pools {
	uv_loop_t *loop;
	struct log *log;
	struct events events;
	const struct config *config;         /* the caller's; changed by pools_configure */
	struct registry *registry;
	struct registry *saved;              /* pools of directories that were not scanned yet, or have gone */
	struct provision provision;
	struct jobs jobs;
	struct served_dirs directories;
	struct watch *watch;                 /* NULL once the pools stop */
	struct mounts *mounts;               /* NULL: not to be had; directories are checked each second all the same */
	uv_idle_t turn;                      /* active while something has changed (pools_wake) */
	uv_idle_cb on_turn;                  /* the turn's function */
	uint64_t wakes;                      /* calls of pools_wake: something has changed since it was less */
	uv_timer_t due_timer, second_timer, early_timer;
	unsigned probe_turn;                 /* of the leased pools, which part is probed next */
	size_t checks;                       /* calls of pools_check, one a second */
	struct early early;
	struct relief relief;
	unsigned opening;                    /* directories that a thread is opening */
	bool stopping;
	struct shortage threads, descriptors;   /* of the whole daemon */
	uint64_t handed_out, refused, recycled, destroyed;   /* count, since the start */
	struct metrics metrics;              /* counts of every daemon so far */
	void (*changed)(void *context);      /* something was done that may have to be saved or told; once a turn */
	void *context;
};

/*
 * `saved` becomes the pools' own. The directories of all classes, and of saved pools, are opened in threads: from the
 * loop's first turn on, and not before it calls `changed`. 0 or -errno.
 */
int pools_open(struct pools *pools, uv_loop_t *loop, struct log *log, const struct config *config,
	       struct registry *saved, void (*changed)(void *context), void *context);

/* Once `changed` was called: whether every directory was looked at once, so that clients can be served. */
bool pools_are_found(const struct pools *pools);

/* Another configuration, after a reload; the old one must last until this returns. */
void pools_configure(struct pools *pools, const struct config *config);

/*
 * The class of the configuration in use has other orders: `service`, or new figures, `ready` or `max`. Ready pools past
 * new figures are removed.
 */
void pools_reorder(struct pools *pools, const char *class_name, bool has_new_figures);

struct pools_taken {
	struct registry_pool *pool;   /* leased, and marked so in its directory */
	int fd;                       /* a new descriptor of it, which the caller sends and then closes */
	const struct config_class *class;   /* of which it is, or would be, if the peer takes cold ones; or NULL */
	bool is_coming;               /* there is none; but one is made, or room for one, in a moment */
};

/*
 * Decides a request. HANDOUT_OK, or HANDOUT_COLD if the peer takes that: *ret_taken has a pool. Any other status: there
 * is none, and is_coming may be set. A cold pool is made here if that is quick, on tmpfs, and else in a thread. The
 * other work that this causes begins in the loop's next turn, so that the caller can answer first.
 */
enum handout_status pools_take(struct pools *pools, const struct handout_request *request,
			       const struct request_peer *peer, struct pools_taken *ret_taken);
/*
 * After a refusal: whether that may change in a moment, because a pool is coming, or because one that the user has
 * given back is being looked at. Then the caller asks again. `first`: the user's pools that were found pinned before
 * are looked at once more.
 */
bool pools_put_off(struct pools *pools, const struct request_peer *peer, enum handout_status status,
		   const struct pools_taken *taken, bool first);
/* The peer, for people to read. */
struct registry_owner pools_owner(const struct request_peer *peer);
/* Whoever asked for a pool of the class, which may be "", is told that refusal. */
void pools_refused(struct pools *pools, const char *class_name, const struct registry_owner *owner,
		   enum handout_status status);
/* Who waited has gone. */
void pools_gave_up(struct pools *pools, const char *class_name, const struct registry_owner *owner);
/* It waits instead. */
void pools_waits(struct pools *pools, const char *class_name, const struct registry_owner *owner, uint32_t wait_s,
		 enum handout_status status);
/*
 * The peer has the pool, `ns` after it had asked. `waited`: the request did not only have to be decided, but waited for
 * a pool.
 */
void pools_sent(struct pools *pools, const struct registry_pool *pool, uint64_t ns, bool waited);
/* The descriptor could not be sent, and is closed. */
void pools_unsent(struct pools *pools, struct registry_pool *pool, int error);

/* The daemon could not have a descriptor, for `what`: said once, and once that it is over. */
void pools_short_of_descriptors(struct pools *pools, int error, const char *what);

/* For the control interface: see control.h. */
uint64_t pools_bytes(const struct pools *pools, const char *path, uint64_t size_bytes);
const char *pools_problem(const struct pools *pools);   /* of no class alone; NULL: none */
const char *pools_class_problem(struct pools *pools, const char *class_name);
int pools_figures(struct pools *pools, const struct registry_pool *pool, uint64_t *ret_used, uint64_t *ret_peak);
/* Asks each directory for its space: space.h. */
void pools_ask_space(struct pools *pools);
/* Whether one of them may answer in a moment. */
bool pools_space_is_coming(const struct pools *pools);
/* Whether one has not answered, however long it takes: a thread is at it. */
bool pools_space_is_asked(const struct pools *pools);
int pools_prune(struct pools *pools, bool dry_run, int (*visit)(void *context, const struct registry_pool *pool),
		void *context);
const char *pools_not_removed(struct pools *pools, const uint8_t id[POOL_FILE_ID_BYTES], bool *ret_at_work);

/* For the control interface, too: see control/orders.h. */
int pools_fill(struct pools *pools, const char *class_name, unsigned count, struct text *error);
/* Once there had been so many failures. 0: the class has what it wants; -EINPROGRESS; -EIO: not all could be made. */
int pools_filled(struct pools *pools, const char *class_name, uint64_t failures, struct text *error);
int pools_empty(struct pools *pools, const char *class_name,
		int (*visit)(void *context, const struct registry_pool *pool), void *context);
int pools_destroy(struct pools *pools, const uint8_t id[POOL_FILE_ID_BYTES],
		  int (*visit)(void *context, const struct registry_pool *pool), void *context, struct text *error);

/* Begins nothing any more and cancels the jobs, which end in the loop. Leased and ready pools stay. */
void pools_stop(struct pools *pools);
/* After the loop: frees everything but the structure itself. */
void pools_done(struct pools *pools);

#endif
