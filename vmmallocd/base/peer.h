/* SPDX-License-Identifier: BSD-3-Clause */
/* peer -- who may do more than others: root, and the user that the daemon runs as. */
#ifndef VMMALLOCD_BASE_PEER_H
#define VMMALLOCD_BASE_PEER_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * Whether the peer of a connection, whose SO_PEERCRED is given, is root or the daemon's own user, and that on this
 * machine: a container may have a socket of ours, and without a user namespace whoever is root in it is any user that
 * he likes. So the process must be in the PID namespace of the daemon, and in none below it. A container that shares
 * that namespace is not told from the machine.
 */
bool peer_is_trusted(int fd, const struct ucred *peer);

#endif
