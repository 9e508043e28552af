/* SPDX-License-Identifier: BSD-3-Clause */
/* watch_figures -- the pools that somebody has, the biggest first, and how fast they grow. */
#ifndef VMMALLOCD_CTL_WATCH_FIGURES_H
#define VMMALLOCD_CTL_WATCH_FIGURES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watch_pool {
	const json_t *pool;      /* of the list */
	int64_t used_bytes;
	bool is_known;           /* it was there at the last look: */
	int64_t bytes_a_second;
};

struct watch_figures {
	struct watch_pool *pools;
	size_t count;
	json_t *list, *used;     /* that they are of, and what was used then, by id */
	int64_t looked_ms;
};

/* All zero at first. Another list of pools, at that time. 0 or -ENOMEM, and there are none. */
int watch_figures_update(struct watch_figures *figures, json_t *list, int64_t now_ms);
void watch_figures_done(struct watch_figures *figures);

#endif
