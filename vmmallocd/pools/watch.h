/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * watch -- says when to look at a pool: inotify on the directories of pools, in the loop.
 *
 * An event is a hint and no proof: it also comes when the daemon itself closes a pool, and may come late, twice or not
 * at all when the kernel's queue overflows.
 */
#ifndef VMMALLOCD_POOLS_WATCH_H
#define VMMALLOCD_POOLS_WATCH_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "vmmallocd/files/pool_file.h"

struct watch_events {
	/* A descriptor of a pool that could be written to was closed, or its last mapping was dropped. */
	void (*closed)(void *context, int watch, const uint8_t id[POOL_FILE_ID_BYTES]);
	/* The directory was removed, or its file system unmounted; the watch is gone. */
	void (*directory_gone)(void *context, int watch);
	/* Events were lost, of any directory. */
	void (*overflow)(void *context);
};

struct watch;

/*
 * `*events` must last until watch_close. 0 or -ENOMEM: no more is taken before the first directory is added, as the
 * instances of inotify may be used up when a daemon starts, and come free later. Freed by watch_close, after some turns
 * of the loop. Every function takes NULL for a watch that was closed.
 */
int watch_open(uv_loop_t *loop, const struct watch_events *events, void *context, struct watch **ret_watch);
void watch_close(struct watch *watch);

/* Watches an open directory; *ret_watch tells its events from others'. 0, -ECANCELED (closed) or -errno. */
int watch_add(struct watch *watch, int dir_fd, int *ret_watch);
/* Reads all events that there are, before the loop does. Not from inside an event. */
void watch_hear(struct watch *watch);
void watch_remove(struct watch *watch, int number);

/* Calls the events of a buffer that was read from inotify, in order. */
void watch_parse(const char *buffer, size_t bytes, const struct watch_events *events, void *context);

#endif
