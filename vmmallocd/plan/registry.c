/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registry -- see registry.h.
 *
 *   slots[hash of the id]          -> pool  - next_by_id -> pool      every pool
 *   slots[hash of class and uid]   -> tally - next -> tally           how many pools of a class a user has
 *   classes[hash of the name]      -> class - next -> class
 *                                     class->first[state] -> pool <- next_in_state, prev_in_state -> pool
 *
 * Leasing a pool may need a new tally but must not fail. There are never more tallies in use than pools, so each
 * pool brings a spare one when it is added, and takes one away when it is removed.
 */
#include "vmmallocd/plan/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64       /* a power of two, like all later numbers of slots */
#define CLASS_SLOTS 64       /* classes are few: configured by hand */

struct tally {
	const struct registry_class *class;
	uint32_t uid;
	size_t leased, pinned;       /* one of them is not 0 while it is in a slot */
	struct tally *next;          /* in its slot, or among the spare ones */
};

/* What a pool is inside: the caller sees its first member. */
struct entry {
	struct registry_pool pool;
	struct tally *tally;         /* the one that counts it; NULL unless it is had. pool.owner may have changed */
	bool counts_as_leased;       /* in that tally; else as pinned */
};

_Static_assert(offsetof(struct entry, pool) == 0, "a pool is its entry");

struct slot {
	struct registry_pool *pools;
	struct tally *tallies;
};

struct registry {
	struct slot *slots;
	size_t slot_count;
	size_t count;
	uint64_t generation;
	int64_t epoch_s;
	struct tally *spares;
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

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ (b * 0x9e3779b97f4a7c15)) * 0xd6e8feb86659fd93;

	return h ^ (h >> 32);
}

static size_t id_slot(const uint8_t id[POOL_FILE_ID_BYTES], size_t slot_count)
{
	uint64_t halves[2];

	_Static_assert(sizeof(halves) == POOL_FILE_ID_BYTES, "two halves are an id");
	memcpy(halves, id, sizeof(halves));
	return mix(halves[0], halves[1]) & (slot_count - 1);
}

static size_t tally_slot(const struct registry_class *class, uint32_t uid, size_t slot_count)
{
	return mix((uintptr_t)class, uid + UINT64_C(1)) & (slot_count - 1);
}

static size_t class_slot(const char *name)
{
	uint64_t h = 0;

	for (; *name; name++)
		h = mix(h + 1, (uint8_t)*name);
	return h % CLASS_SLOTS;
}

/* Twice the slots. Without memory it stays as it is: slower, not wrong, and tried again with the next pool. */
static void grow(struct registry *registry)
{
	size_t slot_count = 2 * registry->slot_count;
	struct slot *slots = calloc(slot_count, sizeof(*slots));

	if (!slots)
		return;
	for (size_t i = 0; i < registry->slot_count; i++) {
		for (struct registry_pool *pool = registry->slots[i].pools, *next; pool; pool = next) {
			struct slot *slot = &slots[id_slot(pool->id, slot_count)];

			next = pool->next_by_id;
			pool->next_by_id = slot->pools;
			slot->pools = pool;
		}
		for (struct tally *tally = registry->slots[i].tallies, *next; tally; tally = next) {
			struct slot *slot = &slots[tally_slot(tally->class, tally->uid, slot_count)];

			next = tally->next;
			tally->next = slot->tallies;
			slot->tallies = tally;
		}
	}
	free(registry->slots);
	registry->slots = slots;
	registry->slot_count = slot_count;
}

/* --- who has how many --- */

static struct tally **tally_link(const struct registry *registry, const struct registry_class *class, uint32_t uid)
{
	struct tally **link = &registry->slots[tally_slot(class, uid, registry->slot_count)].tallies;

	while (*link && ((*link)->class != class || (*link)->uid != uid))
		link = &(*link)->next;
	return link;
}

static void add_spare(struct registry *registry, struct tally *tally)
{
	tally->next = registry->spares;
	registry->spares = tally;
}

static struct tally *take_spare(struct registry *registry)
{
	struct tally *tally = registry->spares;

	registry->spares = tally->next;
	return tally;
}

static void uncount(struct registry *registry, struct entry *entry)
{
	struct tally *tally = entry->tally;

	entry->tally = NULL;
	if (!tally)
		return;
	(*(entry->counts_as_leased ? &tally->leased : &tally->pinned))--;
	if (tally->leased + tally->pinned == 0) {
		*tally_link(registry, tally->class, tally->uid) = tally->next;
		add_spare(registry, tally);
	}
}

bool registry_is_pinned(const struct registry_pool *pool)
{
	return pool->may_be_pinned && (pool->state == REGISTRY_RECYCLING || pool->state == REGISTRY_QUARANTINED ||
				       pool->state == REGISTRY_FAILED);
}

/* Counts a pool for the owner it has now, if he has it, and no longer for the one before. */
static void recount(struct registry *registry, struct entry *entry)
{
	const struct registry_pool *pool = &entry->pool;
	struct tally **link;

	uncount(registry, entry);
	if (pool->state != REGISTRY_LEASED && !registry_is_pinned(pool))
		return;
	link = tally_link(registry, pool->class, pool->owner.uid);
	if (!*link) {
		*link = take_spare(registry);
		**link = (struct tally){ .class = pool->class, .uid = pool->owner.uid };
	}
	entry->tally = *link;
	entry->counts_as_leased = pool->state == REGISTRY_LEASED;
	(*(entry->counts_as_leased ? &entry->tally->leased : &entry->tally->pinned))++;
}

