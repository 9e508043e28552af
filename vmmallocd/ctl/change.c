/* SPDX-License-Identifier: BSD-3-Clause */
/* change -- vmmallocctl prune and vmmallocctl reload: what root and the daemon's own user may do. */
#include <stdio.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/pool_table.h"

/* CTL_FAILED if any was not. */
static int complain_of_failed(const json_t *failed)
{
	const json_t *entry;
	size_t i;

	json_array_foreach((json_t *)failed, i, entry) {
		const json_t *pool = json_object_get(entry, "pool");
		const char *id = json_string_value(json_object_get(pool, "id"));
		const char *class = json_string_value(json_object_get(pool, "class"));
		const char *reason = json_string_value(json_object_get(entry, "reason"));

		ctl_complain("pool %.*s of class '%s' is not removed: %s", POOL_TABLE_ID_SHOWN, id ? id : "?",
			     class ? class : "?", reason ? reason : "?");
	}
	return json_array_size(failed) > 0 ? CTL_FAILED : CTL_OK;
}

int ctl_prune(struct ctl *ctl, int argc, char **argv)
{
	enum { DRY_RUN = CTL_OPTION_OWN };
	static const struct option options[] = { CTL_OPTIONS, { "dry-run", no_argument, NULL, DRY_RUN }, { 0 } };
	static const struct table_style style = { .kind = &pool_table, .columns = "CLASS,ID,STATE,SIZE,PATH" };
	bool dry_run = false;
	CLEANUP(json_decrefp) json_t *reply = NULL;
	json_t *pools;
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == DRY_RUN)
			dry_run = true;
		else
			status = ctl_option(ctl, option);
	}
	if (status >= 0)
		return status;
	if ((status = ctl_no_more(argc, argv)) != CTL_OK ||
	    (status = client_call(ctl, "Prune", json_pack("{s:b}", "dry_run", dry_run), &reply)) != CTL_OK)
		return status;
	pools = json_object_get(reply, "pools");
	if (json_array_size(pools) > 0)
		status = table_print(&style, pools, NULL);
	if (status == CTL_OK)
		printf("%s: %zu\n", dry_run ? "pools that would be removed" : "pools removed", json_array_size(pools));
	if (status == CTL_OK)
		status = complain_of_failed(json_object_get(reply, "failed"));
	return status;
}

int ctl_reload(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = { CTL_OPTIONS, { 0 } };
	CLEANUP(json_decrefp) json_t *reply = NULL;
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
		status = ctl_option(ctl, option);
	if (status >= 0)
		return status;
	status = ctl_no_more(argc, argv);
	return status == CTL_OK ? client_call(ctl, "Reload", NULL, &reply) : status;
}
