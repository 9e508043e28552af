/* SPDX-License-Identifier: BSD-3-Clause */
/* event_line -- an event as a line on standard output, for people or as JSON. */
#ifndef VMMALLOCD_CTL_EVENT_LINE_H
#define VMMALLOCD_CTL_EVENT_LINE_H

#include <jansson.h>

/* The names of kinds that the daemon of this version knows; the last is NULL. */
extern const char *const event_kinds[];

/* An exit status; a complaint is made for one that is not CTL_OK. */
int event_line_print(const json_t *event);
int event_line_print_json(const json_t *event);

#endif
