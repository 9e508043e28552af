/* SPDX-License-Identifier: BSD-3-Clause */
/* status -- vmmallocctl status: the daemon and its classes. */
#include "vmmallocd/ctl/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/size_format.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/format.h"

/* What is in a struct, and so in the JSON, of org.vmmalloc.varlink; null where the daemon says nothing. */
static const char *const daemon_keys[] = { "pid", "version", "uptime", "config", "runtime_dir", "state_dir",
					   "handed_out", "refused", "recycled", "destroyed", "problem", NULL };
static const char *const class_keys[] = { "name", "directory", "size", "ready", "max", "warm", "recycle",
					  "max_per_user", "counts", "configured", "problem", NULL };

struct libscols_table *status_table(void)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		return NULL;
	scols_table_enable_noheadings(table, 1);
	if (!scols_table_new_column(table, "WHAT", 0, 0) || !scols_table_new_column(table, "IS", 0, 0)) {
		scols_unref_table(table);
		return NULL;
	}
	return table;
}

int status_line(struct libscols_table *table, const char *what, const char *format, ...)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	va_list args;
	char *text;
	int r;

	if (!line)
		return -ENOMEM;
	va_start(args, format);
	r = vasprintf(&text, format, args);
	va_end(args);
	if (r < 0)
		return -ENOMEM;
	r = scols_line_set_data(line, 0, what) < 0 || scols_line_set_data(line, 1, text) < 0 ? -ENOMEM : 0;
	free(text);
	return r;
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int print_daemon(const json_t *daemon)
{
	struct libscols_table *table = status_table();
	const char *problem = text_of(daemon, "problem");
	char uptime[FORMAT_BYTES];
	int r = table ? 0 : -ENOMEM;

	format_age(number_of(daemon, "uptime"), uptime);
	if (r < 0 ||
	    (r = status_line(table, "daemon", "vmmallocd %s, process %lld, running for %s", text_of(daemon, "version"),
			     number_of(daemon, "pid"), uptime)) < 0 ||
	    (r = status_line(table, "configuration", "%s", text_of(daemon, "config"))) < 0 ||
	    (r = status_line(table, "sockets", "%s", text_of(daemon, "runtime_dir"))) < 0 ||
	    (r = status_line(table, "registry", "%s", text_of(daemon, "state_dir"))) < 0 ||
	    (r = status_line(table, "pools", "%lld handed out, %lld refused, %lld recycled, %lld destroyed",
			     number_of(daemon, "handed_out"), number_of(daemon, "refused"),
			     number_of(daemon, "recycled"), number_of(daemon, "destroyed"))) < 0 ||
	    (*problem && (r = status_line(table, "problem", "%s", problem)) < 0) ||
	    (r = scols_print_table(table)) < 0)
		r = -ENOMEM;
	scols_unref_table(table);
	return r;
}

static int add_class(struct libscols_table *table, const json_t *class)
{
	const json_t *counts = json_object_get(class, "counts");
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char size[SIZE_FORMAT_BYTES], ready[64], leased[32], busy[32], bad[32], max[32];
	const char *cells[] = { text_of(class, "name"), size, ready, leased, busy, bad, max,
				text_of(class, "directory") };

	if (!line)
		return -ENOMEM;
	size_format_short((uint64_t)number_of(class, "size"), size);
	snprintf(ready, sizeof(ready), "%lld/%lld", number_of(counts, "ready"), number_of(class, "ready"));
	snprintf(leased, sizeof(leased), "%lld", number_of(counts, "leased"));
	snprintf(busy, sizeof(busy), "%lld",
		 number_of(counts, "creating") + number_of(counts, "warming") + number_of(counts, "recycling"));
	snprintf(bad, sizeof(bad), "%lld", number_of(counts, "quarantined") + number_of(counts, "failed"));
	snprintf(max, sizeof(max), "%lld", number_of(class, "max"));
	for (size_t i = 0; i < sizeof(cells) / sizeof(*cells); i++)
		if (scols_line_set_data(line, i, cells[i]) < 0)
			return -ENOMEM;
	return 0;
}

