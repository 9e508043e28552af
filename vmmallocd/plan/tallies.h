/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tallies -- how many pools of a class a user has.
 *
 *   slots[hash of class and uid]   -> tally - next -> tally
 *
 * A pool is counted when it is handed out, which may need a new tally but must not fail. There are never more tallies
 * in use than pools, so each pool brings a spare one when it is added, and takes one away when it is removed.
 */
#ifndef VMMALLOCD_PLAN_TALLIES_H
#define VMMALLOCD_PLAN_TALLIES_H

#include <stddef.h>
#include <stdint.h>

enum tally_kind {
	TALLY_LEASED,
	TALLY_PINNED,        /* not leased any more, but pages of it may still be held */
	TALLY_KINDS,
};

struct tally {
	const void *class;           /* whose address is its name */
	uint32_t uid;
	size_t counts[TALLY_KINDS];  /* one of them is not 0 while the tally is in a slot */
	struct tally *next;          /* in its slot, or among the spare ones */
};

struct tallies {
	struct tally **slots;
	size_t slot_count;
	size_t pools;                /* that may be counted */
	struct tally *spares;
};

/* 0 or -ENOMEM. */
int tallies_init(struct tallies *tallies);
/* All pools have been removed. */
void tallies_done(struct tallies *tallies);

/* There is one more pool that may be counted. 0 or -ENOMEM. */
int tallies_add_pool(struct tallies *tallies);
/* There is one less; it is not counted. */
void tallies_remove_pool(struct tallies *tallies);

/* Counts a pool that is not counted yet; in the tally that is returned, never NULL. */
struct tally *tallies_count(struct tallies *tallies, const void *class, uint32_t uid, enum tally_kind kind);
/* Takes it out of that tally again. */
void tallies_uncount(struct tallies *tallies, struct tally *tally, enum tally_kind kind);

/* NULL: the user has none of that class. */
const struct tally *tallies_find(const struct tallies *tallies, const void *class, uint32_t uid);

#endif
