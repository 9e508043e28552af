/* SPDX-License-Identifier: BSD-3-Clause */
/* shortage -- see shortage.h. */
#include "vmmallocd/base/shortage.h"

#include <stdio.h>

void shortage_begin(struct shortage *shortage, struct log *log, int64_t now_ms, enum resource resource, int error,
		    const char *what)
{
	struct resource_reason reason = resource_reason(resource, error);

	shortage->last_ms = now_ms;
	if (shortage->problem[0] != '\0')
		return;
	snprintf(shortage->problem, sizeof(shortage->problem), "%s: %s", what, reason.text);
	log_line(log, LOG_WARNING, "%s", shortage->problem);
}

void shortage_check(struct shortage *shortage, struct log *log, int64_t now_ms)
{
	if (shortage->problem[0] == '\0' || now_ms - shortage->last_ms < SHORTAGE_QUIET_MS)
		return;
	log_line(log, LOG_INFO, "over: %s", shortage->problem);
	shortage->problem[0] = '\0';
}
