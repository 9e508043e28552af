/* SPDX-License-Identifier: BSD-3-Clause */
/* shortage -- something that is refused now and then: said once, and once that it is over. */
#ifndef VMMALLOCD_BASE_SHORTAGE_H
#define VMMALLOCD_BASE_SHORTAGE_H

#include <stdint.h>

#include "vmmallocd/base/log.h"
#include "vmmallocd/base/resource.h"

#define SHORTAGE_QUIET_MS 10000    /* without a refusal: it is over */

/* All zero: nothing is refused. */
struct shortage {
	char problem[RESOURCE_REASON_BYTES + 128];  /* for whoever asks; "": none */
	int64_t last_ms;
};

/* It was refused again: `what` could not be done. */
void shortage_begin(struct shortage *shortage, struct log *log, int64_t now_ms, enum resource resource, int error,
		    const char *what);
/* Called when it was granted, or now and then: whether it is over shows after a while. */
void shortage_check(struct shortage *shortage, struct log *log, int64_t now_ms);

#endif
