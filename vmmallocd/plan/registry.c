/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registry -- see registry.h.
 *
 *   slots[hash of the id]          -> pool  - next_by_id -> pool      every pool
 *   classes[hash of the name]      -> class - next -> class
 *                                     class->first[state] -> pool <- next_in_state, prev_in_state -> pool
 *   tallies                        how many pools of a class a user has, and a process
 */
#include "vmmallocd/plan/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "vmmallocd/plan/hash.h"
#include "vmmallocd/plan/tallies.h"

#define SLOTS_FIRST 64       /* a power of two, like all later numbers of slots */
#define CLASS_SLOTS 64       /* classes are few: configured by hand */

/* What a pool is inside: the caller sees its first member. */
struct entry {
	struct registry_pool pool;
	struct tally *tallies[TALLY_WHOSE]; /* that count it; NULL: nobody has it. pool.owner may have changed since */
	enum tally_kind kind;               /* what it counts as in those tallies, */
	size_t bytes;                       /* and as how much in TALLY_USER_BYTES */
};

_Static_assert(offsetof(struct entry, pool) == 0, "a pool is its entry");

struct registry {
	struct registry_pool **slots;
	size_t slot_count;
	size_t count;
	uint64_t generation;
	int64_t epoch_s;
	struct tallies tallies;
	struct registry_class *classes[CLASS_SLOTS];
};

static const char *const state_names[REGISTRY_STATES] = {
	[REGISTRY_CREATING] = "creating",
	[REGISTRY_WARMING] = "warming",
	[REGISTRY_READY] = "ready",
	[REGISTRY_LEASED] = "leased",
	[REGISTRY_RECYCLING] = "recycling",
	[REGISTRY_QUARANTINED] = "quarantined",
	[REGISTRY_FAILED] = "failed",
};

/* --- hashing --- */

static size_t id_slot(const uint8_t id[POOL_FILE_ID_BYTES], size_t slot_count)
{
	uint64_t halves[2];

	_Static_assert(sizeof(halves) == POOL_FILE_ID_BYTES, "two halves are an id");
	memcpy(halves, id, sizeof(halves));
	return hash_mix(halves[0], halves[1]) & (slot_count - 1);
}

static size_t class_slot(const char *name)
{
	uint64_t h = 0;

	for (; *name; name++)
		h = hash_mix(h + 1, (uint8_t)*name);
	return h % CLASS_SLOTS;
}

/* Twice the slots. Without memory they stay as they are: slower, not wrong, and tried again with the next pool. */
static void grow_slots(struct registry *registry)
{
	size_t slot_count = 2 * registry->slot_count;
	struct registry_pool **slots = calloc(slot_count, sizeof(struct registry_pool *));

	if (!slots)
		return;
	for (size_t i = 0; i < registry->slot_count; i++) {
		for (struct registry_pool *pool = registry->slots[i], *next; pool; pool = next) {
			struct registry_pool **slot = &slots[id_slot(pool->id, slot_count)];

			next = pool->next_by_id;
			pool->next_by_id = *slot;
			*slot = pool;
		}
	}
	free(registry->slots);
	registry->slots = slots;
	registry->slot_count = slot_count;
}

/* --- who has how many --- */

static void uncount(struct registry *registry, struct entry *entry)
{
	for (int whose = 0; whose < TALLY_WHOSE; whose++) {
		if (entry->tallies[whose])
			tallies_uncount(&registry->tallies, entry->tallies[whose], entry->kind,
					whose == TALLY_USER_BYTES ? entry->bytes : 1);
		entry->tallies[whose] = NULL;
	}
}

bool registry_is_pinned(const struct registry_pool *pool)
{
	return pool->may_be_pinned && (pool->state == REGISTRY_RECYCLING || pool->state == REGISTRY_QUARANTINED ||
				       pool->state == REGISTRY_FAILED);
}

