/* SPDX-License-Identifier: BSD-3-Clause */
/* format -- figures as people read them; size_format.h has those of memory. Each writes into the caller's buffer. */
#ifndef VMMALLOCD_CTL_FORMAT_H
#define VMMALLOCD_CTL_FORMAT_H

#include <stdint.h>
#include <sys/types.h>

#define FORMAT_BYTES 32

/* "7s", "12m", "5h", "3d": whole units, rounded down. */
void format_age(int64_t seconds, char text[FORMAT_BYTES]);
/* The user's name, or the number of one that has none, or "unknown": a daemon that was killed may not know any more. */
void format_user(uid_t uid, char text[FORMAT_BYTES]);

#endif
