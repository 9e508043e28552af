/* SPDX-License-Identifier: BSD-3-Clause */
/* exposition -- see exposition.h. */
#include "vmmallocd/ctl/exposition.h"

#include <stdbool.h>
#include <string.h>

const char *exposition_content_type(enum exposition_format format)
{
	return format == EXPOSITION_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
						: "text/plain; version=0.0.4; charset=utf-8";
}

static bool has_type(const struct exposition *out, const char *type)
{
	return strcmp(out->family->type, type) == 0;
}

/* What is behind the family's name in those of its samples. */
static const char *sample_suffix(const struct exposition *out)
{
	if (has_type(out, "counter"))
		return "_total";
	return has_type(out, "info") ? "_info" : "";
}

void exposition_begin(struct exposition *out, const struct exposition_family *family)
{
	bool open = out->format == EXPOSITION_OPENMETRICS;
	const char *suffix, *type = family->type;

	out->family = family;
	suffix = open ? "" : sample_suffix(out);
	if (!open && has_type(out, "info"))
		type = "gauge";
	fprintf(out->stream, "# HELP %s%s %s\n# TYPE %s%s %s\n", family->name, suffix, family->help, family->name,
		suffix, type);
	if (open && family->unit)
		fprintf(out->stream, "# UNIT %s %s\n", family->name, family->unit);
}

static void write_label_text(FILE *stream, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", stream);
		else if (*text == '"' || *text == '\\')
			fprintf(stream, "\\%c", *text);
		else
			putc(*text, stream);
	}
}

/* `bound`: one more label, "le"; or NULL. */
static void write_name(struct exposition *out, const char *suffix, const struct exposition_labels *labels,
		       const char *bound)
{
	const char *before = "{";

	fprintf(out->stream, "%s%s", out->family->name, suffix);
	for (size_t i = 0; labels->labels[i].name; i++) {
		fprintf(out->stream, "%s%s=\"", before, labels->labels[i].name);
		write_label_text(out->stream, labels->labels[i].text);
		putc('"', out->stream);
		before = ",";
	}
	if (bound) {
		fprintf(out->stream, "%sle=\"%s\"", before, bound);
		before = ",";
	}
	fputs(*before == ',' ? "} " : " ", out->stream);
}

void exposition_sample(struct exposition *out, const struct exposition_labels *labels, const json_t *value)
{
	if (!json_is_number(value) && !json_is_boolean(value))
		return;
	write_name(out, sample_suffix(out), labels, NULL);
	if (json_is_real(value))
		fprintf(out->stream, "%.15g\n", json_real_value(value));
	else
		fprintf(out->stream, "%" JSON_INTEGER_FORMAT "\n", json_is_true(value) ? 1 : json_integer_value(value));
}

/* OpenMetrics wants to see that a bound is no integer. */
static void format_bound(const struct exposition *out, double bound, char text[32])
{
	snprintf(text, 32, "%.10g", bound);
	if (out->format == EXPOSITION_OPENMETRICS && strspn(text, "0123456789") == strlen(text))
		strcat(text, ".0");
}

void exposition_histogram(struct exposition *out, const struct exposition_labels *labels, const json_t *histogram)
{
	const json_t *bounds = json_object_get(histogram, "bounds"), *counts = json_object_get(histogram, "counts");
	size_t count = json_array_size(bounds);
	long long sum = 0;

	if (!json_is_array(bounds) || json_array_size(counts) != count + 1)
		return;
	for (size_t i = 0; i <= count; i++) {
		char bound[32] = "+Inf";

		if (i < count)
			format_bound(out, json_number_value(json_array_get(bounds, i)), bound);
		sum += json_integer_value(json_array_get(counts, i));
		write_name(out, "_bucket", labels, bound);
		fprintf(out->stream, "%lld\n", sum);
	}
	write_name(out, "_sum", labels, NULL);
	fprintf(out->stream, "%.15g\n", json_number_value(json_object_get(histogram, "sum")));
	write_name(out, "_count", labels, NULL);
	fprintf(out->stream, "%lld\n", sum);
}

void exposition_end(struct exposition *out)
{
	if (out->format == EXPOSITION_OPENMETRICS)
		fputs("# EOF\n", out->stream);
}