/* Counts a pool for the owner that it has now, if he has it, and no longer for the one before. */
static void recount(struct registry *registry, struct entry *entry)
{
	const struct registry_pool *pool = &entry->pool;

	uncount(registry, entry);
	if (pool->state != REGISTRY_LEASED && !registry_is_pinned(pool))
		return;
	entry->kind = pool->state == REGISTRY_LEASED ? TALLY_LEASED : TALLY_PINNED;
	/* what is not 0 tells that a tally is in use */
	entry->bytes = pool->size_bytes > 0 ? pool->size_bytes : 1;
	entry->tallies[TALLY_USER] =
		tallies_count(&registry->tallies, pool->class, TALLY_USER, pool->owner.uid, entry->kind, 1);
	entry->tallies[TALLY_PROCESS] =
		tallies_count(&registry->tallies, pool->class, TALLY_PROCESS, pool->owner.pid, entry->kind, 1);
	entry->tallies[TALLY_USER_BYTES] =
		tallies_count(&registry->tallies, NULL, TALLY_USER_BYTES, pool->owner.uid, entry->kind, entry->bytes);
}

/* --- lists by state --- */

static void append_to_state(struct registry_pool *pool, enum registry_state state)
{
	struct registry_class *class = pool->class;

	pool->state = state;
	pool->next_in_state = NULL;
	pool->prev_in_state = class->last[state];
	*(pool->prev_in_state ? &pool->prev_in_state->next_in_state : &class->first[state]) = pool;
	class->last[state] = pool;
	class->counts[state]++;
	class->cold[state] += pool->cold;
}

static void take_from_state(struct registry_pool *pool)
{
	struct registry_class *class = pool->class;
	struct registry_pool *next = pool->next_in_state, *prev = pool->prev_in_state;

	*(prev ? &prev->next_in_state : &class->first[pool->state]) = next;
	*(next ? &next->prev_in_state : &class->last[pool->state]) = prev;
	class->counts[pool->state]--;
	class->cold[pool->state] -= pool->cold;
}

/* --- the registry --- */

struct registry *registry_new(void)
{
	struct registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return NULL;
	registry->slots = calloc(SLOTS_FIRST, sizeof(*registry->slots));
	registry->slot_count = registry->slots ? SLOTS_FIRST : 0;
	if (registry->slot_count == 0 || tallies_init(&registry->tallies) < 0) {
		registry_free(registry);
		return NULL;
	}
	return registry;
}

static int remove_visited(void *context, struct registry_pool *pool)
{
	registry_remove(context, pool);
	return 0;
}

void registry_clear(struct registry *registry)
{
	(void)registry_each(registry, remove_visited, registry);
}

void registry_free(struct registry *registry)
{
	if (!registry)
		return;
	registry_clear(registry);
	for (size_t i = 0; i < CLASS_SLOTS; i++) {
		for (struct registry_class *class = registry->classes[i], *next; class; class = next) {
			next = class->next;
			free(class);
		}
	}
	tallies_done(&registry->tallies);
	free(registry->slots);
	free(registry);
}

int registry_add(struct registry *registry, const struct registry_pool *pool, enum registry_state state,
		 struct registry_pool **ret_pool)
{
	struct registry_class *class;
	struct registry_pool **link;

	if (registry_find(registry, pool->id))
		return -EEXIST;
	class = registry_class(registry, pool->class_name);
	CLEANUP(cleanup_free) struct entry *entry = malloc(sizeof(*entry));
	CLEANUP(cleanup_free) char *directory = strdup(pool->directory);
	if (!class || !entry || !directory || tallies_add_pool(&registry->tallies) < 0)
		return -ENOMEM;
	if (registry->count >= registry->slot_count)
		grow_slots(registry);
	*entry = (struct entry){ .pool = *pool };
	entry->pool.directory = steal_pointer(&directory);
	entry->pool.class = class;
	link = &registry->slots[id_slot(pool->id, registry->slot_count)];
	entry->pool.next_by_id = *link;
	*link = &entry->pool;
	append_to_state(&entry->pool, state);
	recount(registry, entry);
	registry->count++;
	registry->generation++;
	*ret_pool = &entry->pool;
	(void)steal_pointer(&entry);   /* the registry's now */
	return 0;
}

void registry_remove(struct registry *registry, struct registry_pool *pool)
{
	struct registry_pool **link = &registry->slots[id_slot(pool->id, registry->slot_count)];
	struct entry *entry = (struct entry *)pool;

	while (*link != pool)
		link = &(*link)->next_by_id;
	*link = pool->next_by_id;
	uncount(registry, entry);
	tallies_remove_pool(&registry->tallies);
	take_from_state(pool);
	registry->count--;
	registry->generation++;
	free(pool->directory);
	free(entry);
}

