/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * space -- how much of file systems is free, asked for in a thread: one that does not answer keeps nobody waiting.
 */
#ifndef VMMALLOCD_CTL_SPACE_H
#define VMMALLOCD_CTL_SPACE_H

#include <stddef.h>
#include <stdint.h>

struct space_place {
	char *path;
	int error;                       /* -errno; 0: the figures are known */
	uint64_t free_bytes, size_bytes;
};

struct space_job;

struct space {
	struct space_place *places;      /* as they were when that was last known */
	size_t count;
	struct space_job *job;           /* that is asked for now */
};

/* Begins to ask for these paths, unless an earlier question is not answered. 0 or -errno. */
int space_ask(struct space *space, const char *const *paths, size_t count);
/* Takes the answer, if it has come. NULL: nothing is known of that path. */
const struct space_place *space_find(struct space *space, const char *path);

#endif
