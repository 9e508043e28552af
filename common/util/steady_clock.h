/* SPDX-License-Identifier: BSD-3-Clause */
/* steady_clock -- for deadlines: nobody can set it. */
#ifndef COMMON_UTIL_STEADY_CLOCK_H
#define COMMON_UTIL_STEADY_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t steady_clock_ms(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

#endif
