/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * places -- the daemon's runtime directory, its lock and its sockets: looked for each second, and made again when
 * somebody has removed or replaced them. Sockets of a service manager are only looked for.
 */
#ifndef VMMALLOCD_PLACES_H
#define VMMALLOCD_PLACES_H

#include <stdbool.h>
#include <uv.h>

#include "vmmallocd/base/log.h"

struct places;

/* `runtime_dir` and the descriptor of its lock, which may become another, must last. Freed by places_close, later. */
int places_open(uv_loop_t *loop, const char *runtime_dir, int *lock_fd, struct log *log, struct places **ret_places);
void places_close(struct places *places);

/*
 * Looks after a listening socket, which is there now. `owned`: it was made by sockets_listen with that name and type;
 * `listen_on` is called with a new one, which it takes over.
 */
void places_add(struct places *places, int fd, const char *name, int type, bool owned,
		void (*listen_on)(void *server, int fd), void *server);

/* What is not in its place and cannot be mended; NULL: nothing. */
const char *places_problem(const struct places *places);

#endif
