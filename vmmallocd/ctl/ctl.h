/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ctl -- vmmallocctl: what its commands share. vmmallocctl(1) describes them.
 *
 *     main.c --> run.c --> preload.c, run_daemon.c               a program's environment; no daemon is needed
 *            |-> ps.c --> scan.c --> holdings.c --> proc_text.c    the processes on pools, from /proc; none either
 *            |     \--> process_shape.c, process_table.c
 *            |-> doctor.c --> doctor_known.c, ../doctor/         what is in the way; itself as other processes
 *            |-> help.c                                          what --help prints
 *            |-> events.c, wait.c --> follow.c, event_line.c     the daemon's events, also those of the next daemon
 *            |-> watch.c --> watch_screen.c, watch_lines.c       what changes: watch.h
 *            |-> revoke.c --> holders.c --> scan.c                who has a pool is ended
 *            \-> list.c, change.c, orders.c, status.c --> status_pool.c --> status_find.c, status_holders.c
 *                  |--> client.c                                 a call on the daemon's control socket
 *                  |--> pool_match.c, removal.c, progress.c      which pool is meant; pools removed; a terminal's line
 *                  \--> pool_table.c, pairs.c --> format.c       standard output: pools, or facts;
 *                       field.c, shape.c                         what is in a reply; and it as JSON
 *     metrics.c --> exporter.c --> accept.c                      figures for monitoring; served by HTTP
 *            \--> families.c --> exposition.c                    which there are, and how they are written
 *     command.h --> option.c --> usage.c, argument.c             a command's description, by which its options are
 *                                                                read and its help is printed
 *     table.c --> table_sort.c, column.c; filter.c               a table of any kind, and its options
 *
 * A client of the daemon: it knows org.vmmalloc.varlink and nothing else of it. Commands print their own complaints,
 * one line each (ctl.c), and return an exit status.
 */
#ifndef VMMALLOCD_CTL_CTL_H
#define VMMALLOCD_CTL_CTL_H

#include <getopt.h>   /* optind and optarg */
#include <stdint.h>

#include "vmmallocd/ctl/command.h"

#define CTL_PATH_BYTES 4096
#define CTL_PATIENCE_MS 10000

enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_UNREACHABLE = 3,     /* no daemon answers */
	CTL_NO_SUCH = 4,
	CTL_CANNOT_RUN = 126,    /* as env(1) */
	CTL_NOT_FOUND = 127,
};

struct ctl {
	const struct command *const *commands;   /* all, and then NULL */
	const struct command *whole;             /* vmmallocctl itself: it has no function */
	const struct command *command;           /* the one that runs */
	char runtime_dir[CTL_PATH_BYTES];
	bool is_runtime_dir_given;               /* not just where a daemon usually is */
	int patience_ms;                         /* the most that a call to the daemon takes */
	int64_t deadline_ms;                     /* of the command, by steady_clock.h; 0: none. A call has a second */
};

/*
 * The next option of ctl->command: its value, and its argument in optarg. What every command takes is dealt with here.
 * 0: there is none left, and *ret_status is -1, go on at argv[optind]; or the exit status to end with.
 */
int ctl_next_option(struct ctl *ctl, int argc, char **argv, int *ret_status);
/* Of a command that has no options of its own, nor other words. -1: go on; else the exit status to end with. */
int ctl_no_options(struct ctl *ctl, int argc, char **argv);
/* Takes the directory that `source` names. Returns -1; or complains of it, and returns CTL_USAGE. */
int ctl_set_runtime_dir(struct ctl *ctl, const char *path, const char *source);

/* "vmmallocctl: ...", a line on standard error. */
void ctl_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Complains that words are left over, and returns CTL_USAGE; or returns CTL_OK if none are. */
int ctl_no_more(int argc, char **argv);

/* NULL: there is no such command, which was complained of. */
const struct command *ctl_find_command(const struct ctl *ctl, const char *name);

extern const struct command run_command, list_command, ps_command, status_command, metrics_command, prune_command,
	reload_command, drain_command, enable_command, disable_command, resize_command, top_up_command, create_command,
	destroy_command, revoke_command, events_command, wait_command, watch_command, doctor_command,
	help_command, complete_command;

#endif
