/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * relief -- classes give their ready pools back while memory is short, and fill again when it is not (pressure.h).
 *
 *     /proc/pressure/memory, and that of the control group --each second--> share --> pressure --> provision.h
 *
 * The first reading is before a class makes its first pool; nothing is read while no class asks for it. The kernel can
 * also wake a process when its tasks wait for longer than it likes, but not when that is over; and an average that is
 * two seconds old is soon enough here. Both files are looked at: of the machine's whole memory, and of the group that
 * warm pools are charged to, which may have less.
 */
#ifndef VMMALLOCD_POOLS_RELIEF_H
#define VMMALLOCD_POOLS_RELIEF_H

#include <limits.h>
#include <stdbool.h>

#include "vmmallocd/plan/pressure.h"
#include "vmmallocd/plan/provision.h"

/* Set by a service manager, as systemd says in its document MEMORY_PRESSURE. Its _WRITE is for whoever is woken. */
#define RELIEF_FILE_VARIABLE "MEMORY_PRESSURE_WATCH"

struct pools;
struct served_dir;

struct relief {
	struct pressure pressure;
	bool is_asked;                   /* for by a class */
	bool is_known;                   /* one of the files could be read the last time */
	unsigned share;                  /* then: the higher figure, */
	const char *file;                /* of this file */
	char group_file[PATH_MAX];       /* "": there is none */
	bool is_named, is_off;           /* by the service manager */
	char problem[PROVISION_PROBLEM_BYTES];   /* why one of them cannot be read; "": nothing is wrong */
};

/* Which file the control group has. */
void relief_open(struct relief *relief);

/* Reads the pressure, if a class asks for it, and acts on it. Wakes the pools if that changes something. */
void pools_relieve(struct pools *pools);
/* Which classes give their pools back, after those or their directories have changed. Each change is told once. */
void pools_refresh_relief(struct pools *pools);

/* Words of `class` for why a class that is to give its pools back does so, or cannot; NULL: neither is so. */
const char *pools_relief_problem(const struct pools *pools, const struct config_class *config,
				 struct provision_class *class, const struct served_dir *directory);

#endif
