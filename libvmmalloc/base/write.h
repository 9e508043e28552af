/* SPDX-License-Identifier: BSD-3-Clause */
/* write -- all of some bytes, to a descriptor. Async-signal-safe. */
#ifndef LIBVMMALLOC_BASE_WRITE_H
#define LIBVMMALLOC_BASE_WRITE_H

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

#include "libvmmalloc/base/kernel.h"

#define WRITE_IN_ORDER ((off_t)-1)  /* in place of an offset: the next bytes of the descriptor */

/* Goes on after signals and short writes. 0 or -errno; what was written before stays. */
static inline int write_all(int fd, const char *data, size_t bytes, off_t offset)
{
	while (bytes > 0) {
		ssize_t n = offset == WRITE_IN_ORDER ? kernel_write(fd, data, bytes)
						   : kernel_pwrite(fd, data, bytes, offset);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		data += n;
		bytes -= (size_t)n;
		if (offset != WRITE_IN_ORDER)
			offset += n;
	}
	return 0;
}

#endif
