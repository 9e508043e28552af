/* SPDX-License-Identifier: BSD-3-Clause */
/* list -- vmmallocctl list. */
#include "common/util/cleanup.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/pool_table.h"
#include "vmmallocd/ctl/shape.h"

static int ctl_list(struct ctl *ctl, int argc, char **argv)
{
	struct table_style style = { .kind = &pool_table, .columns = POOL_TABLE_COLUMNS };
	CLEANUP(json_decrefp) json_t *reply = NULL;
	int status = table_options(ctl, argc, argv, &style);

	if (status >= 0)
		return status;
	if ((status = ctl_no_more(argc, argv)) != CTL_OK || (status = client_call(ctl, "List", NULL, &reply)) != CTL_OK)
		return status;
	if (style.json)
		return shape_print_list(json_object_get(reply, "pools"), json_object_get(reply, "waiting"));
	return table_print(&style, json_object_get(reply, "pools"), json_object_get(reply, "waiting"));
}

static const struct command_option list_options[] = {
	TABLE_OPTIONS,
	{ 0 },
};

static const struct command_example list_examples[] = {
	{ "who uses most", "list -nb -o USED,PID,COMMAND | sort -rn | head" },
	{ "all that is known, for a program to read", "list --json" },
	{ 0 },
};

const struct command list_command = {
	.name = "list",
	.function = ctl_list,
	.summary = "list the daemon's pools, and who waits for one",
	.text = "List the daemon's pools, by class and id; then, with the state waiting, the requests that wait.",
	.options = list_options,
	.examples = list_examples,
	.table = &pool_table,
};