static int print_classes(const json_t *classes)
{
	static const char *const headings[] = { "CLASS", "SIZE", "READY", "LEASED", "BUSY", "BAD", "MAX", "DIRECTORY" };
	struct libscols_table *table = scols_new_table();
	const json_t *class;
	size_t i;
	int r = table ? 0 : -ENOMEM;

	for (i = 0; r == 0 && i < sizeof(headings) / sizeof(*headings); i++)
		if (!scols_table_new_column(table, headings[i], 0, i > 0 && i < 7 ? SCOLS_FL_RIGHT : 0))
			r = -ENOMEM;
	json_array_foreach((json_t *)classes, i, class)
		if (r == 0)
			r = add_class(table, class);
	if (r == 0)
		r = scols_print_table(table);
	scols_unref_table(table);
	return r;
}

/* What is not as it should be, in the daemon's own words, after the figures. */
static int print_problems(const json_t *classes)
{
	struct libscols_table *table = status_table();
	const json_t *class;
	size_t i;
	int r = table ? 0 : -ENOMEM;

	json_array_foreach((json_t *)classes, i, class) {
		const char *problem = text_of(class, "problem");

		if (r == 0 && json_is_false(json_object_get(class, "configured")))
			r = status_line(table, text_of(class, "name"), "is no longer configured");
		if (r == 0 && *problem)
			r = status_line(table, text_of(class, "name"), "%s", problem);
	}
	if (r == 0 && !scols_table_is_empty(table)) {
		putchar('\n');
		r = scols_print_table(table);
	}
	scols_unref_table(table);
	return r;
}

static int print(const json_t *reply)
{
	const json_t *classes = json_object_get(reply, "classes");
	int r = print_daemon(json_object_get(reply, "daemon"));

	if (r == 0 && json_array_size(classes) > 0) {
		putchar('\n');
		r = print_classes(classes);
		if (r == 0)
			r = print_problems(classes);
	}
	if (r == 0)
		return CTL_OK;
	ctl_complain("the status cannot be printed: %s", strerror(r < 0 ? -r : ENOMEM));
	return CTL_FAILED;
}

static json_t *copy(const json_t *object, const char *const *keys)
{
	json_t *made = json_object();

	for (; *keys; keys++) {
		json_t *value = json_object_get(object, *keys);

		if (json_object_set_new(made, *keys, value ? json_incref(value) : json_null()) < 0) {
			json_decref(made);
			return NULL;
		}
	}
	return made;
}

static int print_json(const json_t *reply)
{
	json_t *classes = json_array(), *object, *class;
	size_t i;
	int r = classes ? 0 : -1;

	json_array_foreach(json_object_get(reply, "classes"), i, class)
		if (r == 0)
			r = json_array_append_new(classes, copy(class, class_keys));
	object = json_pack("{s:i, s:o, s:o}", "version", 1,
			   "daemon", copy(json_object_get(reply, "daemon"), daemon_keys), "classes", classes);
	if (r == 0)
		r = json_dumpf(object, stdout, JSON_COMPACT);
	json_decref(object);
	if (r < 0) {
		ctl_complain("the status cannot be printed");
		return CTL_FAILED;
	}
	putchar('\n');
	return CTL_OK;
}

int ctl_status(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = { CTL_OPTIONS, { "json", no_argument, NULL, 'J' }, { 0 } };
	const char *which = NULL;
	bool json = false;
	json_t *reply;
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "J", options, NULL)) != -1) {
		if (option == 'J')
			json = true;
		else
			status = ctl_option(ctl, option);
	}
	if (status >= 0)
		return status;
	if (optind < argc)
		which = argv[optind++];
	if ((status = ctl_no_more(argc, argv)) != CTL_OK)
		return status;
	if (which)
		return status_pool(ctl, which, json);
	if ((status = client_call(ctl, "Status", NULL, &reply)) != CTL_OK)
		return status;
	status = json ? print_json(reply) : print(reply);
	json_decref(reply);
	return status;
}
