/* SPDX-License-Identifier: BSD-3-Clause */
/* list -- vmmallocctl list. */
#include "common/util/cleanup.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/filter.h"
#include "vmmallocd/ctl/pool_table.h"
#include "vmmallocd/ctl/shape.h"

enum { STATE = COMMAND_OPTION_OWN, USER };

static const struct command_option list_options[] = {
	{ "state", STATE, "STATE[,STATE...]", "only pools in these states" },
	{ "user", USER, "USER[,USER...]", "only what these users have, by name or number" },
	TABLE_OPTIONS,
	{ 0 },
};

static int read_list_options(struct ctl *ctl, int argc, char **argv, struct table_style *style, struct filter *filter)
{
	int option, status, refusal = CTL_OK;

	while (refusal == CTL_OK && (option = ctl_next_option(ctl, argc, argv, &status)) != 0) {
		switch (option) {
		case STATE: refusal = filter_set_states(filter, optarg); break;
		case USER: refusal = filter_set_users(filter, optarg); break;
		default: table_option(style, option); break;
		}
	}
	if (refusal != CTL_OK)
		return refusal;
	return status < 0 ? table_options_end(style, argc, argv) : status;
}

static int print_list(const struct table_style *style, const struct filter *filter, const json_t *reply)
{
	CLEANUP(json_decrefp) json_t *pools = filter_rows(filter, json_object_get(reply, "pools"));
	CLEANUP(json_decrefp) json_t *waiting = filter_rows(filter, json_object_get(reply, "waiting"));
	CLEANUP(json_decrefp) json_t *sorted_pools = NULL, *sorted_waiting = NULL;

	if (!style->json)
		return table_print(style, pools, waiting);
	sorted_pools = table_sort(style, pools);
	sorted_waiting = table_sort(style, waiting);
	return shape_print_list(sorted_pools, sorted_waiting);
}

static int ctl_list(struct ctl *ctl, int argc, char **argv)
{
	struct table_style style = { .kind = &pool_table, .columns = POOL_TABLE_COLUMNS };
	struct filter filter = { 0 };
	CLEANUP(json_decrefp) json_t *reply = NULL;
	int status = read_list_options(ctl, argc, argv, &style, &filter);

	if (status >= 0)
		return status;
	status = filter_set_classes(&filter, ctl, argv + optind, (size_t)(argc - optind));
	if (status == CTL_OK)
		status = client_call(ctl, "List", NULL, &reply);
	return status == CTL_OK ? print_list(&style, &filter, reply) : status;
}

static const struct command_example list_examples[] = {
	{ "who uses most of two classes, and where", "list fast slow --state leased --sort -USED -o +PATH" },
	{ "all that a user has or waits for, and when it came to that", "list --user root --sort AGE" },
	{ "figures for a script", "list -n --bytes --output PID,USED" },
	{ "all that is known, for a program", "list --json" },
	{ "what there is to know, and of what types, for a program", "list --list-columns --json" },
	{ 0 },
};

const struct command list_command = {
	.name = "list",
	.function = ctl_list,
	.synopsis = "[CLASS...]",
	.summary = "list the daemon's pools, and who waits for one",
	.text = "List the daemon's pools, by class and id; then, with the state waiting, the requests that wait.",
	.options = list_options,
	.examples = list_examples,
	.table = &pool_table,
};
