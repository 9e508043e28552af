/* SPDX-License-Identifier: BSD-3-Clause */
/* accept -- which format a client of HTTP wants, as its header Accept says. Pure. */
#ifndef VMMALLOCD_CTL_ACCEPT_H
#define VMMALLOCD_CTL_ACCEPT_H

#include "vmmallocd/ctl/exposition.h"

/*
 * OpenMetrics, if it is named with a weight above 0 that is not below the plain text's. NULL or what makes no sense:
 * the plain text, which everybody reads.
 */
enum exposition_format accept_format(const char *header);

#endif
