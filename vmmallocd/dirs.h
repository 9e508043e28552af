/* SPDX-License-Identifier: BSD-3-Clause */
/* dirs -- the daemon's two directories: that of the sockets, and that of the registry. */
#ifndef VMMALLOCD_DIRS_H
#define VMMALLOCD_DIRS_H

#include <limits.h>

#include "vmmallocd/base/log.h"
#include "vmmallocd/config/config.h"
#include "vmmallocd/daemon.h"

struct dirs {
	char runtime_dir[PATH_MAX], state_dir[PATH_MAX];
	int lock_fd;                     /* sockets.h: that the runtime directory is ours */
};

/*
 * The configuration of a user's own daemon: $XDG_CONFIG_HOME/vmmalloc/vmmallocd.conf, or that in ~/.config. 0; -ENXIO:
 * neither that variable nor HOME is an absolute path; -ENAMETOOLONG.
 */
int dirs_find_user_config(char path[PATH_MAX]);

/*
 * Takes those of the command line, of the configuration, or the default for this user; makes them, and locks the
 * runtime directory. 0; or -errno, which is logged.
 */
int dirs_open(struct dirs *dirs, const struct daemon_options *options, const struct config *config, struct log *log);
void dirs_close(struct dirs *dirs);

#endif
