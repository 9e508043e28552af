/* SPDX-License-Identifier: BSD-3-Clause */
/* systemd -- whether that is what runs this machine, or container: as sd_booted(3) tells. */
#ifndef COMMON_UTIL_SYSTEMD_H
#define COMMON_UTIL_SYSTEMD_H

#include <stdbool.h>
#include <unistd.h>

static inline bool systemd_is_here(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

#endif
