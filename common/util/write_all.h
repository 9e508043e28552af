/* SPDX-License-Identifier: BSD-3-Clause */
/* write_all -- all of some bytes into a file, however few of them the kernel takes at a time. */
#ifndef COMMON_UTIL_WRITE_ALL_H
#define COMMON_UTIL_WRITE_ALL_H

#include <stddef.h>
#include <sys/types.h>

/* At that place of the file, whose own offset stays where it is. 0 or -errno; -EIO: the kernel takes no more bytes. */
int write_all(int fd, const void *data, size_t bytes, off_t offset);

#endif
