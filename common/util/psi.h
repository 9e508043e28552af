/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * psi -- memory pressure: for how much of the last ten seconds some task waited for memory, as the kernel measures it
 * (PSI, Documentation/accounting/psi.rst). Of the machine, and of each control group of version 2.
 */
#ifndef COMMON_UTIL_PSI_H
#define COMMON_UTIL_PSI_H

#include <limits.h>
#include <stdbool.h>

#define PSI_MEMORY_FILE "/proc/pressure/memory"
#define PSI_WHOLE 10000    /* all of the time: shares are hundredths of a percent, as the kernel prints them */

/* `some avg10` of such a file, which may be any that somebody has named. 0 or -errno; -EBADMSG: it is no such file. */
int psi_read(const char *path, unsigned *ret_share);

/* The file of this process's control group. False: there is none, or none is to be seen. */
bool psi_find_own_group(char path[PATH_MAX]);

#endif
