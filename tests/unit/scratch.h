/* SPDX-License-Identifier: BSD-3-Clause */
/* scratch -- directories, small file systems and a look at our own process, for the unit tests. */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

#define SCRATCH_PATH 256
#define DISK "/var/tmp"  /* a directory on a disk, where /tmp may be in memory (file-hierarchy(7)) */

/* Makes an empty directory in `parent`. */
void scratch_make(const char *parent, char path[SCRATCH_PATH]);

/* Removes a directory, the files in it, and what is mounted on it. */
void scratch_remove(const char *path);

/*
 * Mounts a tmpfs of so many bytes on a directory; it is seen by this process only and ends with it at the latest.
 * False, with a message, if this process may not do that.
 */
bool scratch_mount(const char *path, size_t bytes);

/* How many names there are in a directory; "/proc/self/fd" counts our descriptors. */
size_t scratch_entries(const char *path);

/* Whether a line of /proc/self/maps has `words` in it. */
bool scratch_maps_have(const char *words);

/* Bytes that the file system has allocated for a file. */
size_t scratch_allocated(int fd);

/* Whether the byte at `address` can be read. */
bool scratch_readable(const void *address);

#endif
