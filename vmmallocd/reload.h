/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reload -- users and groups that the configuration names and nobody knew yet, as at a boot where the directory service
 * comes late: the files are read again, in a thread, until they have no mistake any more.
 */
#ifndef VMMALLOCD_RELOAD_H
#define VMMALLOCD_RELOAD_H

#include <stdbool.h>
#include <uv.h>

#include "vmmallocd/config/config.h"

#define NAMES_RETRY_MS 10000

struct names;

/* `found` is called in the loop, and takes the configuration over. 0 or -ENOMEM. */
int names_open(uv_loop_t *loop, const char *file, void (*found)(void *context, struct config *config), void *context,
	       struct names **ret_names);
/* Whether names are missing in the configuration that is in use by now. */
void names_look(struct names *names, bool missing);
/* The files are read by somebody else now: what a look that has begun finds in them is old. */
void names_read_elsewhere(struct names *names);
/* Freed after some turns of the loop, and after a look that has begun. Nothing, if it is NULL. */
void names_close(struct names *names);

#endif
