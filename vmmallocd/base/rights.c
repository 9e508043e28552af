/* SPDX-License-Identifier: BSD-3-Clause */
/* rights -- see rights.h. */
#include "vmmallocd/base/rights.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

#define TICK_MS 1    /* a close that lingers ends so soon */

bool rights_refuse(int listening_fd)
{
	const int off = 0;

	return setsockopt(listening_fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off)) == 0;
}

void rights_begin(struct rights *rights, bool refused)
{
	rights->ticking = !refused && ticker_start(&rights->ticker, TICK_MS) == 0;
}

void rights_end(struct rights *rights)
{
	int saved_errno = errno;

	if (rights->ticking)
		ticker_stop(&rights->ticker);
	errno = saved_errno;
}

void rights_close(int fd, bool refused)
{
	struct rights rights;

	rights_begin(&rights, refused);
	close(fd);
	rights_end(&rights);
}
