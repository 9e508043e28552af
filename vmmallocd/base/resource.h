/* SPDX-License-Identifier: BSD-3-Clause */
/* resource -- what the machine refuses, with the name of the limit. */
#ifndef VMMALLOCD_BASE_RESOURCE_H
#define VMMALLOCD_BASE_RESOURCE_H

#include <stdbool.h>

#define RESOURCE_REASON_BYTES 192

enum resource { RESOURCE_DESCRIPTOR, RESOURCE_THREAD, RESOURCE_INOTIFY };

struct resource_reason {
	char text[RESOURCE_REASON_BYTES];
};

/* "Too many open files (RLIMIT_NOFILE is 1024)", for the error, positive or not, of a call that wanted such a thing. */
struct resource_reason resource_reason(enum resource resource, int error);

/* Whether a -errno says that something has run out, and may be there again in a while; other numbers do not. */
bool resource_has_run_out(int result);

#endif
