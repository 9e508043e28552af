/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * clock -- the daemon's clocks.
 *
 * A pool's times are seconds since 1970, as people read them: what clock_boot_s says, and the registry's epoch, which
 * is what the time of day said when that clock began. The epoch stays the same until the machine is booted again
 * (registry_epoch), so ages are right however often the time of day is set.
 */
#ifndef VMMALLOCD_BASE_CLOCK_H
#define VMMALLOCD_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Goes on while the machine sleeps, and nobody can set it. */
static inline int64_t clock_boot_s(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

/* The epoch by the time of day that it is now. */
static inline int64_t clock_epoch(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec - clock_boot_s();
}

/* The time of day, in microseconds since 1970: for what people compare with other logs. */
static inline int64_t clock_real_us(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

#endif
