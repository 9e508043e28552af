/* SPDX-License-Identifier: BSD-3-Clause */
/* absolute_path -- a path that means the same wherever it is used, in this process or in one that it starts. */
#ifndef COMMON_UTIL_ABSOLUTE_PATH_H
#define COMMON_UTIL_ABSOLUTE_PATH_H

#include <stddef.h>

/*
 * `path` as it is if it is absolute, else behind the working directory; links and ".." stay as they are. 0;
 * -ENAMETOOLONG; -ENOENT: the working directory has no path; -errno.
 */
int absolute_path(const char *path, char *ret_path, size_t bytes);

#endif
