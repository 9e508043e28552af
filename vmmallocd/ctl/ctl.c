/* SPDX-License-Identifier: BSD-3-Clause */
/* ctl -- see ctl.h. */
#include "vmmallocd/ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "include/libvmmalloc.h"

static const char help_text[] =
	"Usage: vmmallocctl [OPTION...] COMMAND\n"
	"\n"
	"Run programs with their heap on a memory-mapped pool, and see what vmmallocd does.\n"
	"\n"
	"Commands:\n"
	"  run -- PROGRAM [ARGUMENT...]   run a program on a pool\n"
	"      --class NAME               a ready one of this class, from the daemon\n"
	"      --dir DIR --size SIZE      one of its own; with --class: if none is ready\n"
	"      --class A,B  --dir A:B --size X:Y  one heap on several kinds of memory\n"
	"      --place HOW                fill, large:BYTES or ratio:N:M: where what is put in it\n"
	"      --fork MODE                auto, 0, 1, 2 or 3: what becomes of the heap at a fork\n"
	"      --children WHAT            inherit, off or a size: what programs it starts get\n"
	"      --on-full WHAT             fail, dram or grow: what becomes of a request that the pool has no room for\n"
	"      --max-size SIZE            of all pools of a program that grows\n"
	"      --on-fail WHAT             exit or dram: what becomes of a program without a pool\n"
	"      --wait[=SECONDS]           wait for a pool of the daemon's\n"
	"      --verbose                  say what is set\n"
	"  list                           list the daemon's pools\n"
	"      -J, --json                 as JSON\n"
	"      -o, --output COLUMNS       these columns: CLASS,ID,STATE,SIZE,USED,PEAK,PID,UID,USER,COMMAND,AGE,PATH\n"
	"      -n, --no-headings          no line of headings\n"
	"      -b, --bytes                sizes in bytes\n"
	"  ps [PID...]                    list the processes on pools; no daemon is needed\n"
	"      -J, --json                 as JSON\n"
	"      -o, --output COLUMNS       these columns: PID,UID,USER,COMMAND,HOLD,OWNER,POOLS,CLASS,SIZE,USED,PEAK,\n"
	"                                 MODE,FORKS,OUTSIDE,PRIVATE,DIRECTORY\n"
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

int ctl_set_runtime_dir(struct ctl *ctl, const char *path, const char *source)
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
		return ctl_set_runtime_dir(ctl, optarg, "--runtime-dir");
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
