/* SPDX-License-Identifier: BSD-3-Clause */
/* metrics -- see metrics.h. */
#include "vmmallocd/plan/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define US 1000ull
#define MS (1000 * US)
#define S (1000 * MS)

static const char *const counter_names[METRICS_COUNTERS] = {
	[METRICS_HANDED_OUT_WARM] = "handed_out_warm",
	[METRICS_HANDED_OUT_COLD] = "handed_out_cold",
	[METRICS_CREATED] = "created",
	[METRICS_CREATE_FAILED] = "create_failed",
	[METRICS_RECYCLED] = "recycled",
	[METRICS_DESTROYED] = "destroyed",
	[METRICS_QUARANTINED] = "quarantined",
	[METRICS_FAILED] = "failed",
};

static const char *const refusal_names[HANDOUT_STATUSES] = {
	[HANDOUT_NONE_READY] = "none_ready",
	[HANDOUT_NO_SUCH_CLASS] = "no_such_class",
	[HANDOUT_NOT_ALLOWED] = "not_allowed",
	[HANDOUT_LIMIT] = "user_limit",
	[HANDOUT_BAD_REQUEST] = "bad_request",
	[HANDOUT_BUSY] = "connections",
	[HANDOUT_PINNED] = "pinned",
	[HANDOUT_FULL] = "class_full",
	[HANDOUT_NO_SPACE] = "no_space",
	[HANDOUT_CROWDED] = "too_many_wait",
	[HANDOUT_ENDING] = "daemon_ends",
	[HANDOUT_PROCESS_LIMIT] = "process_limit",
	[HANDOUT_DRAINED] = "drained",
	[HANDOUT_BYTES_LIMIT] = "bytes_limit",
	[HANDOUT_CLOSED] = "closed",
};

/* A pool on tmpfs is handed out in 20 microseconds, and on a disk that is busy in some 100 ms. */
static const uint64_t handout_bounds[] = {
	20 * US, 50 * US, 100 * US, 250 * US, 500 * US, 1 * MS, 2500 * US, 10 * MS, 50 * MS, 250 * MS, 1 * S, 5 * S,
};
/* People have patience for minutes, and batch jobs for a day. */
static const uint64_t wait_bounds[] = {
	10 * MS, 100 * MS, 1 * S, 5 * S, 15 * S, 60 * S, 300 * S, 900 * S, 3600 * S, 14400 * S, 86400 * S,
};
/* From 16 MiB on tmpfs to a TiB on a disk. */
static const uint64_t warm_bounds[] = {
	5 * MS, 25 * MS, 100 * MS, 500 * MS, 1 * S, 2500 * MS, 5 * S, 15 * S, 60 * S, 300 * S, 1200 * S, 3600 * S,
};

static const struct {
	const char *name;
	const uint64_t *bounds;
	size_t count;
} histograms[METRICS_HISTOGRAMS] = {
	[METRICS_HANDOUT] = { "handout", handout_bounds, sizeof(handout_bounds) / sizeof(handout_bounds[0]) },
	[METRICS_WAIT] = { "wait", wait_bounds, sizeof(wait_bounds) / sizeof(wait_bounds[0]) },
	[METRICS_WARM] = { "warm", warm_bounds, sizeof(warm_bounds) / sizeof(warm_bounds[0]) },
};

_Static_assert(sizeof(handout_bounds) / sizeof(handout_bounds[0]) <= METRICS_BOUNDS_MOST, "there is room for them");
_Static_assert(sizeof(warm_bounds) / sizeof(warm_bounds[0]) <= METRICS_BOUNDS_MOST, "there is room for them");

void metrics_done(struct metrics *metrics)
{
	while (metrics->first) {
		struct metrics_class *class = metrics->first;

		metrics->first = class->next;
		free(class);
	}
}

const struct metrics_class *metrics_find(const struct metrics *metrics, const char *name)
{
	const struct metrics_class *class = metrics->first;

	while (class && strcmp(class->name, name) != 0)
		class = class->next;
	return class;
}

struct metrics_class *metrics_class(struct metrics *metrics, const char *name)
{
	struct metrics_class *class = (struct metrics_class *)metrics_find(metrics, name);

	if (class)
		return class;
	class = calloc(1, sizeof(*class));
	if (!class)
		return &metrics->none;
	strncpy(class->name, name, sizeof(class->name) - 1);
	class->next = metrics->first;
	metrics->first = class;
	return class;
}

void metrics_count(struct metrics *metrics, const char *class_name, enum metrics_counter counter)
{
	metrics_class(metrics, class_name)->counts[counter]++;
	metrics->changes++;
}

void metrics_refused(struct metrics *metrics, const char *class_name, enum handout_status status)
{
	struct metrics_class *class = class_name ? metrics_class(metrics, class_name) : &metrics->none;

	class->refused[status]++;
	metrics->changes++;
}

void metrics_took(struct metrics *metrics, const char *class_name, enum metrics_histogram_kind kind, uint64_t ns)
{
	struct metrics_histogram *histogram = &metrics_class(metrics, class_name)->histograms[kind];
	size_t i = 0;

	while (i < histograms[kind].count && ns > histograms[kind].bounds[i])
		i++;
	histogram->counts[i]++;
	histogram->sum_ns += ns;
	metrics->changes++;
}

void metrics_reloaded(struct metrics *metrics, bool refused)
{
	++*(refused ? &metrics->reloads_refused : &metrics->reloads);
	metrics->changes++;
}

int metrics_copy(const struct metrics *metrics, struct metrics *to)
{
	for (const struct metrics_class *from = metrics->first; from; from = from->next) {
		struct metrics_class *class = metrics_class(to, from->name), *next;

		if (class == &to->none)
			return -ENOMEM;
		next = class->next;
		*class = *from;
		class->next = next;
	}
	to->none = metrics->none;
	to->reloads = metrics->reloads;
	to->reloads_refused = metrics->reloads_refused;
	to->changes = metrics->changes;
	return 0;
}

void metrics_keep_configured(struct metrics *metrics, const struct config *config)
{
	struct metrics_class **link = &metrics->first;

	while (*link) {
		struct metrics_class *class = *link;

		if (config_find(config, class->name)) {
			link = &class->next;
			continue;
		}
		*link = class->next;
		free(class);
	}
}

const uint64_t *metrics_bounds_ns(enum metrics_histogram_kind kind, size_t *ret_count)
{
	*ret_count = histograms[kind].count;
	return histograms[kind].bounds;
}

const char *metrics_counter_name(enum metrics_counter counter)
{
	return counter_names[counter];
}

const char *metrics_histogram_name(enum metrics_histogram_kind kind)
{
	return histograms[kind].name;
}

const char *metrics_refusal_name(enum handout_status status)
{
	return refusal_names[status];
}
