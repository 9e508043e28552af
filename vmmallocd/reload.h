/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reload -- the configuration is read again, in a thread: the files and the user database may keep their reader waiting
 * for as long as they like, and clients are served meanwhile.
 *
 *     somebody asks, or names are still missing --> a thread reads --> event --> somebody asked meanwhile: once more
 *
 * One thread reads at a time. A request that comes while it reads may be about files that were changed after it began:
 * they are read once more, for all requests that came meanwhile.
 *
 * Users and groups that the configuration names may be unknown, as at a boot where the directory service comes late.
 * While some are, the files are read every RELOAD_RETRY_MS without being asked for.
 */
#ifndef VMMALLOCD_RELOAD_H
#define VMMALLOCD_RELOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "vmmallocd/config/config.h"

#define RELOAD_RETRY_MS 10000
#define RELOAD_LATE_MS 5000      /* after so long somebody should look what hangs */

struct reload;

/* All are called in the loop. */
struct reload_events {
	/*
	 * The files were read, for all requests up to that number: 0, and the configuration is the callee's; or -errno.
	 * Where nobody asked for it, it is called only if all names are known by now, and nothing is wrong outside of
	 * classes.
	 */
	void (*read)(void *context, uint64_t number, int result, struct config *config);
	/* What was asked for takes longer than RELOAD_LATE_MS. */
	void (*late)(void *context);
};

/* `file` and `events` must last as long as it does. 0 or -ENOMEM. */
int reload_open(uv_loop_t *loop, const char *file, const struct reload_events *events, void *context,
		struct reload **ret_reload);

/* Whether names are missing in the configuration that is in use by now. */
void reload_names_missing(struct reload *reload, bool missing);

/* Has the files read. Returns the number of the request. Where no thread can be had, the event comes before that. */
uint64_t reload_ask(struct reload *reload);
/* Whether they were read for that request. */
bool reload_is_done(const struct reload *reload, uint64_t number);
/* Whether they were read for all requests. */
bool reload_is_idle(const struct reload *reload);
/* That a request has waited for longer than RELOAD_LATE_MS, in words; or NULL. `reload` may be NULL. */
const char *reload_problem(const struct reload *reload);

/* No event comes any more, and the loop does not wait for a thread that reads. NULL is allowed. */
void reload_close(struct reload *reload);
/*
 * After that, when the loop has ended: whether a thread still reads. Then it must not be freed, and the loop and `file`
 * must last until the process ends. False, if it is NULL.
 */
bool reload_is_reading(const struct reload *reload);
void reload_free(struct reload *reload);

#endif
