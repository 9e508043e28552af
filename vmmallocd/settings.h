/* SPDX-License-Identifier: BSD-3-Clause */
/* settings -- the configuration that is in use, and whether it is what the files say. */
#ifndef VMMALLOCD_SETTINGS_H
#define VMMALLOCD_SETTINGS_H

#include <stdbool.h>

#include "vmmallocd/base/log.h"
#include "vmmallocd/config/config.h"
#include "vmmallocd/daemon.h"

struct settings {
	struct config config;
	char problem[LOG_LINE_BYTES];    /* why it is not what the files say; "": it is */
	/* the module's own */
	const struct daemon_options *options;
	struct log *log;
	char *first_runtime_dir, *first_state_dir;   /* of the configuration at the start: those in use */
};

/*
 * Reads the files at the start, and logs all mistakes. `is_service`: a service manager has started the daemon.
 * `options` and `log`, which gets its level, must last as long as the settings. 0; -EINVAL: do not start; -ENOMEM.
 */
int settings_read(struct settings *settings, const struct daemon_options *options, struct log *log, bool is_service);

/* Takes over what was read again, and has no mistakes. Returns what was in use, for the caller to config_done. */
struct config settings_replace(struct settings *settings, struct config *config);

/* What was read again has mistakes, and is freed. They stay to be seen in `problem`; `error` gets them in one line. */
void settings_refuse(struct settings *settings, struct config *config, struct text *error);

void settings_done(struct settings *settings);

#endif
