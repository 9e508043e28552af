/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * metrics_file -- counts outlive the daemon, in a file beside the registry's.
 *
 * Whoever reads a counter takes one that is smaller than the last time for one that began at 0 again. So what is shown
 * is what is in the file: however the daemon ends, the next one shows no less. While the file cannot be written, what
 * is shown is what was counted.
 */
#ifndef VMMALLOCD_STATE_METRICS_FILE_H
#define VMMALLOCD_STATE_METRICS_FILE_H

#include <uv.h>

#include "vmmallocd/base/log.h"
#include "vmmallocd/plan/metrics.h"

#define METRICS_FILE "metrics.json"
#define METRICS_FILE_PAUSE_MS 250

struct metrics_file;

/*
 * Reads the file in `directory` into *metrics, which are empty, but for classes that the configuration does not have.
 * One that is damaged is logged, and written anew. `metrics` and `log` must last until metrics_file_close. 0 or -errno.
 */
int metrics_file_open(uv_loop_t *loop, const char *directory, struct metrics *metrics, const struct config *config,
		      struct log *log, struct metrics_file **ret_file);

/* What is to be shown; valid until the loop's next turn. */
const struct metrics *metrics_file_shown(struct metrics_file *file);

/* As those of saver.h. `file` may be NULL for the last one. */
void metrics_file_poke(struct metrics_file *file);
const char *metrics_file_problem(const struct metrics_file *file);
void metrics_file_stop(struct metrics_file *file);
void metrics_file_finish(struct metrics_file *file);
void metrics_file_close(struct metrics_file *file);

#endif
