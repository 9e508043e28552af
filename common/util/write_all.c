/* SPDX-License-Identifier: BSD-3-Clause */
/* write_all -- see write_all.h. */
#include "common/util/write_all.h"

#include <errno.h>
#include <unistd.h>

int write_all(int fd, const void *data, size_t bytes, off_t offset)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t n = pwrite(fd, (const char *)data + done, bytes - done, offset + (off_t)done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EIO;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}
