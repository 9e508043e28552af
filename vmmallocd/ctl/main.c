/* SPDX-License-Identifier: BSD-3-Clause */
/* main -- vmmallocctl: finds the command, and has what all of them share. */
#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/environment.h"
#include "common/util/runtime_dir.h"
#include "include/libvmmalloc.h"
#include "vmmallocd/ctl/ctl.h"

static const char help_text[] =
	"Usage: vmmallocctl [OPTION...] COMMAND\n"
	"\n"
	"Run programs with their heap on a memory-mapped pool, and see what vmmallocd does.\n"
	"\n"
	"Commands:\n"
	"  run -- PROGRAM [ARGUMENT...]   run a program on a pool\n"
	"      --class NAME               a ready one of this class, from the daemon\n"
	"      --dir DIR --size SIZE      one of its own; with --class: if none is ready\n"
	"      --fork MODE                auto, 0, 1, 2 or 3: what becomes of the heap at a fork\n"
	"      --children WHAT            inherit, off or a size: what programs it starts get\n"
	"      --verbose                  say what is set\n"
	"  list                           list the daemon's pools\n"
	"      -J, --json                 as JSON\n"
	"      -o, --output COLUMNS       these columns: CLASS,ID,STATE,SIZE,USED,PEAK,PID,UID,USER,COMMAND,AGE,PATH\n"
	"      -n, --no-headings          no line of headings\n"
	"      -b, --bytes                sizes in bytes\n"
	"  status [PID|POOL]              the daemon and its classes; or pools by owner, id or path\n"
	"      -J, --json                 as JSON\n"
	"  prune                          remove pools that no class needs\n"
	"      --dry-run                  only say which\n"
	"  reload                         let the daemon read its configuration again\n"
	"\n"
	"Options:\n"
	"      --runtime-dir DIR          where the daemon's sockets are\n"
	"      --help, --version\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage, 3 no daemon answers, 4 no such thing.\n";

static struct command {
	char name[32];   /* as getopt_long complains */
	int (*function)(struct ctl *ctl, int argc, char **argv);
} commands[] = {
	{ "vmmallocctl run", ctl_run },
	{ "vmmallocctl list", ctl_list },
	{ "vmmallocctl status", ctl_status },
	{ "vmmallocctl prune", ctl_prune },
	{ "vmmallocctl reload", ctl_reload },
};

void ctl_complain(const char *format, ...)
{
	va_list args;

	fputs("vmmallocctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int ctl_no_more(int argc, char **argv)
{
	if (optind == argc)
		return CTL_OK;
	ctl_complain("unexpected argument '%s'", argv[optind]);
	return CTL_USAGE;
}

static int set_runtime_dir(struct ctl *ctl, const char *path, const char *source)
{
	if (strlen(path) >= sizeof(ctl->runtime_dir) || path[0] == '\0') {
		ctl_complain("%s (%s): expected a directory", source, path);
		return CTL_USAGE;
	}
	strcpy(ctl->runtime_dir, path);
	return -1;
}

int ctl_option(struct ctl *ctl, int option)
{
	switch (option) {
	case CTL_OPTION_RUNTIME_DIR:
		return set_runtime_dir(ctl, optarg, "--runtime-dir");
	case CTL_OPTION_HELP:
		fputs(help_text, stdout);
		return CTL_OK;
	case CTL_OPTION_VERSION:
		puts("vmmallocctl " VMMALLOC_VERSION);
		return CTL_OK;
	default:
		return CTL_USAGE;   /* getopt_long has said what is wrong */
	}
}

static int set_default_runtime_dir(struct ctl *ctl)
{
	const char *named = getenv(ENVIRONMENT_RUNTIME_DIR);

	if (named)
		return set_runtime_dir(ctl, named, ENVIRONMENT_RUNTIME_DIR);
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
