/* SPDX-License-Identifier: BSD-3-Clause */
/* base -- what the files behind pools.h share. Nobody else includes it. */
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

/* Registers a pool in an open directory, without a copy of its work. 0 or -errno. Wakes the pools, as the next two do. */
int pools_add(struct pools *pools, struct directory *directory, const struct registry_pool *pool,
	      enum registry_state state, struct registry_pool **ret_pool);
/* Takes a pool out of the registry; its file is gone, or somebody else's by now. */
void pools_forget(struct pools *pools, struct registry_pool *pool);
void pools_set_state(struct pools *pools, struct registry_pool *pool, enum registry_state state);

/* The work that hangs on a pool, made if there is none; NULL: no memory. */
struct provision_work *pools_work(struct registry_pool *pool);
struct directory *pools_directory(const struct pools *pools, const struct registry_pool *pool);
/* Whether it can be known if pages of a pool there are held: seen on tmpfs, waited for on DAX. */
static inline bool pools_know_pins(const struct directory *directory)
{
	return directory->dir.tmpfs || directory->dir.dax;
}

/* Something odd: logged, and the pool destroyed as soon as nobody has it. */
void pools_fail(struct pools *pools, struct registry_pool *pool, const char *what, const char *reason);

/* Watches an open directory; *ret_watch is its number. 0 or -errno. */
int pools_watch(struct pools *pools, int dir_fd, int *ret_watch);

/* Whether a leased pool is free by now; then it is recycled. */
void pools_probe(struct pools *pools, struct registry_pool *pool);

/* Looks whether the files are what they were, and whether somebody is there who has a leased one. */
void pools_check(struct pools *pools);
/* Which leased pools were left behind by those that asked for them, in words; false: none. */
bool pools_say_left(const struct registry_class *class, struct text *text);

/*
 * Something has changed, or comes due sooner. In the next turn of the loop, and so after the answer to whoever caused
 * it, what is due is started and the owner is told. However often it is called in a turn, that happens once. Nothing,
 * after pools_stop.
 */
void pools_wake(struct pools *pools);

/* What hangs on a pool is tried now, though it was to be tried later. */
void pools_hurry(struct pools *pools, struct registry_pool *pool);

/* work.c: starts all that is due. */
void pools_start_due(struct pools *pools);

/* directories.c */
void pools_open_directories(struct pools *pools);
int64_t pools_directories_due_ms(const struct pools *pools, int64_t latest_ms);
void pools_refresh_classes(struct pools *pools);
/* What is not open is opened soon: it may be another by now. */
void pools_retry_directories(struct pools *pools);
/* Whether the paths still name the directories that are open. */
void pools_check_directories(struct pools *pools);
void pools_directory_gone(struct pools *pools, struct directory *directory);
/* Forgets a pool in a directory that is gone, but not whose it is. */
void pools_leave(struct pools *pools, struct registry_pool *pool);

#endif
