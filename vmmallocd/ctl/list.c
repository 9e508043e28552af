/* SPDX-License-Identifier: BSD-3-Clause */
/* list -- vmmallocctl list. */
#include "common/util/cleanup.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/pool_table.h"
#include "vmmallocd/ctl/shape.h"

int ctl_list(struct ctl *ctl, int argc, char **argv)
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
