/* SPDX-License-Identifier: BSD-3-Clause */
/* main -- vmmallocctl: finds the command. */
#include <errno.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/environment.h"
#include "common/util/runtime_dir.h"
#include "common/util/standard_fds.h"
#include "vmmallocd/ctl/ctl.h"

/* In the order in which help lists them. */
static const struct command *const commands[] = {
	&run_command,
	&list_command,
	&ps_command,
	&status_command,
	&metrics_command,
	&prune_command,
	&reload_command,
	&events_command,
	&wait_command,
	&watch_command,
	&drain_command,
	&disable_command,
	&enable_command,
	&resize_command,
	&top_up_command,
	&create_command,
	&destroy_command,
	&revoke_command,
	&doctor_command,
	&help_command,
	&complete_command,
	NULL,
};

static const struct command whole = {
	.name = "vmmallocctl",
	.summary = "Run programs with their heap on a memory-mapped pool, and see what vmmallocd does.",
	.keeps_words = true,
};

static int set_default_runtime_dir(struct ctl *ctl)
{
	const char *named = getenv(ENVIRONMENT_RUNTIME_DIR);

	if (named)
		return ctl_set_runtime_dir(ctl, named, ENVIRONMENT_RUNTIME_DIR);
	runtime_dir_of_client(geteuid(), getenv("XDG_RUNTIME_DIR"), ctl->runtime_dir, sizeof(ctl->runtime_dir));
	return -1;
}

static int run_named(struct ctl *ctl, int argc, char **argv)
{
	ctl->command = ctl_find_command(ctl, argv[0]);
	if (!ctl->command)
		return CTL_USAGE;
	optind = 0;   /* another vector of arguments: glibc starts anew */
	return ctl->command->function(ctl, argc, argv);
}

/* What was asked for is not done if it cannot be written. */
static int finish_output(int status)
{
	bool is_lost = ferror(stdout);  /* before, when the buffer was full: nobody knows errno any more */

	errno = 0;
	if ((fflush(stdout) == 0 && !is_lost) || status != CTL_OK)
		return status;
	ctl_complain("standard output: %s", errno ? strerrordesc_np(errno) : "not all of it could be written");
	return CTL_FAILED;
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .commands = commands, .whole = &whole, .command = &whole, .patience_ms = CTL_PATIENCE_MS };
	int status;

	if (standard_fds_open() < 0)
		return CTL_FAILED;
	setlocale(LC_ALL, "");
	status = set_default_runtime_dir(&ctl);
	if (status < 0)
		(void)ctl_next_option(&ctl, argc, argv, &status);
	if (status < 0 && optind >= argc) {
		ctl_complain("a command is missing; try vmmallocctl --help");
		status = CTL_USAGE;
	}
	if (status < 0)
		status = run_named(&ctl, argc - optind, argv + optind);
	return finish_output(status);
}
