/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * provision -- which work on pools is due: what is made, warmed, scrubbed and destroyed next.
 *
 * Pure decisions from the configuration, the registry and the clock that the caller passes. The caller asks for one job
 * at a time, starts it, which changes what the registry says, and asks again until there is none.
 *
 *     CREATING ---> WARMING ---> READY ---> LEASED ---> RECYCLING ---> WARMING ...
 *                                                         | pages are held: seen, or the punch does not end
 *                                                         v
 *       any: FAILED ---> destroyed                    QUARANTINED ---> (tried again) ---> WARMING ...
 *
 * A class has no more than PROVISION_CREATES_MOST creations at work; classes take turns; a class whose creation failed
 * waits, longer each time. Punches that may block have at most half of the workers. What was given back is looked at
 * for held pages (PROVISION_CHECK) before anything else: that is quick, has threads of its own, and until then the pool
 * is its last user's.
 *
 * A class wants as many ready pools as it is configured to have, and besides so many as an operator has had made
 * (`extra`), until they are handed out. One that is drained or disabled (config_service) makes none. One that is
 * disabled wants none, and removes those that it has; so does one that gives its pools back because memory is short
 * (pressure.h), which hands out what it has meanwhile, and cold pools.
 *
 * A class with cold pools keeps no more ready ones than it wants: what comes back past that, and a cold pool that
 * nobody took, is destroyed. While somebody waits because there are `max` pools, not all of them in use, none is made,
 * warmed or cleaned there: what is given back, or was made, makes room at once. No libuv, no files.
 */
#ifndef VMMALLOCD_PLAN_PROVISION_H
#define VMMALLOCD_PLAN_PROVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmmallocd/config/config.h"
#include "vmmallocd/plan/registry.h"

#define PROVISION_CREATES_MOST 2
#define PROVISION_PROBLEM_BYTES 512
#define PROVISION_CREATE_PAUSE_MS 1000        /* after a failure; doubles up to */
#define PROVISION_CREATE_PAUSE_MOST_MS 60000
#define PROVISION_PUNCH_PAUSE_MS 30000        /* of a quarantined pool; doubles up to */
#define PROVISION_PUNCH_PAUSE_MOST_MS 3600000
#define PROVISION_CHECK_PAUSE_MS 1000         /* of one that is only looked at; doubles up to */
#define PROVISION_CHECK_PAUSE_MOST_MS 10000
#define PROVISION_CHECKS_MOST 16               /* at once: what they wait for, in the kernel, they wait for together */
#define PROVISION_DESTROY_PAUSE_MS 1000       /* of a pool that could not be destroyed; doubles up to */
#define PROVISION_DESTROY_PAUSE_MOST_MS 60000
#define PROVISION_ASKED_MS 500                /* how long room is made for somebody who waits */
#define PROVISION_COLD_PAUSE_MS 100           /* after a failure */
#define PROVISION_COLD_SAID_MS 60000          /* how long a failure is said when nobody has asked since */
#define PROVISION_COLD_KEPT_MS 1000           /* a cold pool that whoever it was made for has not taken yet */

/* What is being done to a pool (registry_pool.work), or when that is tried again. Made when it is first needed. */
struct provision_work {
	bool running;
	bool after_failure;      /* the space that it leaves is no reason to create the next at once */
	unsigned pause_ms;
	int64_t due_ms;          /* not before this; 0: now */
	int error;               /* why it could not be removed when that was last tried; -errno */
};

/* A class that is configured, or was, or that a pool names. */
struct provision_class {
	char name[HANDOUT_CLASS_BYTES];
	bool directory_usable;   /* the caller's word; else nothing is created */
	bool stuck;              /* the caller's word: work in its directory does not end, and no more is begun */
	bool punch_may_block;    /* the caller's word: not on tmpfs */
	bool releases;           /* the caller's word: memory is short, and its ready pools are given back */
	bool trim; /* after a reload, or resized: ready pools that do not fit, or past what is kept, are destroyed */
	size_t extra;            /* ready pools that it wants besides (count) */
	uint64_t made, failures; /* creations that went well, or did not, so far (count) */
	unsigned pause_ms;       /* of creation, after a failure */
	int64_t create_due_ms;
	int64_t asked_until_ms;  /* somebody waits for room (provision_make_room) */
	int cold_error;          /* -errno of the last cold pool that was to be made; 0: it was made */
	int64_t cold_due_ms;     /* after a failure: when the next may be tried */
	bool is_short;           /* the caller's own: it has said so */
	bool cannot_release;     /* the same: that removing its pools gives no memory back */
	char problem[PROVISION_PROBLEM_BYTES];  /* why there is no pool; "": none */
	char used_up[PROVISION_PROBLEM_BYTES];  /* the words for provision_is_used_up */
	char advice[PROVISION_PROBLEM_BYTES];   /* what could be better with its pools since a reload; "": nothing */
};

