/* SPDX-License-Identifier: BSD-3-Clause */
/* watch -- see watch.h. */
#include "vmmallocd/ctl/watch.h"

#include <unistd.h>

#include "vmmallocd/ctl/argument.h"

#define INTERVAL_USUAL 2
#define INTERVAL_MOST 3600

enum { WATCH_INTERVAL = COMMAND_OPTION_OWN };

static const struct command_option watch_options[] = {
	{ "json", 'J', NULL, "as JSON, an object for each change, also on a terminal" },
	{ "interval", WATCH_INTERVAL, "SECONDS", "how often a terminal is drawn anew: 2" },
	{ 0 },
};

static int ctl_watch(struct ctl *ctl, int argc, char **argv)
{
	long long interval_s = INTERVAL_USUAL;
	bool json = false;
	int option, status;

	while ((option = ctl_next_option(ctl, argc, argv, &status)) != 0) {
		if (option == 'J')
			json = true;
		else if ((status = argument_number("--interval", optarg, 1, INTERVAL_MOST, &interval_s)) >= 0)
			return status;
	}
	if (status >= 0 || (status = ctl_no_more(argc, argv)) != CTL_OK)
		return status;
	/* keys are read from the one, and drawn is on the other */
	if (!json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		return watch_screen(ctl, (unsigned)interval_s);
	return watch_lines(ctl, json);
}

static const struct command_example watch_examples[] = {
	{ "on a terminal, until q", "watch --interval 5" },
	{ "in a pipe: a line for each change of a class", "watch | tee changes" },
	{ "for a program to read", "watch --json" },
	{ 0 },
};

const struct command watch_command = {
	.name = "watch",
	.function = ctl_watch,
	.summary = "watch classes, directories and the biggest pools",
	.text = "On a terminal: classes, how much space their directories have, and the biggest pools and how fast they"
		" grow, drawn anew in their place; q ends it. Else a line for each class, and one whenever it"
		" changes.",
	.options = watch_options,
	.examples = watch_examples,
};
