/* SPDX-License-Identifier: BSD-3-Clause */
/* tallies -- see tallies.h. */
#include "vmmallocd/plan/tallies.h"

#include <errno.h>
#include <stdlib.h>

#include "vmmallocd/plan/hash.h"

#define SLOTS_FIRST 64       /* a power of two, like all later numbers of slots */

int tallies_init(struct tallies *tallies)
{
	*tallies = (struct tallies){ .slot_count = SLOTS_FIRST };
	tallies->slots = calloc(tallies->slot_count, sizeof(*tallies->slots));
	return tallies->slots ? 0 : -ENOMEM;
}

void tallies_done(struct tallies *tallies)
{
	free(tallies->slots);
	*tallies = (struct tallies){ 0 };
}

static size_t tally_slot(const void *class, enum tally_whose whose, uint32_t who, size_t slot_count)
{
	return hash_mix((uintptr_t)class, ((uint64_t)whose << 32) + who + 1) & (slot_count - 1);
}

/* Where the tally hangs, or would. */
static struct tally **tally_link(const struct tallies *tallies, const void *class, enum tally_whose whose, uint32_t who)
{
	struct tally **link = &tallies->slots[tally_slot(class, whose, who, tallies->slot_count)];

	while (*link && ((*link)->class != class || (*link)->whose != whose || (*link)->who != who))
		link = &(*link)->next;
	return link;
}

/* Twice the slots. Without memory they stay as they are: slower, not wrong, and tried again with the next pool. */
static void grow_tallies(struct tallies *tallies)
{
	size_t slot_count = 2 * tallies->slot_count;
	struct tally **slots = calloc(slot_count, sizeof(struct tally *));

	if (!slots)
		return;
	for (size_t i = 0; i < tallies->slot_count; i++) {
		for (struct tally *tally = tallies->slots[i], *next; tally; tally = next) {
			struct tally **slot = &slots[tally_slot(tally->class, tally->whose, tally->who, slot_count)];

			next = tally->next;
			tally->next = *slot;
			*slot = tally;
		}
	}
	free(tallies->slots);
	tallies->slots = slots;
	tallies->slot_count = slot_count;
}

static void add_spare(struct tallies *tallies, struct tally *tally)
{
	tally->next = tallies->spares;
	tallies->spares = tally;
}

static struct tally *take_spare(struct tallies *tallies)
{
	struct tally *tally = tallies->spares;

	tallies->spares = tally->next;
	return tally;
}

static void remove_spares(struct tallies *tallies, int count)
{
	while (count-- > 0)
		free(take_spare(tallies));
}

int tallies_add_pool(struct tallies *tallies)
{
	for (int added = 0; added < TALLY_WHOSE; added++) {
		struct tally *spare = malloc(sizeof(*spare));

		if (!spare) {
			remove_spares(tallies, added);
			return -ENOMEM;
		}
		add_spare(tallies, spare);
	}
	if (tallies->pools >= tallies->slot_count)
		grow_tallies(tallies);
	tallies->pools++;
	return 0;
}

void tallies_remove_pool(struct tallies *tallies)
{
	remove_spares(tallies, TALLY_WHOSE);
	tallies->pools--;
}

struct tally *tallies_count(struct tallies *tallies, const void *class, enum tally_whose whose, uint32_t who,
			    enum tally_kind kind, size_t amount)
{
	struct tally **link = tally_link(tallies, class, whose, who);

	if (!*link) {
		*link = take_spare(tallies);
		**link = (struct tally){ .class = class, .whose = whose, .who = who };
	}
	(*link)->counts[kind] += amount;
	return *link;
}

void tallies_uncount(struct tallies *tallies, struct tally *tally, enum tally_kind kind, size_t amount)
{
	tally->counts[kind] -= amount;
	for (unsigned other = 0; other < TALLY_KINDS; other++)
		if (tally->counts[other] > 0)
			return;
	*tally_link(tallies, tally->class, tally->whose, tally->who) = tally->next;
	add_spare(tallies, tally);
}

const struct tally *tallies_find(const struct tallies *tallies, const void *class, enum tally_whose whose,
				 uint32_t who)
{
	return *tally_link(tallies, class, whose, who);
}
