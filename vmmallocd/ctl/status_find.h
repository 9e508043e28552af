/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * status_find -- what words mean of all that the daemon has. How a word is written decides, so that none is taken for
 * something else because what it names is gone:
 *
 *     4711, up to 7 digits    a process: the pools that were handed to it, and what it waits for
 *     /mnt/pools/...          with a slash: the pool with that path
 *     fast                    a class
 *     9b2d4112                else, or of more digits: a pool, by its id or a beginning that no other one has
 */
#ifndef VMMALLOCD_CTL_STATUS_FIND_H
#define VMMALLOCD_CTL_STATUS_FIND_H

#include <jansson.h>

#include "vmmallocd/ctl/ctl.h"

/* Arrays of what List and Status say. */
struct status_found {
	json_t *pools, *waiting, *classes;
};

/*
 * CTL_OK; or the exit status for the first word that means nothing, each of which was complained of: the others' are in
 * *ret_found all the same. What is there is the caller's in any case; pools is NULL if the daemon was not reached.
 */
int status_find(const struct ctl *ctl, char *const *words, size_t count, struct status_found *ret_found);
void status_found_done(struct status_found *found);

#endif
