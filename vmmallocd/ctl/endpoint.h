/* SPDX-License-Identifier: BSD-3-Clause */
/* endpoint -- a listening socket for a stream, by words: an address and a port, or a path. */
#ifndef VMMALLOCD_CTL_ENDPOINT_H
#define VMMALLOCD_CTL_ENDPOINT_H

#include <stdbool.h>

struct endpoint {
	int fd;
	const char *path; /* of a socket, to be removed; or NULL */
};

/*
 * Listens at ADDRESS:PORT or [ADDRESS]:PORT, with numbers for both, or at the path of a socket, which has a slash in
 * it. What a socket's owner left who is gone is removed. Returns an exit status, and has complained if it is not
 * CTL_OK.
 */
int endpoint_open(const char *where, struct endpoint *ret_endpoint);
/* Removes the socket, if there is one; the descriptor is somebody else's by now. */
void endpoint_remove(const struct endpoint *endpoint);

#endif
