/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * space -- how much room the file system of a directory has. Asked in a thread, as a file system may not answer; on
 * tmpfs, whose figures are the kernel's own, at once.
 */
#ifndef VMMALLOCD_POOLS_SPACE_H
#define VMMALLOCD_POOLS_SPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define SPACE_ANSWER_MS 1000 /* nobody waits longer for one that was asked */

struct space {
	bool known;                      /* the figures are there: of the last answer */
	uint64_t size_bytes, free_bytes; /* free: to those who are not root */
	uint64_t inodes, free_inodes;    /* 0 and 0: the file system does not count them */
	bool asking;
	int64_t asked_ms;
};

struct served_dir;

/*
 * Asks the file system of an open directory, unless an answer is to come. The loop does not wait for that: if it ends
 * before, so must the process.
 */
void space_ask(struct served_dir *directory, uv_loop_t *loop);
/* Whether an answer is to come, and may in a moment. */
bool space_is_coming(const struct space *space, uint64_t now_ms);

#endif
