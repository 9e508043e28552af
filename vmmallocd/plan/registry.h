/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registry -- all pools that the daemon knows, in memory. registry_json.h keeps it in a file.
 *
 * A plain data structure: no libuv, no files, no clock of its own, one thread. It is a cache of what the directories
 * hold. Every operation but the walks is O(1), however many pools there are.
 */
#ifndef VMMALLOCD_PLAN_REGISTRY_H
#define VMMALLOCD_PLAN_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/handout.h"
#include "vmmallocd/plan/pool_file_name.h"

enum registry_state {
	REGISTRY_CREATING,     /* its file is being made and reserved */
	REGISTRY_WARMING,
	REGISTRY_READY,
	REGISTRY_LEASED,
	REGISTRY_RECYCLING,
	REGISTRY_QUARANTINED,
	REGISTRY_FAILED,       /* something odd: destroyed as soon as nobody has it */
	REGISTRY_STATES,
};

struct provision_work;    /* provision.h */

struct registry_owner {
	uint32_t pid;          /* of the process that asked for it; 0: unknown */
	uint32_t uid;
	char comm[16];         /* ends in NUL */
};

struct registry_pool {
	/* set by the caller before registry_add, and not changed afterwards */
	uint8_t id[POOL_FILE_ID_BYTES];
	char class_name[HANDOUT_CLASS_BYTES];
	char *directory;               /* owned by the registry, a copy */
	bool pins_show;                /* tmpfs: that pages are held can be seen without punching them */
	/* set before registry_add, and changed by registry_set_cold */
	bool cold;                     /* sparse: nothing is reserved but what its user has */
	/* may be changed at any time, followed by registry_touch */
	struct pool_file file;
	struct registry_owner owner;   /* meaningful while leased, and while it may be pinned */
	bool may_be_pinned;            /* by its last owner, whose it counts as until this is known not to be so */
	uint64_t size_bytes;
	int64_t created_s;             /* seconds since 1970, by clock.h and the registry's epoch */
	int64_t changed_s;             /* when it came into its state */
	uint64_t leases;               /* times it was handed out (count) */
	struct provision_work *work;   /* the caller's own: what is being done to it, or NULL; not saved */
	/* changed by registry functions only */
	enum registry_state state;
	struct registry_pool *next_in_state, *prev_in_state, *next_by_id;
	struct registry_class *class;
};

/* Pools of one class by state, whatever their directory; made when its first pool comes, kept until registry_free. */
struct registry_class {
	char name[HANDOUT_CLASS_BYTES];
	size_t counts[REGISTRY_STATES];
	size_t cold[REGISTRY_STATES];    /* of those, the cold ones */
	struct registry_pool *first[REGISTRY_STATES], *last[REGISTRY_STATES];  /* oldest in the state first */
	struct registry_class *next;
};

struct registry;

struct registry *registry_new(void);
void registry_free(struct registry *registry);
/* Removes all pools. */
void registry_clear(struct registry *registry);

/* Copies `pool` (its directory too) and links it in. 0, -EEXIST (that id), -ENOMEM. */
int registry_add(struct registry *registry, const struct registry_pool *pool, enum registry_state state,
		 struct registry_pool **ret_pool);
void registry_remove(struct registry *registry, struct registry_pool *pool);

/* Moves it to the end of the state's list, also if it is in that state already, and sets changed_s. */
void registry_set_state(struct registry *registry, struct registry_pool *pool, enum registry_state state,
			int64_t now_s);
void registry_touch(struct registry *registry, struct registry_pool *pool);
void registry_set_cold(struct registry *registry, struct registry_pool *pool, bool cold);

struct registry_pool *registry_find(const struct registry *registry, const uint8_t id[POOL_FILE_ID_BYTES]);
/* Never NULL but for want of memory. */
struct registry_class *registry_class(struct registry *registry, const char *name);
size_t registry_count(const struct registry *registry);
/* Whether a pool is its last owner's though it is not leased any more: pages of it may still be held. */
bool registry_is_pinned(const struct registry_pool *pool);
/*
 * How many pools of a class a user has: leased ones, and pinned ones (registry_is_pinned). Without the pinned ones one
 * user could have the memory of all pools, one after another. A pool counts for the owner that it had when it was last
 * added, set or touched.
 */
size_t registry_had_by(const struct registry *registry, const char *class_name, uint32_t uid);
/* The leased ones alone. */
size_t registry_leased_by(const struct registry *registry, const char *class_name, uint32_t uid);
/* The bytes of a user's pools, of all classes: leased ones, and pinned ones. */
uint64_t registry_bytes_of(const struct registry *registry, uint32_t uid, bool leased_only);
/* Those that a process asked for; others may have taken its number since, and its children its pools. */
size_t registry_leased_by_process(const struct registry *registry, const char *class_name, uint32_t pid);

/*
 * Visits every pool, in no order. `visit` may remove the one it is given or set its state, and must not add any. The
 * first value of `visit` that is not zero ends the walk and is returned.
 */
int registry_each(struct registry *registry, int (*visit)(void *context, struct registry_pool *pool), void *context);

/*
 * Seconds since 1970 at which clock_boot_s began, as the time of day said when that was first asked for after the
 * machine was booted. 0: not known. The registry's file keeps it.
 */
int64_t registry_epoch(const struct registry *registry);
void registry_set_epoch(struct registry *registry, int64_t epoch_s);

/* Grows with every change: what was saved at that generation is up to date while it is the same. */
uint64_t registry_generation(const struct registry *registry);

/* "creating", "warming", "ready", "leased", "recycling", "quarantined", "failed". */
const char *registry_state_name(enum registry_state state);
int registry_state_parse(const char *name, enum registry_state *ret_state);

#endif
