/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prune -- the answer to Prune: which pools were removed, and which were not, and why.
 *
 * Pools are removed in threads, some time after that was begun. What each was is written down before, as nobody can say
 * it later, and the answer is made when there is nothing left to wait for, or no time.
 */
#ifndef VMMALLOCD_CONTROL_PRUNE_H
#define VMMALLOCD_CONTROL_PRUNE_H

#include <stdbool.h>

#include "vmmallocd/control/control.h"

struct control_prune;

/* `dry_run`: nothing is removed, and there is nothing to wait for. The backend must outlive it. NULL: no memory. */
struct control_prune *control_prune_new(const struct control_backend *backend, bool dry_run);
void control_prune_free(struct control_prune *prune);

/* A pool that is about to be removed. 0 or -ENOMEM. */
int control_prune_add(struct control_prune *prune, const struct registry_pool *pool);

/* Whether what became of each pool is known. */
bool control_prune_is_done(const struct control_prune *prune);

/* Writes the object of the answer, as things are now, in pieces. 0, or what `append` returned other than 0. */
int control_prune_write(const struct control_prune *prune,
			int (*append)(const char *bytes, size_t count, void *context), void *context);

#endif
