/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tell -- what happens is told once: to the ring of events (events.h) and to the log, where the journal has the event's
 * fields beside the line. What they are called is in vmmallocd(8).
 */
#ifndef VMMALLOCD_POOLS_TELL_H
#define VMMALLOCD_POOLS_TELL_H

#include "vmmallocd/base/log.h"
#include "vmmallocd/plan/events.h"

/* Adds the event, with the time that it is, and logs the line. */
void tell(struct events *events, struct log *log, int priority, struct event event, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Of a pool, and whoever has it or had it last. `reason` may be NULL here and below. */
struct event tell_of_pool(enum event_kind kind, const struct registry_pool *pool, const char *reason);
/* Of a class. The directory may be NULL. */
struct event tell_of_class(enum event_kind kind, const char *class_name, const char *directory, const char *reason);
/* Of a request for a pool of the class, which may be "". */
struct event tell_of_request(enum event_kind kind, const char *class_name, const struct registry_owner *owner,
			     const char *reason);

#endif
