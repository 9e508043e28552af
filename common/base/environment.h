/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * environment -- the variables of libvmmalloc(7): their names, and which values are good.
 *
 * The library reads them, and ends the process over a bad value. vmmallocctl sets them, and refuses a bad value before
 * the program starts. Both ask here, and each puts its own sentence around the words. No malloc, no locale.
 */
#ifndef COMMON_BASE_ENVIRONMENT_H
#define COMMON_BASE_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#define ENVIRONMENT_POOL_DIR "VMMALLOC_POOL_DIR"
#define ENVIRONMENT_POOL_SIZE "VMMALLOC_POOL_SIZE"
#define ENVIRONMENT_POOL "VMMALLOC_POOL"
#define ENVIRONMENT_PLACE "VMMALLOC_PLACE"
#define ENVIRONMENT_SOCKET "VMMALLOC_SOCKET"
#define ENVIRONMENT_SOCKET_AUTO "auto"  /* the user's daemon's, and then the system's */
#define ENVIRONMENT_WAIT "VMMALLOC_WAIT"
#define ENVIRONMENT_RESERVE "VMMALLOC_RESERVE"
#define ENVIRONMENT_ON_FULL "VMMALLOC_ON_FULL"
#define ENVIRONMENT_MAX_SIZE "VMMALLOC_MAX_SIZE"
#define ENVIRONMENT_ON_FAIL "VMMALLOC_ON_FAIL"
#define ENVIRONMENT_RELEASE "VMMALLOC_RELEASE"
#define ENVIRONMENT_HUGE_PAGES "VMMALLOC_HUGE_PAGES"
#define ENVIRONMENT_ARENAS "VMMALLOC_ARENAS"
#define ENVIRONMENT_FORK "VMMALLOC_FORK"
#define ENVIRONMENT_CHILDREN "VMMALLOC_CHILDREN"
/* the debug build's */
#define ENVIRONMENT_LOG_LEVEL "VMMALLOC_LOG_LEVEL"
#define ENVIRONMENT_LOG_FILE "VMMALLOC_LOG_FILE"
#define ENVIRONMENT_LOG_STATS "VMMALLOC_LOG_STATS"
/* vmmallocctl's alone: vmmallocctl(1) */
#define ENVIRONMENT_RUNTIME_DIR "VMMALLOC_RUNTIME_DIR"

/* The place of a variable in `environment` (as environ(7)), or NULL. The first counts, of two with one name. */
char **environment_find(char **environment, const char *name);

/* Its value, or NULL. */
const char *environment_value(char *const *environment, const char *name);

/*
 * The size of a pool, of at least `least_bytes` bytes. 0; -EINVAL, -EDOM or -ERANGE as size_parse, which expected
 * SIZE_EXPECTED; or -ENOSPC: it is smaller, and *ret_bytes says how large.
 */
int environment_pool_size(const char *value, size_t least_bytes, size_t *ret_bytes);

/* VMMALLOC_FORK: the number of the mode, or -EINVAL. */
#define ENVIRONMENT_FORK_AUTO 4  /* "auto"; the others are called by their numbers */
#define ENVIRONMENT_FORK_EXPECTED "auto, 0, 1, 2 or 3"
int environment_fork(const char *value);

/* VMMALLOC_CHILDREN: one of enum environment_children, or -EINVAL. */
enum environment_children {
	ENVIRONMENT_CHILDREN_INHERIT,
	ENVIRONMENT_CHILDREN_OFF,
	ENVIRONMENT_CHILDREN_SIZE,  /* the value is meant for a size: environment_pool_size() says whether it is one */
};
#define ENVIRONMENT_CHILDREN_EXPECTED "inherit, off or a size"
int environment_children(const char *value);

/* VMMALLOC_ARENAS: their number, or -EINVAL. */
#define ENVIRONMENT_ARENAS_MOST 4094  /* jemalloc 5.3 numbers arenas with 12 bits and keeps one number back */
#define ENVIRONMENT_ARENAS_EXPECTED "a number from 1 to 4094"
int environment_arenas(const char *value);

