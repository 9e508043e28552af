/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * file_layout -- whether a file on DAX can be mapped with 2 MiB pages.
 *
 * A huge page needs 2 MiB of the file that lie together on the device, on a 2 MiB boundary of it. So each extent must
 * lie on the device as it lies in the file, modulo 2 MiB, and where one ends within a huge page the next must go on at
 * the same place.
 */
#ifndef COMMON_UTIL_FILE_LAYOUT_H
#define COMMON_UTIL_FILE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Looks at all of a file's extents in its first `size` bytes, which are whole huge pages, on a device that begins at a
 * multiple of 2 MiB. 0; or -errno: the file system does not say.
 */
int file_layout_check(int fd, uint64_t size, bool *ret_good);

/* Where the file system's partition begins on its device, in bytes; 0 for a whole device. */
uint64_t file_layout_partition(dev_t dev);

/* The mkfs command that lets most files lie well, for a file system of that statfs(2) type; NULL: none is known. */
const char *file_layout_mkfs(long type);

#endif
