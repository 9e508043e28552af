/* SPDX-License-Identifier: BSD-3-Clause */
/* test_events -- the ring of events beside a model that forgets nothing, and readers of all speeds. */
/* objects: vmmallocd/plan/ common/base/ */
/* wrap: malloc calloc */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/faults.h"
#include "tests/unit/model.h"
#include "tests/unit/test.h"
#include "vmmallocd/plan/events.h"

#define STEPS 400
#define READERS 5

static int clear(void **state)
{
	(void)state;
	faults_clear();
	return 0;
}

TEST_FIXTURE(clear, clear);

/* An event that is made of its number. */
static struct event make_event(uint64_t number, char words[64])
{
	struct event event = {
		.kind = (enum event_kind)(number % EVENT_KINDS), .time_us = (int64_t)(2 * number),
		.has_pool = number % 3 == 0, .has_owner = number % 2 == 0, .owner = { .pid = (uint32_t)number },
		.directory = number % 5 == 0 ? words : NULL, .reason = number % 7 == 0 ? words : NULL,
	};

	snprintf(words, 64, "words %llu", (unsigned long long)number);
	snprintf(event.class_name, sizeof(event.class_name), "c%llu", (unsigned long long)number % 10);
	memcpy(event.pool_id, &number, sizeof(number));
	return event;
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void expect_event(const struct event *event, uint64_t number)
{
	char words[64];
	const struct event made = make_event(number, words);

	model_expect(event && event->number == number, "number %llu, expected %llu",
		     event ? (unsigned long long)event->number : 0, (unsigned long long)number);
	model_expect(event->kind == made.kind && event->time_us == made.time_us && event->has_pool == made.has_pool &&
		     event->has_owner == made.has_owner && event->owner.pid == made.owner.pid &&
		     strcmp(event->class_name, made.class_name) == 0 &&
		     memcmp(event->pool_id, made.pool_id, sizeof(made.pool_id)) == 0 &&
		     is_same_text(event->directory, made.directory) && is_same_text(event->reason, made.reason),
		     "event %llu is another", (unsigned long long)number);
}

/* What a reader has: the last number that he has seen. */
struct reader {
	uint64_t after, seen, lost;
};

static void read_some(struct reader *reader, const struct events *events, uint64_t next, size_t most)
{
	uint64_t oldest = next - events->first > EVENTS_KEPT ? next - EVENTS_KEPT : events->first;

	for (size_t i = 0; i < most; i++) {
		const struct event *event = events_after(events, reader->after);
		uint64_t lost = events_lost(events, reader->after);

		model_expect(lost == (reader->after + 1 < oldest ? oldest - reader->after - 1 : 0), "lost: %llu",
			     (unsigned long long)lost);
		model_expect(!event == (reader->after + 1 >= next), "there is an event, or none");
		if (!event)
			return;
		expect_event(event, reader->after + 1 + lost);
		reader->after = event->number;
		reader->lost += lost;
		reader->seen++;
	}
}

static void walk(void)
{
	const uint64_t first = model_below(2) ? 1 : 1795881220407500u + model_below(1000);
	struct reader readers[READERS];
	struct events events;
	uint64_t next = first;

	assert_int_equal(events_init(&events, first), 0);
	for (size_t i = 0; i < READERS; i++)
		readers[i] = (struct reader){ .after = events_resume(&events, 0) };
	for (size_t step = 0; step < STEPS; step++) {
		struct reader *reader = &readers[model_below(READERS)];
		size_t count = model_below(8) ? model_below(20) : model_below(3 * EVENTS_KEPT);
		char words[64];

		model_step("%zu events", count);
		for (size_t i = 0; i < count; i++) {
			struct event event = make_event(next++, words);

			events_add(&events, &event);
			/* the ring has copies */
			memset(words, 'x', sizeof(words) - 1);
		}
		model_expect(events_last(&events) == next - 1, "last");
		count = model_below(4) ? model_below(100) : SIZE_MAX;
		model_result(", reader %zu reads %zu", (size_t)(reader - readers), count);
		read_some(reader, &events, next, count);
		model_expect(events_resume(&events, reader->after) == reader->after || reader->after == first - 1,
			     "a number that a reader has come to is one");
		model_expect(events_resume(&events, next + model_below(1000)) == first - 1, "none yet");
		model_expect(events_resume(&events, first - 1 - model_below(first > 1000 ? 1000 : 1)) == first - 1,
			     "another daemon's");
	}
	/* each has seen all, or been told how many he has not */
	for (size_t i = 0; i < READERS; i++) {
		read_some(&readers[i], &events, next, SIZE_MAX);
		model_expect(readers[i].seen + readers[i].lost == next - first, "reader %zu", i);
	}
	events_done(&events);
}

TEST(test_events_are_seen_or_counted_by_readers_of_all_speeds)
{
	model_run(walk, 6);
}

TEST(test_events_without_memory_have_no_words)
{
	char words[64];
	struct event event = make_event(35, words);
	struct events events;

	faults_order("memory", 0, 1, ENOMEM);
	assert_int_equal(events_init(&events, 1), -ENOMEM);
	faults_clear();
	assert_int_equal(events_init(&events, 1), 0);
	faults_order("memory", 0, FAULTS_ALWAYS, ENOMEM);
	events_add(&events, &event);
	faults_clear();
	assert_null(events_after(&events, 0)->reason);
	assert_null(events_after(&events, 0)->directory);
	assert_int_equal(events_after(&events, 0)->kind, event.kind);
	events_done(&events);
}

TEST(test_events_have_reasons_that_are_not_too_long)
{
	static char words[3 * EVENTS_WORDS_BYTES];
	struct event event = { .kind = EVENT_FAILED, .reason = words };
	struct events events;

	memset(words, 'w', sizeof(words) - 1);
	assert_int_equal(events_init(&events, 1), 0);
	events_add(&events, &event);
	assert_int_equal(strlen(events_after(&events, 0)->reason), EVENTS_WORDS_BYTES - 1);
	events_done(&events);
}

/* They are in scripts, and in rules of monitoring. */
TEST(test_event_kinds_have_names_and_ids_of_their_own)
{
	for (int i = 0; i < EVENT_KINDS; i++) {
		const char *id = event_message_id((enum event_kind)i);

		assert_int_equal(strspn(id, "0123456789abcdef"), 32);
		assert_int_equal(strlen(id), 32);
		for (int k = 0; k < i; k++) {
			assert_string_not_equal(id, event_message_id((enum event_kind)k));
			assert_string_not_equal(event_kind_name((enum event_kind)i),
						event_kind_name((enum event_kind)k));
		}
	}
}
