/* SPDX-License-Identifier: BSD-3-Clause */
/* progress -- one line about long work, drawn again in its place. On standard error, and only if that is a terminal. */
#ifndef VMMALLOCD_CTL_PROGRESS_H
#define VMMALLOCD_CTL_PROGRESS_H

#include <stddef.h>

/* A bar, and those words. `total` may be 0, and then there is no bar. */
void progress_show(size_t done, size_t total, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Takes the line away, before anything else is written. */
void progress_clear(void);

#endif
