/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime_dir -- where the daemon's sockets are when nobody says otherwise: the one rule for daemon and clients.
 *
 * The daemon of root has them in PATHS_RUNTIME_DIR, that of another user in $XDG_RUNTIME_DIR/vmmalloc. A client of
 * another user talks to that user's own daemon if there is one, else to root's.
 */
#ifndef COMMON_UTIL_RUNTIME_DIR_H
#define COMMON_UTIL_RUNTIME_DIR_H

#include <stddef.h>
#include <sys/types.h>

#define RUNTIME_DIR_CONTROL_SOCKET "control.sock"   /* beside HANDOUT_SOCKET */

/*
 * For a user's own daemon, whoever the user is; `xdg_runtime_dir` is that environment variable or NULL. Writes the path
 * into a buffer. 0; -ENXIO: the variable is not an absolute path; -ENAMETOOLONG.
 */
int runtime_dir_of_user(const char *xdg_runtime_dir, char *path, size_t bytes);

/*
 * For a daemon that runs as `uid`; `xdg_runtime_dir` as above. 0; -ENXIO: not root, and the variable is not an
 * absolute path; -ENAMETOOLONG.
 */
int runtime_dir_of_daemon(uid_t uid, const char *xdg_runtime_dir, char *path, size_t bytes);

/* For a client that runs as `uid`: its own daemon's directory if that has a control socket, else root's. */
void runtime_dir_of_client(uid_t uid, const char *xdg_runtime_dir, char *path, size_t bytes);

#endif
