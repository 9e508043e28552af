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

static const struct command_option prune_options[] = {
	{ "dry-run", COMMAND_OPTION_OWN, NULL, "only say which" },
	{ 0 },
};

static int ctl_prune(struct ctl *ctl, int argc, char **argv)
{
	static const struct table_style style = { .kind = &pool_table, .columns = "CLASS,ID,STATE,SIZE,PATH" };
	bool dry_run = false;
	CLEANUP(json_decrefp) json_t *reply = NULL;
	json_t *pools;
	int status;

	while (ctl_next_option(ctl, argc, argv, &status) != 0)
		dry_run = true;
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

static int ctl_reload(struct ctl *ctl, int argc, char **argv)
{
	CLEANUP(json_decrefp) json_t *reply = NULL;
	int status = ctl_no_options(ctl, argc, argv);

	return status < 0 ? client_call(ctl, "Reload", NULL, &reply) : status;
}

static const struct command_example prune_examples[] = {
	{ "what would be removed", "prune --dry-run" },
	{ "remove it", "prune" },
	{ 0 },
};

const struct command prune_command = {
	.name = "prune",
	.function = ctl_prune,
	.summary = "remove pools that no class needs",
	.text = "Remove pools that no class needs: of classes that are no longer configured, ready ones beyond what the"
		" class wants, and failed or quarantined ones. Nobody's pool is taken away.",
	.options = prune_options,
	.examples = prune_examples,
};

static const struct command_example reload_examples[] = {
	{ "after a change: what is wrong with it, and then use it", "reload" },
	{ 0 },
};

const struct command reload_command = {
	.name = "reload",
	.function = ctl_reload,
	.summary = "let the daemon read its configuration again",
	.text = "Let the daemon read its configuration again. If a line is wrong, it is named, and nothing changes.",
	.examples = reload_examples,
};