void registry_set_state(struct registry *registry, struct registry_pool *pool, enum registry_state state, int64_t now_s)
{
	take_from_state(pool);
	append_to_state(pool, state);
	pool->changed_s = now_s;
	registry_touch(registry, pool);
}

void registry_touch(struct registry *registry, struct registry_pool *pool)
{
	recount(registry, (struct entry *)pool);
	registry->generation++;
}

void registry_set_cold(struct registry *registry, struct registry_pool *pool, bool cold)
{
	size_t *count = &pool->class->cold[pool->state];

	*count = *count - pool->cold + cold;
	pool->cold = cold;
	registry->generation++;
}

struct registry_pool *registry_find(const struct registry *registry, const uint8_t id[POOL_FILE_ID_BYTES])
{
	struct registry_pool *pool = registry->slots[id_slot(id, registry->slot_count)];

	while (pool && memcmp(pool->id, id, POOL_FILE_ID_BYTES) != 0)
		pool = pool->next_by_id;
	return pool;
}

static struct registry_class *find_class(const struct registry *registry, const char *name)
{
	struct registry_class *class = registry->classes[class_slot(name)];

	while (class && strcmp(class->name, name) != 0)
		class = class->next;
	return class;
}

struct registry_class *registry_class(struct registry *registry, const char *name)
{
	struct registry_class *class = find_class(registry, name), **link;

	if (class)
		return class;
	class = calloc(1, sizeof(*class));
	if (!class)
		return NULL;
	strncpy(class->name, name, sizeof(class->name) - 1);
	link = &registry->classes[class_slot(class->name)];
	class->next = *link;
	*link = class;
	return class;
}

size_t registry_count(const struct registry *registry)
{
	return registry->count;
}

static size_t count_had(const struct registry *registry, const char *class_name, enum tally_whose whose, uint32_t who,
			enum tally_kind kind)
{
	const struct registry_class *class = find_class(registry, class_name);
	const struct tally *tally = class ? tallies_find(&registry->tallies, class, whose, who) : NULL;

	return tally ? tally->counts[kind] : 0;
}

size_t registry_had_by(const struct registry *registry, const char *class_name, uint32_t uid)
{
	return registry_leased_by(registry, class_name, uid) +
	       count_had(registry, class_name, TALLY_USER, uid, TALLY_PINNED);
}

size_t registry_leased_by(const struct registry *registry, const char *class_name, uint32_t uid)
{
	return count_had(registry, class_name, TALLY_USER, uid, TALLY_LEASED);
}

uint64_t registry_bytes_of(const struct registry *registry, uint32_t uid, bool leased_only)
{
	const struct tally *tally = tallies_find(&registry->tallies, NULL, TALLY_USER_BYTES, uid);

	return tally ? tally->counts[TALLY_LEASED] + (leased_only ? 0 : tally->counts[TALLY_PINNED]) : 0;
}

size_t registry_leased_by_process(const struct registry *registry, const char *class_name, uint32_t pid)
{
	return count_had(registry, class_name, TALLY_PROCESS, pid, TALLY_LEASED);
}

int registry_each(struct registry *registry, int (*visit)(void *context, struct registry_pool *pool), void *context)
{
	for (size_t i = 0; i < registry->slot_count; i++) {
		for (struct registry_pool *pool = registry->slots[i], *next; pool; pool = next) {
			int r;

			next = pool->next_by_id;
			r = visit(context, pool);
			if (r != 0)
				return r;
		}
	}
	return 0;
}

int64_t registry_epoch(const struct registry *registry)
{
	return registry->epoch_s;
}

void registry_set_epoch(struct registry *registry, int64_t epoch_s)
{
	registry->epoch_s = epoch_s;
}

uint64_t registry_generation(const struct registry *registry)
{
	return registry->generation;
}

const char *registry_state_name(enum registry_state state)
{
	return state_names[state];
}

int registry_state_parse(const char *name, enum registry_state *ret_state)
{
	for (enum registry_state state = 0; state < REGISTRY_STATES; state++) {
		if (strcmp(name, state_names[state]) == 0) {
			*ret_state = state;
			return 0;
		}
	}
	return -EINVAL;
}
