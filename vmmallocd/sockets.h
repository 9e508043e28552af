/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sockets -- the runtime directory: one daemon in it, and the sockets that it listens on.
 *
 * A lock on a file in the directory says whose the directory is. Its holder may replace the sockets that lie there.
 */
#ifndef VMMALLOCD_SOCKETS_H
#define VMMALLOCD_SOCKETS_H

#include <stdbool.h>

#include "common/base/text.h"

#define SOCKETS_LOCK_FILE "vmmallocd.lock"
/* Of the path of a runtime directory, with its NUL: so much is left of sun_path (unix(7)) for it. */
#define SOCKETS_DIR_BYTES (108 - (sizeof("/control.sock.new") - 1))

/*
 * Makes the directory (mode 0755) and takes the lock, which the descriptor holds until it is closed.
 * -EADDRINUSE: another daemon has it; -errno. One line in `error`.
 */
int sockets_lock(const char *runtime_dir, int *ret_fd, struct text *error);

/* Whether that descriptor is still the directory's lock: else another daemon may be there. */
bool sockets_lock_is_held(const char *runtime_dir, int fd);

/* A listening socket for everybody (mode 0666) in the directory, whose lock is held. `type` is SOCK_STREAM, ... */
int sockets_listen(const char *runtime_dir, const char *name, int type, int *ret_fd, struct text *error);

/* Removes a socket, while the lock is held. */
void sockets_remove(const char *runtime_dir, const char *name);

#endif
