/* SPDX-License-Identifier: BSD-3-Clause */
/* ctl -- see ctl.h. */
#include "vmmallocd/ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/util/suggest.h"
#include "vmmallocd/ctl/progress.h"

const struct command_option command_common_options[] = {
	{ "runtime-dir", COMMAND_OPTION_RUNTIME_DIR, "DIR", "the directory of the daemon's sockets" },
	{ "help", 'h', NULL, "what there is, and how to use it" },
	{ "version", 'V', NULL, "the version" },
	{ 0 },
};

void ctl_complain(const char *format, ...)
{
	va_list args;

	progress_clear();
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
	ctl_complain("%s: unexpected argument '%s'; try vmmallocctl %s --help", argv[0], argv[optind], argv[0]);
	return CTL_USAGE;
}

int ctl_set_runtime_dir(struct ctl *ctl, const char *path, const char *source)
{
	if (strlen(path) >= sizeof(ctl->runtime_dir) || path[0] == '\0') {
		ctl_complain("%s (%s): expected a directory", source, path);
		return CTL_USAGE;
	}
	strcpy(ctl->runtime_dir, path);
	ctl->is_runtime_dir_given = true;
	return -1;
}

const struct command *ctl_find_command(const struct ctl *ctl, const char *name)
{
	struct suggest suggest = { .word = name };
	char hint[SUGGEST_BYTES];

	for (const struct command *const *command = ctl->commands; *command; command++) {
		if (strcmp((*command)->name, name) == 0)
			return *command;
		suggest_offer(&suggest, (*command)->name);
	}
	suggest_say(&suggest, hint);
	ctl_complain("unknown command '%s'%s", name, *hint ? hint : "; try vmmallocctl --help");
	return NULL;
}
