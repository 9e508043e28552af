/* SPDX-License-Identifier: BSD-3-Clause */
/* metrics_json -- see metrics_json.h. */
#include "vmmallocd/state/metrics_json.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "common/util/cleanup.h"

/* --- writing --- */

static json_t *pack_count(uint64_t count)
{
	return json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count);
}

/* Puts a member in. Without memory for it the object is NULL from then on, and stays so: nothing is saved by half. */
static void put_member(json_t **object, const char *key, json_t *value)
{
	if (json_object_set_new(*object, key, value) == 0)
		return;
	json_decref(*object);
	*object = NULL;
}

/* The same for the end of an array. */
static void append_member(json_t **array, json_t *value)
{
	if (json_array_append_new(*array, value) == 0)
		return;
	json_decref(*array);
	*array = NULL;
}

static json_t *pack_counts(const uint64_t *counts, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		append_member(&array, pack_count(counts[i]));
	return array;
}

static json_t *pack_refused(const struct metrics_class *class)
{
	json_t *object = json_object();

	for (int status = 0; status < HANDOUT_STATUSES; status++)
		if (metrics_refusal_name(status) && class->refused[status] > 0)
			put_member(&object, metrics_refusal_name(status), pack_count(class->refused[status]));
	return object;
}

static json_t *pack_histograms(const struct metrics_class *class)
{
	json_t *object = json_object();

	for (int kind = 0; kind < METRICS_HISTOGRAMS; kind++) {
		const struct metrics_histogram *histogram = &class->histograms[kind];
		size_t count;
		const uint64_t *bounds = metrics_bounds_ns(kind, &count);

		put_member(&object, metrics_histogram_name(kind),
			   json_pack("{s:o, s:o, s:o}", "bounds_ns", pack_counts(bounds, count),
				     "counts", pack_counts(histogram->counts, count + 1),
				     "sum_ns", pack_count(histogram->sum_ns)));
	}
	return object;
}

static json_t *pack_class(const struct metrics_class *class)
{
	json_t *counts = json_object();

	for (int counter = 0; counter < METRICS_COUNTERS; counter++)
		put_member(&counts, metrics_counter_name(counter), pack_count(class->counts[counter]));
	return json_pack("{s:s, s:o, s:o, s:o}", "name", class->name, "counts", counts, "refused", pack_refused(class),
			 "histograms", pack_histograms(class));
}

int metrics_json_encode(const struct metrics *metrics, char **ret_text, size_t *ret_bytes)
{
	json_t *classes = json_array();
	CLEANUP(json_decrefp) json_t *object = NULL;

	for (const struct metrics_class *class = metrics->first; class; class = class->next)
		append_member(&classes, pack_class(class));
	object = json_pack("{s:i, s:o, s:o, s:o, s:o}", "version", METRICS_JSON_VERSION,
			   "reloads", pack_count(metrics->reloads),
			   "reloads_refused", pack_count(metrics->reloads_refused),
			   "refused", pack_refused(&metrics->none), "classes", classes);
	*ret_text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	if (!*ret_text)
		return -ENOMEM;
	*ret_bytes = strlen(*ret_text);
	return 0;
}

/* --- reading --- */

/* 0 if there is none. False: it is no count. */
static bool read_counted(const json_t *value, uint64_t *ret_count)
{
	if (value && (!json_is_integer(value) || json_integer_value(value) < 0))
		return false;
	*ret_count = value ? (uint64_t)json_integer_value(value) : 0;
	return true;
}

static bool read_refused(const json_t *object, struct metrics_class *class)
{
	bool good = !object || json_is_object(object);

	for (int status = 0; good && status < HANDOUT_STATUSES; status++)
		if (metrics_refusal_name(status))
			good = read_counted(json_object_get(object, metrics_refusal_name(status)),
					  &class->refused[status]);
	return good;
}

static bool has_bounds(const json_t *bounds, enum metrics_histogram_kind kind)
{
	size_t count;
	const uint64_t *ours = metrics_bounds_ns(kind, &count);

	if (json_array_size(bounds) != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (json_integer_value(json_array_get(bounds, i)) != (json_int_t)ours[i])
			return false;
	return true;
}

static bool read_histogram(const json_t *object, enum metrics_histogram_kind kind, struct metrics_class *class)
{
	struct metrics_histogram histogram = { 0 };
	const json_t *counts = json_object_get(object, "counts");
	bool good = !object || (json_is_object(object) && json_is_array(json_object_get(object, "bounds_ns")));

	if (!good || !object || !has_bounds(json_object_get(object, "bounds_ns"), kind))
		return good;
	good = json_array_size(counts) == json_array_size(json_object_get(object, "bounds_ns")) + 1 &&
	       read_counted(json_object_get(object, "sum_ns"), &histogram.sum_ns);
	for (size_t i = 0; good && i < json_array_size(counts); i++)
		good = read_counted(json_array_get(counts, i), &histogram.counts[i]);
	if (good)
		class->histograms[kind] = histogram;
	return good;
}

static bool read_class(const json_t *object, struct metrics *metrics)
{
	const char *name = json_string_value(json_object_get(object, "name"));
	const json_t *counts = json_object_get(object, "counts"), *histograms = json_object_get(object, "histograms");
	struct metrics_class *class;
	bool good;

	if (!name || handout_class_name_check(name) < 0 || metrics_find(metrics, name) || !json_is_object(counts) ||
	    !json_is_object(histograms))
		return false;
	class = metrics_class(metrics, name);
	good = read_refused(json_object_get(object, "refused"), class);
	for (int counter = 0; good && counter < METRICS_COUNTERS; counter++)
		good = read_counted(json_object_get(counts, metrics_counter_name(counter)), &class->counts[counter]);
	for (int kind = 0; good && kind < METRICS_HISTOGRAMS; kind++)
		good = read_histogram(json_object_get(histograms, metrics_histogram_name(kind)), kind, class);
	return good;
}

static int read_metrics(const json_t *root, struct metrics *metrics, struct text *error)
{
	const json_t *classes = json_object_get(root, "classes"), *version = json_object_get(root, "version"), *class;
	size_t i;

	if (json_integer_value(version) != METRICS_JSON_VERSION) {
		text_add(error, "version: expected %d", METRICS_JSON_VERSION);
		return -EBADMSG;
	}
	if (!read_counted(json_object_get(root, "reloads"), &metrics->reloads) ||
	    !read_counted(json_object_get(root, "reloads_refused"), &metrics->reloads_refused) ||
	    !read_refused(json_object_get(root, "refused"), &metrics->none) || !json_is_array(classes)) {
		text_add(error, "expected counts, and an array of classes");
		return -EBADMSG;
	}
	json_array_foreach((json_t *)classes, i, class) {
		if (!read_class(class, metrics)) {
			text_add(error, "class %zu: expected a name of its own, and counts", i);
			return -EBADMSG;
		}
	}
	return 0;
}

int metrics_json_decode(const char *text, size_t bytes, struct metrics *metrics, struct text *error)
{
	json_error_t reason;
	CLEANUP(json_decrefp) json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &reason);
	int r = -EBADMSG;

	if (root)
		r = read_metrics(root, metrics, error);
	else
		text_add(error, "line %d, column %d: %s", reason.line, reason.column, reason.text);
	if (r < 0) {
		metrics_done(metrics);
		*metrics = (struct metrics){ 0 };
	}
	return r;
}
