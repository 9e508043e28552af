/* SPDX-License-Identifier: BSD-3-Clause */
/* status -- vmmallocctl status: the daemon and its classes. */
#include "vmmallocd/ctl/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "vmmallocd/ctl/class_table.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/format.h"
#include "vmmallocd/ctl/pairs.h"
#include "vmmallocd/ctl/shape.h"

/* What is in a struct, and so in the JSON, of org.vmmalloc.varlink; null where the daemon says nothing. */
static const char *const daemon_keys[] = { "pid", "version", "uptime", "config", "runtime_dir", "state_dir",
					   "handed_out", "refused", "recycled", "destroyed", "memory_pressure",
					   "problem", NULL };

static int print_daemon(const json_t *daemon)
{
	const char *problem = field_text(daemon, "problem");
	const json_t *pressure = json_object_get(daemon, "memory_pressure");
	char uptime[FORMAT_BYTES];
	struct pairs pairs;

	format_age(field_number(daemon, "uptime"), uptime);
	pairs_begin(&pairs);
	pairs_add(&pairs, "daemon", "vmmallocd %s, process %lld, running for %s", field_text(daemon, "version"),
		  field_number(daemon, "pid"), uptime);
	pairs_add(&pairs, "configuration", "%s", field_text(daemon, "config"));
	pairs_add(&pairs, "sockets", "%s", field_text(daemon, "runtime_dir"));
	pairs_add(&pairs, "registry", "%s", field_text(daemon, "state_dir"));
	pairs_add(&pairs, "pools", "%lld handed out, %lld refused, %lld recycled, %lld destroyed",
		  field_number(daemon, "handed_out"), field_number(daemon, "refused"),
		  field_number(daemon, "recycled"), field_number(daemon, "destroyed"));
	if (json_is_object(pressure))
		pairs_add(&pairs, "memory pressure", "%.2f%%, and the limit is %.2f%%",
			  json_number_value(json_object_get(pressure, "some")),
			  json_number_value(json_object_get(pressure, "limit")));
	if (*problem)
		pairs_add(&pairs, "problem", "%s", problem);
	return pairs_end(&pairs);
}

static void add_orders(struct pairs *pairs, const json_t *class)
{
	const char *name = field_text(class, "name"), *order = class_order(class);

	if (*order)
		pairs_add(pairs, name, "is %s: nobody gets a pool of it until vmmallocctl enable %s", order, name);
	if (json_is_integer(json_object_get(class, "configured_max")))
		pairs_add(pairs, name, "is resized until the configuration is read again, which says ready = %lld and "
			  "max = %lld", field_number(class, "configured_ready"), field_number(class, "configured_max"));
}

/* What is not as it should be, in the daemon's own words, after the figures. */
static int print_problems(const json_t *classes)
{
	struct pairs pairs;
	const json_t *class;
	size_t i;

	pairs_begin(&pairs);
	json_array_foreach((json_t *)classes, i, class) {
		const char *problem = field_text(class, "problem");

		if (json_is_false(json_object_get(class, "configured")))
			pairs_add(&pairs, field_text(class, "name"), "is no longer configured");
		add_orders(&pairs, class);
		if (*problem)
			pairs_add(&pairs, field_text(class, "name"), "%s", problem);
	}
	if (pairs.count > 0)
		putchar('\n');
	return pairs_end(&pairs);
}

static int print_status(const struct table_style *style, const json_t *reply)
{
	const json_t *classes = json_object_get(reply, "classes");
	bool is_whole = !style->chosen && !style->no_headings;
	int r = is_whole ? print_daemon(json_object_get(reply, "daemon")) : 0, status = CTL_OK;

	if (r == 0 && json_array_size(classes) > 0) {
		if (is_whole)
			putchar('\n');
		status = table_print(style, classes, NULL);
		if (status == CTL_OK && is_whole)
			r = print_problems(classes);
	}
	if (r == 0)
		return status;
	ctl_complain("the status cannot be printed: %s", strerrordesc_np(-r));
	return CTL_FAILED;
}

static int print_status_json(const struct table_style *style, const json_t *reply)
{
	CLEANUP(json_decrefp) json_t *sorted = table_sort(style, json_object_get(reply, "classes"));

	return shape_print(json_pack("{s:i, s:o, s:o}", "version", 1,
				     "daemon", shape_copy(json_object_get(reply, "daemon"), daemon_keys),
				     "classes", shape_classes(sorted)),
			   "the status");
}

static const struct command_option status_options[] = {
	TABLE_OPTIONS,
	{ 0 },
};

static int ctl_status(struct ctl *ctl, int argc, char **argv)
{
	struct table_style style = { .kind = &class_table, .columns = CLASS_TABLE_COLUMNS };
	CLEANUP(json_decrefp) json_t *reply = NULL;
	int option, status;

	while ((option = ctl_next_option(ctl, argc, argv, &status)) != 0)
		table_option(&style, option);
	if (status >= 0 || (status = table_options_end(&style, argc, argv)) >= 0)
		return status;
	if (optind < argc && (style.chosen || style.sort)) {
		ctl_complain("%s is for the table of all classes: it does not go with '%s'",
			     style.chosen ? "--output" : "--sort", argv[optind]);
		return CTL_USAGE;
	}
	if (optind < argc)
		return status_words(ctl, argv + optind, (size_t)(argc - optind), style.json);
	if ((status = client_call(ctl, "Status", NULL, &reply)) != CTL_OK)
		return status;
	return style.json ? print_status_json(&style, reply) : print_status(&style, reply);
}

static const struct command_example status_examples[] = {
	{ "the daemon and its classes", "status" },
	{ "the pools of a process, and what it waits for; and all who hold them", "status 4711" },
	{ "two classes that are there, and what is wrong with them", "status fast slow" },
	{ "only the table of the classes, the fullest first", "status --sort -LEASED -o CLASS,LEASED,MAX,PROBLEM" },
	{ "figures for a script", "status --no-headings --bytes" },
	{ "all that is known, for a program", "status --json" },
	{ "what there is to know of classes, and of what types, for a program", "status --list-columns --json" },
	{ 0 },
};

const struct command status_command = {
	.name = "status",
	.function = ctl_status,
	.synopsis = "[PID|POOL|CLASS...]",
	.summary = "show the daemon and its classes, or a process's pools",
	.text = "Show the daemon and its classes; or what is named: a process's pools, a pool by its id, a beginning of"
		" that or its path, with all who hold it; a class. Up to 7 digits are a process.",
	.options = status_options,
	.examples = status_examples,
	.table = &class_table,
};
