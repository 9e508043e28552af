/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * clock -- the clock that pools' times are of: it goes on while the machine sleeps, and nobody can set it.
 *
 * A pool's times are seconds since 1970, as people read them: this clock's, and the registry's epoch, which is what the
 * time of day said when it began. The epoch stays the same until the machine is booted again (registry_epoch), so ages
 * are right however often the time of day is set.
 */
#ifndef VMMALLOCD_BASE_CLOCK_H
#define VMMALLOCD_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

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

#endif
