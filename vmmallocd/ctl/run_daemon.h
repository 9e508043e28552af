/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run_daemon -- which daemon a program asks that vmmallocctl run starts: the one that --runtime-dir or a variable of
 * the environment names, and no other; else the user's own, and then the system's. The library asks them:
 * handout_client.h.
 */
#ifndef VMMALLOCD_CTL_RUN_DAEMON_H
#define VMMALLOCD_CTL_RUN_DAEMON_H

#include <limits.h>
#include <stdbool.h>

#include "vmmallocd/ctl/ctl.h"

/*
 * What VMMALLOC_SOCKET is to be; "": as it is. Where no class is named, which only a daemon has, that is so unless
 * there is one. 0; or -errno, which was complained of.
 */
int run_daemon_socket(const struct ctl *ctl, bool has_class, char ret_value[PATH_MAX]);

/*
 * Whether a daemon has the classes, of which there are so many, with commas between them. CTL_OK also if that cannot be
 * said; else CTL_NO_SUCH, and a complaint.
 */
int run_daemon_check_classes(const struct ctl *ctl, const char *classes);

#endif
