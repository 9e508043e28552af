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

/* "2026-11-28 15:40:03.123", of microseconds since 1970, in local time. */
#define EVENT_TIME_BYTES 64
void event_time_format(long long time_us, char text[EVENT_TIME_BYTES]);

/* Words of others: what a terminal would take for an order is '?'. */
void event_words_print(const char *words);

#endif
