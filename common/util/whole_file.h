/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * whole_file -- a file that is read as a whole, and written so that a reader sees the old or the new one.
 *
 * All functions block, and may be called from any thread.
 */
#ifndef COMMON_UTIL_WHOLE_FILE_H
#define COMMON_UTIL_WHOLE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "common/base/text.h"

/*
 * Atomic and durable: the file is written beside itself, synced, renamed, and the directory is synced. 0 or -errno
 * (-ENOSPC ...), and then the old file is as it was and nothing is left beside it; but if only the sync of the
 * directory failed, the new file is in place. One call at a time for each path: what a crash left of an earlier one, at
 * `path` with ".tmp" behind it, is removed.
 */
int whole_file_write(const char *path, mode_t mode, const char *text, size_t bytes);

/*
 * *ret_text is malloc'ed. 0; -ENOENT; -EBADMSG with `error`: it is no regular file, or of more than `most` bytes;
 * -errno.
 */
int whole_file_read(const char *path, size_t most, char **ret_text, size_t *ret_bytes, struct text *error);

#endif
