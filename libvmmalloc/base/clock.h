/* SPDX-License-Identifier: BSD-3-Clause */
/* clock -- the time that pauses and retries are measured in. Async-signal-safe. */
#ifndef LIBVMMALLOC_BASE_CLOCK_H
#define LIBVMMALLOC_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "libvmmalloc/base/kernel.h"

/* CLOCK_MONOTONIC, nanoseconds. */
static inline uint64_t clock_now_ns(void)
{
	struct timespec now = { 0 };

	(void)kernel_clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
