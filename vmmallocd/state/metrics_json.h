/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * metrics_json -- what was counted, as a JSON text, which metrics_file.h keeps in a file.
 *
 *   {"version": 1, "reloads": 0, "reloads_refused": 0, "refused": {WORD: 0}, "classes": [{"name", "counts": {WORD: 0},
 *    "refused": {WORD: 0}, "histograms": {WORD: {"bounds_ns": [], "counts": [], "sum_ns": 0}}}]}
 *
 * The words are those of metrics.h. `counts` of a histogram has one number more than `bounds_ns`. What is missing is 0,
 * unknown keys are passed over, and so is a histogram with other bounds than this version's: it begins anew.
 */
#ifndef VMMALLOCD_STATE_METRICS_JSON_H
#define VMMALLOCD_STATE_METRICS_JSON_H

#include "common/base/text.h"
#include "vmmallocd/plan/metrics.h"

#define METRICS_JSON_VERSION 1

/* malloc'ed, *ret_bytes long. 0 or -ENOMEM. */
int metrics_json_encode(const struct metrics *metrics, char **ret_text, size_t *ret_bytes);

/* Sets empty metrics. -EBADMSG, with the reason in `error`: it is no such text; then they are empty. */
int metrics_json_decode(const char *text, size_t bytes, struct metrics *metrics, struct text *error);

#endif
