/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * saver -- keeps the registry's file up to date: soon after a change, many changes at once, one write at a time.
 *
 * The text is made in the loop and written in a thread. The longer that takes, the longer the pause before the next.
 */
#ifndef VMMALLOCD_STATE_SAVER_H
#define VMMALLOCD_STATE_SAVER_H

#include <uv.h>

#include "vmmallocd/base/log.h"
#include "vmmallocd/plan/registry.h"

#define SAVER_PAUSE_MS 50            /* from the first change to the write, at least */
#define SAVER_PAUSE_MOST_MS 5000
#define SAVER_RETRY_MS 1000          /* after a failed write; doubles up to */
#define SAVER_RETRY_MOST_MS 60000

struct saver;

/*
 * `away`: pools whose directories are not there now, and which the file must not forget. `path` and `boot_id` are
 * copied. Freed by saver_close, after some turns of the loop.
 */
int saver_open(uv_loop_t *loop, struct registry *registry, struct registry *away, const char *path, const char *boot_id,
	       struct log *log, struct saver **ret_saver);
void saver_close(struct saver *saver);

/* Called whenever the registry may have changed. */
void saver_poke(struct saver *saver);

/* No more writes in threads from now on; the loop ends the one that is at work. */
void saver_stop(struct saver *saver);
/* After that and after the loop: the last write, at once, if it is needed. */
void saver_finish(struct saver *saver);

/* Why the last write failed, or NULL. */
const char *saver_problem(const struct saver *saver);

#endif
