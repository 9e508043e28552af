/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tallies -- how many pools of a class a user has, and a process; and how many bytes of all classes a user has.
 *
 *   slots[hash of class and who]   -> tally - next -> tally
 *
 * A pool is counted in all three when it is handed out, which may need new tallies but must not fail. There are never
 * more tallies in use than that, so each pool brings as many spare ones when it is added, and takes them away when it
 * is removed.
 */
#ifndef VMMALLOCD_PLAN_TALLIES_H
#define VMMALLOCD_PLAN_TALLIES_H

#include <stddef.h>
#include <stdint.h>

enum tally_whose {
	TALLY_USER,
	TALLY_PROCESS,
	TALLY_USER_BYTES,    /* of no class */
	TALLY_WHOSE,
};

enum tally_kind {
	TALLY_LEASED,
	TALLY_PINNED,        /* not leased any more, but pages of it may still be held */
	TALLY_KINDS,
};

struct tally {
	const void *class;           /* whose address is its name; NULL: all */
	enum tally_whose whose;
	uint32_t who;                /* the user's ID, or the process's */
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

/* Counts a pool that is not counted there yet as so much, not 0; in the tally that is returned, never NULL. */
struct tally *tallies_count(struct tallies *tallies, const void *class, enum tally_whose whose, uint32_t who,
			    enum tally_kind kind, size_t amount);
/* Takes it out of that tally again. */
void tallies_uncount(struct tallies *tallies, struct tally *tally, enum tally_kind kind, size_t amount);

/* NULL: he has none of that class. */
const struct tally *tallies_find(const struct tallies *tallies, const void *class, enum tally_whose whose,
				 uint32_t who);

#endif
