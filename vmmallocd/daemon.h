/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * daemon -- owns everything: the loop, the settings, the pools, the two sockets, the registry's file, and the words to
 * the service manager. It starts and ends them in good order.
 *
 *     pool.sock ----> handout_server --> pools <-- watch (inotify), jobs and directory (threads)
 *     control.sock -> control ---------> pools, registry
 *                                        registry --> saver --> registry.json
 *     SIGHUP, control -> settings <----> reload (a thread reads the configuration)
 */
#ifndef VMMALLOCD_DAEMON_H
#define VMMALLOCD_DAEMON_H

#include <stdbool.h>

#include "vmmallocd/config/config.h"

/* What the command line says; the configuration does not change it. NULL or 0: nothing. */
struct daemon_options {
	const char *config_file;         /* never NULL */
	const char *runtime_dir;
	const char *state_dir;
	bool is_users;                   /* a user's own daemon, be the user root: its directories are that user's */
	enum config_log_level log_level;
};

/* Runs until SIGTERM or SIGINT. The exit status: 0, or 1 after a line on standard error. */
int daemon_run(const struct daemon_options *options);

#endif
