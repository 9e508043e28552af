/* SPDX-License-Identifier: BSD-3-Clause */
/* directories -- all that are served (served_dir.h) come into service, with the pools that lie in them, and go. */
#ifndef VMMALLOCD_POOLS_DIRECTORIES_H
#define VMMALLOCD_POOLS_DIRECTORIES_H

#include "vmmallocd/pools/pools.h"

/* Opens those that are due to be opened, each in a thread. */
void pools_open_directories(struct pools *pools);
/* When the next of them is due, or `latest_ms` if that is sooner. */
int64_t pools_directories_due_ms(const struct pools *pools, int64_t latest_ms);
/* What is not open is due now: it may be another directory by now. Wakes the pools (pools_wake). */
void pools_retry_directories(struct pools *pools);

/* Tells the classes what their directories allow. Called whenever that may have changed. */
void pools_refresh_classes(struct pools *pools);

/* Looks whether the paths still name the directories that are open, whether these are locked, and what hangs. */
void pools_check_directories(struct pools *pools);
/* Those that are open, and are not the tmpfs that the configuration has there now, are gone. Wakes the pools. */
void pools_leave_bare_directories(struct pools *pools);
/* It was removed or unmounted: forgets its pools, but not whose they are. Wakes the pools. */
void pools_directory_gone(struct pools *pools, struct served_dir *directory);
/* The same for one pool that a job was at when that happened. */
void pools_leave(struct pools *pools, struct registry_pool *pool);

#endif