/* VMMALLOC_RELEASE: seconds, ENVIRONMENT_RELEASE_NEVER, or -EINVAL. Usually as long as jemalloc keeps what is free. */
#define ENVIRONMENT_RELEASE_USUAL 10
#define ENVIRONMENT_RELEASE_MOST 1000000
#define ENVIRONMENT_RELEASE_NEVER (ENVIRONMENT_RELEASE_MOST + 1)
#define ENVIRONMENT_RELEASE_EXPECTED "a number of seconds up to 1000000, or never"
int environment_release(const char *value);

/* VMMALLOC_HUGE_PAGES: one of enum environment_huge_pages, or -EINVAL. */
enum environment_huge_pages {
	ENVIRONMENT_HUGE_PAGES_AUTO,
	ENVIRONMENT_HUGE_PAGES_ALWAYS,  /* also where they take longer than small ones */
	ENVIRONMENT_HUGE_PAGES_NEVER,
};
#define ENVIRONMENT_HUGE_PAGES_EXPECTED "auto, always or never"
int environment_huge_pages(const char *value);

/* VMMALLOC_WAIT: seconds, up to HANDOUT_WAIT_MOST_S, or -EINVAL. */
#define ENVIRONMENT_WAIT_EXPECTED "a number of seconds up to 1000000"
int environment_wait(const char *value);

/* VMMALLOC_ON_FULL: one of enum environment_on_full, or -EINVAL. */
enum environment_on_full {
	ENVIRONMENT_ON_FULL_FAIL,
	ENVIRONMENT_ON_FULL_DRAM,
	ENVIRONMENT_ON_FULL_GROW,
};
#define ENVIRONMENT_ON_FULL_EXPECTED "fail, dram or grow"
int environment_on_full(const char *value);

/* VMMALLOC_RESERVE: 1 for "full", 0 for "grow", or -EINVAL. */
#define ENVIRONMENT_RESERVE_EXPECTED "grow or full"
int environment_reserve(const char *value);

/* VMMALLOC_ON_FAIL: 1 for "dram", 0 for "exit", or -EINVAL. */
#define ENVIRONMENT_ON_FAIL_EXPECTED "exit or dram"
int environment_on_fail(const char *value);

/* VMMALLOC_POOL: handout_class_name_check(), of each class. */

/*
 * A heap of several tiers: VMMALLOC_POOL_SIZE has a size for each, VMMALLOC_POOL_DIR a directory, VMMALLOC_POOL a
 * class. Where there is one size, the directory is one, even if its path has a colon in it.
 */
#define ENVIRONMENT_TIERS_MOST 8
#define ENVIRONMENT_TIERS_SEPARATOR ':'
#define ENVIRONMENT_CLASSES_SEPARATOR ','

/* How many items the list has. */
size_t environment_items(const char *list, char separator);

/* Copies item `i`. False if there is no room for it. */
bool environment_item(const char *list, char separator, size_t i, char *ret_item, size_t bytes);

/* VMMALLOC_PLACE, of a heap with so many tiers. 0 or -EINVAL. */
enum environment_place_rule {
	ENVIRONMENT_PLACE_FILL,
	ENVIRONMENT_PLACE_LARGE,
	ENVIRONMENT_PLACE_RATIO,
};

struct environment_place {
	enum environment_place_rule rule;
	size_t large_bytes;                        /* with ENVIRONMENT_PLACE_LARGE */
	unsigned shares[ENVIRONMENT_TIERS_MOST];   /* with ENVIRONMENT_PLACE_RATIO: of each tier */
};

#define ENVIRONMENT_PLACE_SHARE_MOST 1000000
#define ENVIRONMENT_PLACE_EXPECTED "fill, large:BYTES or ratio:N:M, a number from 1 to 1000000 for each tier"
int environment_place(const char *value, size_t tiers, struct environment_place *ret_place);

/* LD_PRELOAD: whether the entry [entry, entry + length) is this library, by the last part of its path. */
#define ENVIRONMENT_PRELOAD "LD_PRELOAD"
#define ENVIRONMENT_PRELOAD_SEPARATORS " :"  /* ld.so(8) */
bool environment_is_library(const char *entry, size_t length);

#endif
