/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * exposition -- metrics as text, in either of two formats:
 *
 *     OpenMetrics 1.0                              the older text format of Prometheus, 0.0.4
 *     # TYPE vmmalloc_handouts counter             # HELP vmmalloc_handouts_total Pools that were handed out.
 *     # HELP vmmalloc_handouts Pools that were ... # TYPE vmmalloc_handouts_total counter
 *     vmmalloc_handouts_total{class="a"} 3         vmmalloc_handouts_total{class="a"} 3
 *     # EOF
 *
 * The older one has no units and no type "info", and a counter's name there is that of its sample. It is what
 * node_exporter reads from files, and what promtool checks.
 */
#ifndef VMMALLOCD_CTL_EXPOSITION_H
#define VMMALLOCD_CTL_EXPOSITION_H

#include <jansson.h>
#include <stdio.h>

enum exposition_format { EXPOSITION_OPENMETRICS, EXPOSITION_PROMETHEUS };

/* "application/openmetrics-text; version=1.0.0; charset=utf-8", and the other. */
const char *exposition_content_type(enum exposition_format format);

struct exposition_family {
	const char *name;        /* with its unit, and without what samples have behind it: _total, _info */
	const char *type;        /* "counter", "gauge", "histogram" or "info" */
	const char *unit;        /* "bytes", "seconds", or NULL */
	const char *help;
};

struct exposition {
	FILE *stream;
	enum exposition_format format;
	const struct exposition_family *family;    /* of the samples that come */
};

#define EXPOSITION_LABELS_MOST 4

/* Labels of a sample; behind the last one a name is NULL. The texts need not last longer than a call. */
struct exposition_labels {
	struct {
		const char *name, *text;
	} labels[EXPOSITION_LABELS_MOST + 1];
};

/* Writes what stands before the samples of a family. */
void exposition_begin(struct exposition *out, const struct exposition_family *family);
/* A sample of the family. `value` is a number, true or false; if it is anything else there is no sample. */
void exposition_sample(struct exposition *out, const struct exposition_labels *labels, const json_t *value);
/* All samples of a histogram (type Histogram of org.vmmalloc), or none if it is no such object. */
void exposition_histogram(struct exposition *out, const struct exposition_labels *labels, const json_t *histogram);
/* Behind all families. */
void exposition_end(struct exposition *out);

#endif
