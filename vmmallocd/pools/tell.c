/* SPDX-License-Identifier: BSD-3-Clause */
/* tell -- see tell.h. */
#include "vmmallocd/pools/tell.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmmallocd/base/clock.h"

/* Numbers as text. */
struct figures {
	char number[24], pool[2 * POOL_FILE_ID_BYTES + 1], pid[12], uid[12];
};

static const char *given(const char *text)
{
	return *text ? text : NULL;
}

static void log_event(struct log *log, int priority, const struct event *event, uint64_t number, const char *format,
		      va_list args)
{
	struct figures figures;
	const struct log_field fields[] = {
		{ "MESSAGE_ID", event_message_id(event->kind) },
		{ "EVENT", event_kind_name(event->kind) },
		{ "EVENT_NUMBER", figures.number },
		{ "CLASS", given(event->class_name) },
		{ "POOL", event->has_pool ? figures.pool : NULL },
		{ "OWNER_PID", event->has_owner ? figures.pid : NULL },
		{ "OWNER_UID", event->has_owner ? figures.uid : NULL },
		{ "OWNER_COMM", event->has_owner ? given(event->owner.comm) : NULL },
		{ "DIRECTORY", event->directory },
		{ "REASON", event->reason },
	};

	snprintf(figures.number, sizeof(figures.number), "%" PRIu64, number);
	pool_file_id_format(event->pool_id, figures.pool);
	snprintf(figures.pid, sizeof(figures.pid), "%" PRIu32, event->owner.pid);
	snprintf(figures.uid, sizeof(figures.uid), "%" PRIu32, event->owner.uid);
	log_fields(log, priority, fields, sizeof(fields) / sizeof(fields[0]), format, args);
}

void tell(struct events *events, struct log *log, int priority, struct event event, const char *format, ...)
{
	va_list args;

	event.time_us = clock_real_us();
	events_add(events, &event);
	/* most are for debugging, and their words cost more than all else here */
	if (priority > log->level)
		return;
	va_start(args, format);
	log_event(log, priority, &event, events_last(events), format, args);
	va_end(args);
}

struct event tell_of_pool(enum event_kind kind, const struct registry_pool *pool, const char *reason)
{
	struct event event = {
		.kind = kind, .has_pool = true, .owner = pool->owner, .reason = reason,
		.has_owner = pool->state == REGISTRY_LEASED || pool->owner.pid != 0 || pool->owner.comm[0] != '\0',
	};

	memcpy(event.class_name, pool->class_name, sizeof(event.class_name));
	memcpy(event.pool_id, pool->id, sizeof(event.pool_id));
	return event;
}

struct event tell_of_class(enum event_kind kind, const char *class_name, const char *directory, const char *reason)
{
	struct event event = { .kind = kind, .directory = directory, .reason = reason };

	snprintf(event.class_name, sizeof(event.class_name), "%s", class_name);
	return event;
}

struct event tell_of_request(enum event_kind kind, const char *class_name, const struct registry_owner *owner,
			     const char *reason)
{
	struct event event = tell_of_class(kind, class_name, NULL, reason);

	event.has_owner = true;
	event.owner = *owner;
	return event;
}
