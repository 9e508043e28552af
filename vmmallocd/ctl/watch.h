/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch -- vmmallocctl watch: what of the daemon changes, as long as somebody looks.
 *
 *     watch.c --> watch_screen.c --> watch_figures.c, space.c     a terminal: drawn again in its place (ncurses)
 *            \--> watch_lines.c --> follow.c                      anything else: a line for each change
 */
#ifndef VMMALLOCD_CTL_WATCH_H
#define VMMALLOCD_CTL_WATCH_H

#include "vmmallocd/ctl/ctl.h"

/* Both return an exit status. The terminal is as it was in any case, but for SIGKILL. */
int watch_screen(struct ctl *ctl, unsigned interval_s);
int watch_lines(const struct ctl *ctl, bool json);

#endif