/* --- lists by state --- */

static void append(struct registry_pool *pool, enum registry_state state)
{
	struct registry_class *class = pool->class;

	pool->state = state;
	pool->next_in_state = NULL;
	pool->prev_in_state = class->last[state];
	*(pool->prev_in_state ? &pool->prev_in_state->next_in_state : &class->first[state]) = pool;
	class->last[state] = pool;
	class->counts[state]++;
}

static void detach(struct registry_pool *pool)
{
	struct registry_class *class = pool->class;
	struct registry_pool *next = pool->next_in_state, *prev = pool->prev_in_state;

	*(prev ? &prev->next_in_state : &class->first[pool->state]) = next;
	*(next ? &next->prev_in_state : &class->last[pool->state]) = prev;
	class->counts[pool->state]--;
}

/* --- the registry --- */

struct registry *registry_new(void)
{
	struct registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return NULL;
	registry->slot_count = SLOTS_FIRST;
	registry->slots = calloc(registry->slot_count, sizeof(*registry->slots));
	if (!registry->slots) {
		free(registry);
		return NULL;
	}
	return registry;
}

static int remove_visited(void *context, struct registry_pool *pool)
{
	registry_remove(context, pool);
	return 0;
}

void registry_free(struct registry *registry)
{
	if (!registry)
		return;
	registry_each(registry, remove_visited, registry);
	for (size_t i = 0; i < CLASS_SLOTS; i++) {
		for (struct registry_class *class = registry->classes[i], *next; class; class = next) {
			next = class->next;
			free(class);
		}
	}
	free(registry->slots);
	free(registry);
}

int registry_add(struct registry *registry, const struct registry_pool *pool, enum registry_state state,
		 struct registry_pool **ret_pool)
{
	struct registry_class *class;
	struct registry_pool **link;
	struct entry *entry;
	struct tally *spare;
	char *directory;

	if (registry_find(registry, pool->id))
		return -EEXIST;
	class = registry_class(registry, pool->class_name);
	entry = malloc(sizeof(*entry));
	spare = malloc(sizeof(*spare));
	directory = strdup(pool->directory);
	if (!class || !entry || !spare || !directory) {
		free(entry);
		free(spare);
		free(directory);
		return -ENOMEM;
	}
	if (registry->count >= registry->slot_count)
		grow(registry);
	*entry = (struct entry){ .pool = *pool };
	entry->pool.directory = directory;
	entry->pool.class = class;
	link = &registry->slots[id_slot(pool->id, registry->slot_count)].pools;
	entry->pool.next_by_id = *link;
	*link = &entry->pool;
	add_spare(registry, spare);
	append(&entry->pool, state);
	recount(registry, entry);
	registry->count++;
	registry->generation++;
	*ret_pool = &entry->pool;
	return 0;
}

void registry_remove(struct registry *registry, struct registry_pool *pool)
{
	struct registry_pool **link = &registry->slots[id_slot(pool->id, registry->slot_count)].pools;
	struct entry *entry = (struct entry *)pool;

	while (*link != pool)
		link = &(*link)->next_by_id;
	*link = pool->next_by_id;
	uncount(registry, entry);
	free(take_spare(registry));
	detach(pool);
	registry->count--;
	registry->generation++;
	free(pool->directory);
	free(entry);
}

void registry_set_state(struct registry *registry, struct registry_pool *pool, enum registry_state state, int64_t now_s)
{
	detach(pool);
	append(pool, state);
	pool->changed_s = now_s;
	registry_touch(registry, pool);
}

void registry_touch(struct registry *registry, struct registry_pool *pool)
{
	recount(registry, (struct entry *)pool);
	registry->generation++;
}

struct registry_pool *registry_find(const struct registry *registry, const uint8_t id[POOL_FILE_ID_BYTES])
{
	struct registry_pool *pool = registry->slots[id_slot(id, registry->slot_count)].pools;

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

static const struct tally *find_tally(const struct registry *registry, const char *class_name, uint32_t uid)
{
	const struct registry_class *class = find_class(registry, class_name);

	return class ? *tally_link(registry, class, uid) : NULL;
}

size_t registry_had_by(const struct registry *registry, const char *class_name, uint32_t uid)
{
	const struct tally *tally = find_tally(registry, class_name, uid);

	return tally ? tally->leased + tally->pinned : 0;
}

size_t registry_leased_by(const struct registry *registry, const char *class_name, uint32_t uid)
{
	const struct tally *tally = find_tally(registry, class_name, uid);

	return tally ? tally->leased : 0;
}

int registry_each(struct registry *registry, int (*visit)(void *context, struct registry_pool *pool), void *context)
{
	for (size_t i = 0; i < registry->slot_count; i++) {
		for (struct registry_pool *pool = registry->slots[i].pools, *next; pool; pool = next) {
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
