/* SPDX-License-Identifier: BSD-3-Clause */
/* help -- vmmallocctl help: what --help of a command prints. */
#include "vmmallocd/ctl/usage.h"

static int ctl_help(struct ctl *ctl, int argc, char **argv)
{
	int status;

	(void)ctl_next_option(ctl, argc, argv, &status);
	if (status >= 0)
		return status;
	ctl->command = optind < argc ? ctl_find_command(ctl, argv[optind++]) : ctl->whole;
	if (!ctl->command)
		return CTL_USAGE;
	status = ctl_no_more(argc, argv);
	return status == CTL_OK ? usage_print(ctl) : status;
}

static const struct command_example help_examples[] = {
	{ "what there is to ask of list", "help list" },
	{ 0 },
};

const struct command help_command = {
	.name = "help",
	.function = ctl_help,
	.synopsis = "[COMMAND]",
	.summary = "tell of a command's options, with examples",
	.text = "Tell of a command's options, with examples; without one, which commands there are.",
	.examples = help_examples,
};
