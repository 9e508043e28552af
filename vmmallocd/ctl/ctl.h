/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ctl -- vmmallocctl: what its commands share. vmmallocctl(1) describes them.
 *
 *     main.c --> run.c --> preload.c                             a program's environment; no daemon is needed
 *            |-> ps.c --> scan.c --> holdings.c --> proc_text.c    the processes on pools, from /proc; none either
 *            |     \--> process_shape.c, process_table.c
 *            \-> list.c, status.c --> status_pool.c, change.c
 *                  |--> client.c                                 a call on the daemon's control socket
 *                  \--> pool_table.c, pairs.c --> format.c       standard output: pools, or facts;
 *                       field.c, shape.c                         what is in a reply; and it as JSON
 *     table.c                                                    a table of any kind, and its options
 *
 * A client of the daemon: it knows org.vmmalloc.varlink and nothing else of it. Commands print their own complaints,
 * one line each (ctl.c), and return an exit status.
 */
#ifndef VMMALLOCD_CTL_CTL_H
#define VMMALLOCD_CTL_CTL_H

#include <getopt.h>

#define CTL_PATH_BYTES 4096

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
	char runtime_dir[CTL_PATH_BYTES];
};

/* Options that every command takes. */
enum { CTL_OPTION_RUNTIME_DIR = 0x100, CTL_OPTION_HELP, CTL_OPTION_VERSION, CTL_OPTION_OWN };
#define CTL_OPTIONS                                                                                                    \
	{ "runtime-dir", required_argument, NULL, CTL_OPTION_RUNTIME_DIR },                                            \
	{ "help", no_argument, NULL, CTL_OPTION_HELP }, { "version", no_argument, NULL, CTL_OPTION_VERSION }

/*
 * Handles one of these, or what getopt_long did not know. Returns -1: go on; else the exit status to end with.
 */
int ctl_option(struct ctl *ctl, int option);
/* Takes the directory that `source` names. Returns -1; or complains of it, and returns CTL_USAGE. */
int ctl_set_runtime_dir(struct ctl *ctl, const char *path, const char *source);

/* "vmmallocctl: ...", a line on standard error. */
void ctl_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Complains that words are left over, and returns CTL_USAGE; or returns CTL_OK if none are. */
int ctl_no_more(int argc, char **argv);

/* Each gets its own name as argv[0]. */
int ctl_run(struct ctl *ctl, int argc, char **argv);
int ctl_list(struct ctl *ctl, int argc, char **argv);
int ctl_ps(struct ctl *ctl, int argc, char **argv);
int ctl_status(struct ctl *ctl, int argc, char **argv);
int ctl_prune(struct ctl *ctl, int argc, char **argv);
int ctl_reload(struct ctl *ctl, int argc, char **argv);

#endif
