/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * figures -- the answer to Metrics: what was counted, and how things are now.
 *
 * Bytes in use are in the pools' own headers, a few system calls each. So they are read piece by piece, like those of a
 * List, at 20 bytes a pool that somebody has; and all else is written behind them, as it was when it was asked for.
 */
#ifndef VMMALLOCD_CONTROL_FIGURES_H
#define VMMALLOCD_CONTROL_FIGURES_H

#include <stdbool.h>

#include "vmmallocd/control/control.h"

#define CONTROL_FIGURES_AT_ONCE 64     /* headers that are read in one piece */

struct control_figures;

/* The backend must outlive it. NULL: no memory. */
struct control_figures *control_figures_new(const struct control_backend *backend);
void control_figures_free(struct control_figures *figures);

/* Whether directories may still say how much space they have. */
bool control_figures_wait(const struct control_figures *figures);

/*
 * Appends the next piece of the answer's object, which may have no bytes. 1; 0: that was the last; or what `append`
 * returned, -errno.
 */
int control_figures_next(struct control_figures *figures,
			 int (*append)(const char *bytes, size_t count, void *context), void *context);

#endif
