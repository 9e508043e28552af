/* SPDX-License-Identifier: BSD-3-Clause */
/* standard_fds -- a program that was started without a standard descriptor (`2>&-`). */
#ifndef COMMON_UTIL_STANDARD_FDS_H
#define COMMON_UTIL_STANDARD_FDS_H

/*
 * Without descriptor 0, 1 or 2 the first file or socket of ours would get that number, and what is printed would go
 * into it. Reading from /dev/null here, and writing to it, fail as they did. 0 or -errno.
 */
int standard_fds_open(void);

#endif
