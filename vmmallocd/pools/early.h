/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * early -- when to look again at pools that were still in use when their event came. Pure.
 *
 * The kernel says IN_CLOSE_WRITE shortly before the file counts as closed (__fput in its fs/file_table.c): a thread of
 * a client's that loses its processor in between, or has many locks to drop, is still there when we look. So each pool
 * is looked at after 1, 2, 4, ... ms, whatever happens to others, for two seconds in all. A pool that comes free is
 * found after no more than twice the time that it took.
 */
#ifndef VMMALLOCD_POOLS_EARLY_H
#define VMMALLOCD_POOLS_EARLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmmallocd/files/pool_file.h"

#define EARLY_LOOKS 11
#define EARLY_POOLS_MOST 4096    /* more wait for their turn in the round of probes */

struct early_pool {
	uint8_t id[POOL_FILE_ID_BYTES];
	unsigned looks;          /* so far (count) */
	int64_t due_ms;
};

/* All zero: none. */
struct early {
	struct early_pool *pools;
	size_t count, size;
};

/* The pool's event has come, and it is still in use. Its looks begin anew if it had some. */
void early_add(struct early *early, const uint8_t id[POOL_FILE_ID_BYTES], int64_t now_ms);

/* A pool whose look is due; false: none. Counts as that look. */
bool early_next(struct early *early, int64_t now_ms, uint8_t ret_id[POOL_FILE_ID_BYTES]);

/* When the next look is due; INT64_MAX: never. */
int64_t early_due_ms(const struct early *early);

/* The pool is free, or not there any more. */
void early_forget(struct early *early, const uint8_t id[POOL_FILE_ID_BYTES]);
void early_done(struct early *early);

#endif
