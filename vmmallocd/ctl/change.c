/* SPDX-License-Identifier: BSD-3-Clause */
/* change -- vmmallocctl prune and vmmallocctl reload: what root and the daemon's own user may do. */
#include <stdbool.h>

#include "common/util/cleanup.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/removal.h"

static const struct command_option prune_options[] = {
	{ "dry-run", COMMAND_OPTION_OWN, NULL, "only say which" },
	{ 0 },
};

static int ctl_prune(struct ctl *ctl, int argc, char **argv)
{
	bool dry_run = false;
	int status;

	while (ctl_next_option(ctl, argc, argv, &status) != 0)
		dry_run = true;
	if (status < 0 && (status = ctl_no_more(argc, argv)) == CTL_OK)
		status = removal_call(ctl, "Prune", json_pack("{s:b}", "dry_run", dry_run),
				      dry_run ? "pools that would be removed" : "pools removed");
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