struct provision {
	struct provision_class **classes;
	size_t count;
	size_t turn;             /* of the class that is asked first next time */
};

enum provision_kind { PROVISION_CREATE, PROVISION_WARM, PROVISION_CHECK, PROVISION_SCRUB, PROVISION_DESTROY };

struct provision_job {
	enum provision_kind kind;
	struct provision_class *class;
	const struct config_class *config;   /* NULL: not configured any more */
	struct registry_pool *pool;          /* NULL: PROVISION_CREATE */
	bool may_block;                      /* counts as a punch in struct provision_load */
	bool cold;                           /* PROVISION_CREATE: never of provision_next, but when somebody asks */
};

/* What is at work at this moment. */
struct provision_load {
	unsigned workers;        /* the most jobs at once; one punch and one other job are always allowed */
	unsigned jobs, punches;  /* punches are not counted in jobs, and checks in neither */
	unsigned checks;
};

void provision_done(struct provision *provision);

/* The class of that name, made if it is new (and then not usable); NULL: no memory. */
struct provision_class *provision_class(struct provision *provision, const char *name);

/* The next job, in *ret_job; false: nothing is due now. */
bool provision_next(struct provision *provision, const struct config *config, struct registry *registry,
		    const struct provision_load *load, int64_t now_ms, struct provision_job *ret_job);

/* When something may come due though nothing else happens, at most `most_ms` after now. */
int64_t provision_due_ms(const struct provision *provision, const struct config *config, struct registry *registry,
			 int64_t now_ms, int64_t most_ms);

/* Whether a configured class has fewer ready pools than it should have, and none coming. */
bool provision_is_short(const struct provision_class *class, const struct config *config, struct registry *registry);

/* Whether ready pools of a class are on their way. */
bool provision_is_at_work(const struct provision_class *class, const struct config *config, struct registry *registry);
/* Whether a class has all ready pools that it wants. One that lets go of them has not, whatever it wants. */
bool provision_has_wanted(const struct provision_class *class, const struct config *config, struct registry *registry);
/*
 * Whether the class can make none: it may have no more, or nobody gets its pools, or its directory is not there. One
 * that waits after a failure can, and will.
 */
bool provision_is_hindered(const struct provision_class *class, const struct config *config, struct registry *registry);

/* How many pools may be made on order, beside those that the class wants already. */
size_t provision_room(const struct provision_class *class, const struct config *config, struct registry *registry);

/*
 * Of what was ordered besides, what is not there or on its way is not wanted any more: making a pool has failed, or the
 * class is drained.
 */
void provision_give_up_extra(struct provision_class *class, const struct config *config, struct registry *registry);
/* Whether a configured class has fewer ready pools than it should have, and nothing is done about that now. */
bool provision_is_stopped(const struct provision_class *class, const struct config *config, struct registry *registry);

/* Whether it has none, and may not have more pools than it has. */
bool provision_is_used_up(const struct provision_class *class, const struct config *config, struct registry *registry);

/*
 * Somebody asked, and there are `max` pools. Whether not all of them are in use, so that there will be room in a
 * moment: it is made from now on.
 */
bool provision_make_room(struct provision_class *class, struct registry *registry, int64_t now_ms);

/* How many pools the class has, whatever they are. */
size_t provision_total(const struct registry_class *pools);

/* Whether a job is at work on the pool. */
bool provision_is_busy(const struct registry_pool *pool);

/* Whether the pool is one that the class would make: its directory and size. `class` may be NULL. */
bool provision_fits(const struct config_class *class, const struct registry_pool *pool);

/* A creation of the class failed, or succeeded. A success that comes while a failure is waited out changes nothing. */
void provision_failed(struct provision_class *class, int64_t now_ms);
void provision_succeeded(struct provision_class *class, int64_t now_ms);
/* Whether no cold pool could be made when one was last asked for, not long ago. */
bool provision_cold_failed(const struct provision_class *class, int64_t now_ms);
/* Forgets failures: what caused them may be gone. */
void provision_reset(struct provision_class *class);

/* Space came free in a directory: a class that waits to create there need not wait any longer. */
void provision_space_freed(struct provision *provision, const struct config *config, const char *directory);

/* The job on the pool failed: it is tried again later, after a pause that grows from `first_ms` to `most_ms`. */
void provision_retry_later(struct provision_work *work, int64_t now_ms, unsigned first_ms, unsigned most_ms);

#endif
