/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pressure -- when memory is short, and when it is not any more: what is measured, made into a decision that holds.
 *
 *     share
 *       |         ____                              it is high as soon as the share is past the limit,
 *     limit .....|....|..............               and over once it was below half of that for `calm_ms`
 *       |        |    |       calm_ms
 *     half  .....|....|__...|---------|......
 *       |________|       \__|_________|__
 *                high                 over
 *
 * What is filled again when it is over may be what makes it high: so each time that it comes back soon, twice as long a
 * calm is asked for, up to a limit. Pure: no clock, no files.
 */
#ifndef VMMALLOCD_PLAN_PRESSURE_H
#define VMMALLOCD_PLAN_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

#define PRESSURE_CALM_MS 10000          /* the kernel's average is of as long; doubles up to */
#define PRESSURE_CALM_MOST_MS 600000
#define PRESSURE_SOON_MS 600000         /* after it was over: filling large pools takes minutes */

/* A zeroed one: it is not high, and never was. Shares are as in psi.h. */
struct pressure {
	bool is_high;
	bool is_below;           /* while it is high: the share is below half of the limit, */
	int64_t below_since_ms;  /* since then */
	int64_t over_ms;         /* when it was last over; of no meaning while calm_ms is 0 */
	unsigned calm_ms;        /* 0: it was never high */
};

/* The share is that now. Whether `is_high` has changed. */
bool pressure_note(struct pressure *pressure, unsigned share, unsigned limit, int64_t now_ms);

/* It cannot be measured any more: it is not high, and what was is forgotten. Whether `is_high` has changed. */
bool pressure_forget(struct pressure *pressure);

#endif
