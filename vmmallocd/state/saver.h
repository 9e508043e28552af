/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * saver -- keeps a file up to date: soon after a change, many changes at once, one write at a time.
 *
 * What is to be saved is copied in the loop, or made a text there; a thread does the rest. The longer that takes, the
 * longer the pause before the next.
 */
#ifndef VMMALLOCD_STATE_SAVER_H
#define VMMALLOCD_STATE_SAVER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "vmmallocd/base/log.h"

#define SAVER_PAUSE_MOST_MS 5000
#define SAVER_RETRY_MS 1000          /* after a failed write; doubles up to */
#define SAVER_RETRY_MOST_MS 60000

struct saver;

/* What is saved. Functions are called in the loop, but where it says otherwise. */
struct saver_source {
	const char *what;            /* "registry": for messages */
	unsigned pause_ms;           /* from the first change to the write, at least */
	void *context;               /* first argument of the functions */
	uint64_t (*generation)(void *context);    /* another one when there is something to save */
	/* A copy of what is there now, for a thread to make the text of; or NULL. 0 or -errno. */
	int (*take)(void *context, void **ret_taken);
	void (*drop)(void *taken);                /* frees it. In the thread */
	/* Its text: malloc'ed, *ret_bytes long. With `take`: of what that took, and in the thread. 0 or -errno. */
	int (*make_text)(void *context, char **ret_text, size_t *ret_bytes);
	void (*saved)(void *context);             /* the last text that was made is in the file; or NULL */
};

/* `path` and the source are copied. Freed by saver_close, after some turns of the loop. */
int saver_open(uv_loop_t *loop, const struct saver_source *source, const char *path, struct log *log,
	       struct saver **ret_saver);
/* NULL is allowed. */
void saver_close(struct saver *saver);

/* Called whenever something may have changed. */
void saver_poke(struct saver *saver);

/* No more writes in threads from now on; the loop ends the one that is at work. */
void saver_stop(struct saver *saver);
/* After that and after the loop: the last write, at once, if it is needed. */
void saver_finish(struct saver *saver);

/* Why the last write failed, or NULL. */
const char *saver_problem(const struct saver *saver);

#endif
