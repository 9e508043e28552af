/* SPDX-License-Identifier: BSD-3-Clause */
/* status -- vmmallocctl status: the daemon and its classes. */
#include "vmmallocd/ctl/status.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "common/util/size_format.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/format.h"
#include "vmmallocd/ctl/pairs.h"
#include "vmmallocd/ctl/shape.h"

/* What is in a struct, and so in the JSON, of org.vmmalloc.varlink; null where the daemon says nothing. */
static const char *const daemon_keys[] = { "pid", "version", "uptime", "config", "runtime_dir", "state_dir",
					   "handed_out", "refused", "recycled", "destroyed", "problem", NULL };
static const char *const class_keys[] = { "name", "directory", "size", "ready", "max", "warm", "cold",
					  "recycle", "max_per_user", "max_per_process", "counts", "cold_pools",
					  "waiting", "configured", "service", "configured_ready",
					  "configured_max", "problem", NULL };

static int print_daemon(const json_t *daemon)
{
	const char *problem = field_text(daemon, "problem");
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
	if (*problem)
		pairs_add(&pairs, "problem", "%s", problem);
	return pairs_end(&pairs);
}

static int add_class_line(struct libscols_table *table, const json_t *class)
{
	const json_t *counts = json_object_get(class, "counts");
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char size[SIZE_FORMAT_BYTES], ready[64], leased[32], cold[32], busy[32], bad[32], max[32], waiting[32];
	const char *cells[] = { field_text(class, "name"), size, ready, leased, cold, busy, bad, max, waiting,
				field_text(class, "directory") };

	if (!line)
		return -ENOMEM;
	size_format_short((uint64_t)field_number(class, "size"), size);
	snprintf(ready, sizeof(ready), "%lld/%lld", field_number(counts, "ready"), field_number(class, "ready"));
	snprintf(leased, sizeof(leased), "%lld", field_number(counts, "leased"));
	snprintf(cold, sizeof(cold), "%lld", field_number(class, "cold_pools"));
	snprintf(busy, sizeof(busy), "%lld",
		 field_number(counts, "creating") + field_number(counts, "warming") +
			 field_number(counts, "recycling"));
	snprintf(bad, sizeof(bad), "%lld", field_number(counts, "quarantined") + field_number(counts, "failed"));
	snprintf(max, sizeof(max), "%lld", field_number(class, "max"));
	snprintf(waiting, sizeof(waiting), "%lld", field_number(class, "waiting"));
	for (size_t i = 0; i < sizeof(cells) / sizeof(*cells); i++)
		if (scols_line_set_data(line, i, cells[i]) < 0)
			return -ENOMEM;
	return 0;
}

static int print_classes(const json_t *classes)
{
	static const char *const headings[] = { "CLASS", "SIZE", "READY", "LEASED", "COLD",
						"BUSY",	 "BAD",	 "MAX",	  "WAITING", "DIRECTORY" };
	struct libscols_table *table = scols_new_table();
	const json_t *class;
	size_t i;
	int r = table ? 0 : -ENOMEM;

	for (i = 0; r == 0 && i < sizeof(headings) / sizeof(*headings); i++)
		if (!scols_table_new_column(table, headings[i], 0, i > 0 && i < 9 ? SCOLS_FL_RIGHT : 0))
			r = -ENOMEM;
	json_array_foreach((json_t *)classes, i, class)
		if (r == 0)
			r = add_class_line(table, class);
	if (r == 0)
		r = scols_print_table(table);
	scols_unref_table(table);
	return r;
}

static void add_orders(struct pairs *pairs, const json_t *class)
{
	const char *name = field_text(class, "name"), *service = field_text(class, "service");

	if (strcmp(service, "drained") == 0 || strcmp(service, "disabled") == 0)
		pairs_add(pairs, name, "is %s: nobody gets a pool of it until vmmallocctl enable %s", service, name);
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

static int print_status(const json_t *reply)
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
	ctl_complain("the status cannot be printed: %s", strerrordesc_np(-r));
	return CTL_FAILED;
}

static int print_status_json(const json_t *reply)
{
	return shape_print(json_pack("{s:i, s:o, s:o}", "version", 1,
				     "daemon", shape_copy(json_object_get(reply, "daemon"), daemon_keys),
				     "classes", shape_copy_all(json_object_get(reply, "classes"), class_keys)),
			   "the status");
}

static const struct command_option status_options[] = {
	{ "json", 'J', NULL, "as JSON" },
	{ 0 },
};

static int ctl_status(struct ctl *ctl, int argc, char **argv)
{
	const char *which = NULL;
	bool json = false;
	CLEANUP(json_decrefp) json_t *reply = NULL;
	int status;

	while (ctl_next_option(ctl, argc, argv, &status) != 0)
		json = true;
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
	return json ? print_status_json(reply) : print_status(reply);
}

static const struct command_example status_examples[] = {
	{ "the daemon and its classes", "status" },
	{ "the pools of a process, and what it waits for", "status 4711" },
	{ "all that is known, for a program to read", "status --json" },
	{ 0 },
};

const struct command status_command = {
	.name = "status",
	.function = ctl_status,
	.synopsis = "[PID|POOL]",
	.summary = "show the daemon and its classes, or a process's pools",
	.text = "Show the daemon and its classes; or pools: by the process that has them, or by id, a beginning of one,"
		" or path.",
	.options = status_options,
	.examples = status_examples,
};
