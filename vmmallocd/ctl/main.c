/* SPDX-License-Identifier: BSD-3-Clause */
/* main -- vmmallocctl: finds the command. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/environment.h"
#include "common/util/runtime_dir.h"
#include "vmmallocd/ctl/ctl.h"

static struct command {
	char name[32];   /* as getopt_long complains */
	int (*function)(struct ctl *ctl, int argc, char **argv);
} commands[] = {
	{ "vmmallocctl run", ctl_run },
	{ "vmmallocctl list", ctl_list },
	{ "vmmallocctl ps", ctl_ps },
	{ "vmmallocctl status", ctl_status },
	{ "vmmallocctl prune", ctl_prune },
	{ "vmmallocctl reload", ctl_reload },
};

static int set_default_runtime_dir(struct ctl *ctl)
{
	const char *named = getenv(ENVIRONMENT_RUNTIME_DIR);

	if (named)
		return ctl_set_runtime_dir(ctl, named, ENVIRONMENT_RUNTIME_DIR);
	runtime_dir_of_client(geteuid(), getenv("XDG_RUNTIME_DIR"), ctl->runtime_dir, sizeof(ctl->runtime_dir));
	return -1;
}

static int run_command(struct ctl *ctl, int argc, char **argv)
{
	const char *name = argv[0];

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(strchr(commands[i].name, ' ') + 1, name) != 0)
			continue;
		argv[0] = commands[i].name;
		optind = 0;   /* another vector of arguments: glibc starts anew */
		return commands[i].function(ctl, argc, argv);
	}
	ctl_complain("unknown command '%s'; try vmmallocctl --help", name);
	return CTL_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { CTL_OPTIONS, { 0 } };
	static char name[] = "vmmallocctl";
	struct ctl ctl;
	int option, status;

	setlocale(LC_ALL, "");
	if (argc > 0)
		argv[0] = name;
	status = set_default_runtime_dir(&ctl);
	while (status < 0 && (option = getopt_long(argc, argv, "+", options, NULL)) != -1)
		status = ctl_option(&ctl, option);
	if (status < 0 && optind >= argc) {
		ctl_complain("a command is missing; try vmmallocctl --help");
		status = CTL_USAGE;
	}
	if (status < 0)
		status = run_command(&ctl, argc - optind, argv + optind);
	/* what was asked for is not done if it cannot be written */
	if (fflush(stdout) != 0 && status == CTL_OK) {
		ctl_complain("standard output: %s", strerrordesc_np(errno));
		status = CTL_FAILED;
	}
	return status;
}
