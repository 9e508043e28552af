/* SPDX-License-Identifier: BSD-3-Clause */
/* events -- see events.h. */
#include "vmmallocd/plan/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An id never changes, and none is used for another kind: who looks for it in the journal has it from vmmallocd(8). */
static const struct {
	const char *name, *message_id;
} kinds[EVENT_KINDS] = {
	[EVENT_MADE] = { "made", "31e88a5ceb7a427589584b2f9a97d5cf" },
	[EVENT_READY] = { "ready", "1cac43320eb24874b65a17422044f765" },
	[EVENT_HANDED_OUT] = { "handed_out", "8eb1d5b678574e8895ed85fadaacffd0" },
	[EVENT_REFUSED] = { "refused", "9ca8ec69765a4530a4582b8324ea1546" },
	[EVENT_WAITING] = { "waiting", "6c58bea64ea742f8a395d4c2d6b02bb2" },
	[EVENT_GAVE_UP] = { "gave_up", "f0b187df1ec54930b539b68328be9f1b" },
	[EVENT_GIVEN_BACK] = { "given_back", "bfebca9591384c4eb57ba658155827b2" },
	[EVENT_HELD_AGAIN] = { "held_again", "a627b26ce8d24701bb21a7e46f805865" },
	[EVENT_RECLAIMED] = { "reclaimed", "fd872ea7ffa247a2b3bfbcec89834dba" },
	[EVENT_QUARANTINED] = { "quarantined", "dc29c54569ed45cca110bece354271dd" },
	[EVENT_FAILED] = { "failed", "44e3a444d86b48ef9c1807433ebc09f6" },
	[EVENT_VANISHED] = { "vanished", "2647232cca1f4a74bc37645073be81be" },
	[EVENT_DESTROYED] = { "destroyed", "2d2ed30389c345f4bebc086ac19f2605" },
	[EVENT_CLASS_SHORT] = { "class_short", "6704466e517a49f58f5aab41568913b3" },
	[EVENT_CLASS_ENOUGH] = { "class_enough", "d53236b9ce974410b84ed258863798d5" },
	[EVENT_CLASS_PROBLEM] = { "class_problem", "bfaa108cb7634fbba01978ae04d32c3a" },
	[EVENT_CLASS_ORDERED] = { "class_ordered", "6ccd8a0215c649708139955a88905a17" },
	[EVENT_CLASS_RELEASES] = { "class_releases", "c424bd5a15d4490691c3f267fa0435e1" },
	[EVENT_CLASS_REFILLS] = { "class_refills", "595f90964dd646f1a4298960c653874e" },
	[EVENT_DIRECTORY_FULL] = { "directory_full", "4e9d194457584f7a922710bd18c7108c" },
	[EVENT_DIRECTORY_GONE] = { "directory_gone", "2465535a583f467d8ba96ef5e3f11e25" },
	[EVENT_DIRECTORY_PROBLEM] = { "directory_problem", "1ecd20310a124b7f9bf448ed377fda18" },
	[EVENT_DIRECTORY_IN_SERVICE] = { "directory_in_service", "0d97f85c83b3402a9dcc944aac274a1d" },
	[EVENT_STARTED] = { "started", "98ee27eb8f3443688f3f68a093029120" },
	[EVENT_RELOADED] = { "reloaded", "c3395352b4bc4b149854ecf2265e27ff" },
	[EVENT_RELOAD_FAILED] = { "reload_failed", "f5069a6acddb4f1a99ef6ab027da9b89" },
};

const char *event_kind_name(enum event_kind kind)
{
	return kinds[kind].name;
}

const char *event_message_id(enum event_kind kind)
{
	return kinds[kind].message_id;
}

int events_init(struct events *events, uint64_t first)
{
	*events = (struct events){ .ring = calloc(EVENTS_KEPT, sizeof(*events->ring)), .first = first, .next = first };
	return events->ring ? 0 : -ENOMEM;
}

static void forget_event(struct event *event)
{
	free((char *)event->directory);
	free((char *)event->reason);
	*event = (struct event){ 0 };
}

void events_done(struct events *events)
{
	for (size_t i = 0; events->ring && i < EVENTS_KEPT; i++)
		forget_event(&events->ring[i]);
	free(events->ring);
	*events = (struct events){ 0 };
}

static const char *copy_words(const char *words, size_t most)
{
	size_t length = words ? strnlen(words, most) : 0;
	char *copy = words ? malloc(length + 1) : NULL;

	if (copy) {
		memcpy(copy, words, length);
		copy[length] = '\0';
	}
	return copy;
}

void events_add(struct events *events, const struct event *event)
{
	struct event *kept = &events->ring[events->next % EVENTS_KEPT];

	forget_event(kept);
	*kept = *event;
	kept->directory = copy_words(event->directory, EVENTS_PATH_BYTES - 1);
	kept->reason = copy_words(event->reason, EVENTS_WORDS_BYTES - 1);
	kept->number = events->next++;
}

uint64_t events_last(const struct events *events)
{
	return events->next - 1;
}

uint64_t events_resume(const struct events *events, uint64_t after)
{
	return after < events->first || after >= events->next ? events->first - 1 : after;
}

static uint64_t oldest_kept(const struct events *events)
{
	return events->next - events->first > EVENTS_KEPT ? events->next - EVENTS_KEPT : events->first;
}

const struct event *events_after(const struct events *events, uint64_t after)
{
	uint64_t oldest = oldest_kept(events), number = after < oldest ? oldest : after + 1;

	return number < events->next ? &events->ring[number % EVENTS_KEPT] : NULL;
}

uint64_t events_lost(const struct events *events, uint64_t after)
{
	uint64_t oldest = oldest_kept(events);

	return after + 1 < oldest ? oldest - after - 1 : 0;
}
