/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * metrics -- what has happened so far, counted: for each class, and for requests that name none of them.
 *
 * Plain data: no clock, no libuv, no files. metrics_json.h keeps it in a file. Counts only grow.
 */
#ifndef VMMALLOCD_PLAN_METRICS_H
#define VMMALLOCD_PLAN_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/handout.h"
#include "vmmallocd/config/config.h"

#define METRICS_BOUNDS_MOST 12

enum metrics_counter {
	METRICS_HANDED_OUT_WARM,
	METRICS_HANDED_OUT_COLD,
	METRICS_CREATED,
	METRICS_CREATE_FAILED, /* also: warming a new one failed */
	METRICS_RECYCLED,      /* emptied, to be used again */
	METRICS_DESTROYED,
	METRICS_QUARANTINED,
	METRICS_FAILED, /* found to be odd, and to be removed for that */
	METRICS_COUNTERS,
};

enum metrics_histogram_kind {
	METRICS_HANDOUT, /* from a request to its pool, if it did not wait for one */
	METRICS_WAIT,    /* the same, if it did */
	METRICS_WARM,    /* how long it took to lay out the memory of a pool */
	METRICS_HISTOGRAMS,
};

struct metrics_histogram {
	/* That are no more than each bound, and more than the one before; the last one behind all bounds: more. */
	uint64_t counts[METRICS_BOUNDS_MOST + 1];
	uint64_t sum_ns;
};

struct metrics_class {
	char name[HANDOUT_CLASS_BYTES];
	uint64_t counts[METRICS_COUNTERS];
	uint64_t refused[HANDOUT_STATUSES];
	struct metrics_histogram histograms[METRICS_HISTOGRAMS];
	struct metrics_class *next;
};

struct metrics {
	struct metrics_class none;   /* requests for no class that there is; its name is "" */
	struct metrics_class *first; /* the others, in no order */
	uint64_t reloads, reloads_refused;
	uint64_t changes; /* grows with every change: what was saved then is up to date while it is the same */
};

/* A zeroed struct is an empty one. */
void metrics_done(struct metrics *metrics);

/* The class of that name, made if it is new; `none` for want of memory. */
struct metrics_class *metrics_class(struct metrics *metrics, const char *name);
/* NULL: nothing was counted of it. */
const struct metrics_class *metrics_find(const struct metrics *metrics, const char *name);

void metrics_count(struct metrics *metrics, const char *class_name, enum metrics_counter counter);
/* `class_name`: NULL: of none. */
void metrics_refused(struct metrics *metrics, const char *class_name, enum handout_status status);
void metrics_took(struct metrics *metrics, const char *class_name, enum metrics_histogram_kind kind, uint64_t ns);
void metrics_reloaded(struct metrics *metrics, bool refused);

/* Makes *to the same. 0; -ENOMEM: then it is what it was, or has some of it. */
int metrics_copy(const struct metrics *metrics, struct metrics *to);
/* Forgets classes that the configuration does not have. */
void metrics_keep_configured(struct metrics *metrics, const struct config *config);

/* The bounds of a histogram, ascending, *ret_count of them. */
const uint64_t *metrics_bounds_ns(enum metrics_histogram_kind kind, size_t *ret_count);

/* One word each, for JSON and labels: "created", "handout", "none_ready". Of a status that is no refusal: NULL. */
const char *metrics_counter_name(enum metrics_counter counter);
const char *metrics_histogram_name(enum metrics_histogram_kind kind);
const char *metrics_refusal_name(enum handout_status status);

#endif
