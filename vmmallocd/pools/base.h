/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base -- what the files of this folder stand on: each pool's name, state and directory, and the next turn of the loop.
 *
 *     pools --> work --> directories --> relief --> base --> served_dir, jobs, watch, early, mounts
 *          \--> check --> probe ------->/
 *     handout --> probe                 (for handout_server.h)
 *     operator --> check                (for the control interface)
 *
 * Nobody outside of it includes these.
 */
#ifndef VMMALLOCD_POOLS_BASE_H
#define VMMALLOCD_POOLS_BASE_H

#include "vmmallocd/pools/pools.h"

/* Words for a pool in a line of the log. */
struct pools_name {
	char text[192];
};
struct pools_name pools_name(const struct registry_pool *pool);

int64_t pools_now_s(const struct pools *pools);
int64_t pools_now_ms(const struct pools *pools);

/*
 * Something has changed, or comes due sooner. In the next turn of the loop, and so after the answer to whoever caused
 * it, what is due is started and the owner is told. However often it is called in a turn, that happens once. Nothing,
 * after pools_stop.
 */
void pools_wake(struct pools *pools);

/* The work that hangs on a pool, made if there is none; NULL: no memory. */
struct provision_work *pools_work(struct registry_pool *pool);
/* What is done to the pool next is due now, though it was to be tried later. Wakes the pools. */
void pools_hurry(struct pools *pools, struct registry_pool *pool);

/* The directory that it lies in; never NULL. */
struct served_dir *pools_directory(const struct pools *pools, const struct registry_pool *pool);
/* Whether it can be known if pages of a pool there are held: seen on tmpfs, waited for on DAX. */
static inline bool pools_know_pins(const struct served_dir *directory)
{
	return directory->dir.tmpfs || directory->dir.dax;
}
/* Closes an open directory that has no pools, if it is gone or no class wants it. */
void pools_close_unused(struct pools *pools, struct served_dir *directory);

/* Registers a pool in an open directory, without a copy of its work. 0 or -errno. Wakes the pools. */
int pools_add(struct pools *pools, struct served_dir *directory, const struct registry_pool *pool,
	      enum registry_state state, struct registry_pool **ret_pool);
/* Takes a pool out of the registry; its file is gone, or somebody else's by now. Wakes the pools. */
void pools_forget(struct pools *pools, struct registry_pool *pool);
/* Wakes the pools. */
void pools_set_state(struct pools *pools, struct registry_pool *pool, enum registry_state state);
/* Its file was removed by somebody else, or is another one: told, with that reason, and forgotten. */
void pools_vanish(struct pools *pools, struct registry_pool *pool, const char *reason);
/* Something odd: logged, and the pool destroyed as soon as nobody has it. Wakes the pools. */
void pools_fail(struct pools *pools, struct registry_pool *pool, const char *what, const char *reason);

#endif
