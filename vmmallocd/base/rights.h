/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rights -- descriptors that strangers send along (SCM_RIGHTS), of which none is wanted.
 *
 * The last close of such a descriptor is done by whoever receives it and throws it away, or closes a socket in which it
 * waits. It may take as long as the descriptor's owner likes: a TCP socket with SO_LINGER and data that nobody reads.
 * Linux 6.16 and later refuse them to the sender. On older kernels a call that may be such a close is made between
 * rights_begin and rights_end, and is cut short.
 */
#ifndef VMMALLOCD_BASE_RIGHTS_H
#define VMMALLOCD_BASE_RIGHTS_H

#include <stdbool.h>

#include "vmmallocd/base/ticker.h"

struct rights {
	struct ticker ticker;
	bool ticking;
};

/* For a listening AF_UNIX socket: connections inherit it. False: this kernel cannot. */
bool rights_refuse(int listening_fd);

/* `refused`: what rights_refuse said; then there is nothing to do. No call in between is restarted after a signal. */
void rights_begin(struct rights *rights, bool refused);
void rights_end(struct rights *rights);

/* close(2) of a connection, or of a listening socket with connections in its queue, between the two. */
void rights_close(int fd, bool refused);

#endif
