/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mounts -- says when something was mounted or unmounted, anywhere: the directories of pools may be others then, and
 * one that was missing may be there. In the loop.
 */
#ifndef VMMALLOCD_POOLS_MOUNTS_H
#define VMMALLOCD_POOLS_MOUNTS_H

#include <uv.h>

/* Mounts that come together are one change, and a machine that mounts all day long costs little. */
#define MOUNTS_PAUSE_MS 50

struct mounts;

/* Freed by mounts_close, after some turns of the loop. 0 or -errno: nothing will be said then. */
int mounts_open(uv_loop_t *loop, void (*changed)(void *context), void *context, struct mounts **ret_mounts);
/* Nothing, if it is NULL. */
void mounts_close(struct mounts *mounts);

#endif
