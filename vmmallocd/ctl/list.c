/* SPDX-License-Identifier: BSD-3-Clause */
/* list -- vmmallocctl list. */
#include "common/util/cleanup.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/shape.h"
#include "vmmallocd/ctl/table.h"

int ctl_list(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		CTL_OPTIONS,
		{ "json", no_argument, NULL, 'J' },
		{ "output", required_argument, NULL, 'o' },
		{ "no-headings", no_argument, NULL, 'n' },
		{ "bytes", no_argument, NULL, 'b' },
		{ 0 },
	};
	struct table_style style = { 0 };
	bool json = false;
	CLEANUP(json_decrefp) json_t *reply = NULL;
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "Jo:nb", options, NULL)) != -1) {
		switch (option) {
		case 'J': json = true; break;
		case 'o': style.columns = optarg; break;
		case 'n': style.no_headings = true; break;
		case 'b': style.exact = true; break;
		default: status = ctl_option(ctl, option); break;
		}
	}
	if (status >= 0)
		return status;
	if (json && style.columns) {
		ctl_complain("--json has all fields always: it does not go with --output");
		return CTL_USAGE;
	}
	if (!style.columns)
		style.columns = TABLE_COLUMNS;
	if ((status = ctl_no_more(argc, argv)) != CTL_OK || (status = table_check_columns(style.columns)) != CTL_OK ||
	    (status = client_call(ctl, "List", NULL, &reply)) != CTL_OK)
		return status;
	if (json)
		return shape_print_list(json_object_get(reply, "pools"), json_object_get(reply, "waiting"));
	return table_print(json_object_get(reply, "pools"), json_object_get(reply, "waiting"), &style);
}
