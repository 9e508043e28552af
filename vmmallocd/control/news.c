/* SPDX-License-Identifier: BSD-3-Clause */
/* news -- see news.h. */
#include "vmmallocd/control/news.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "vmmallocd/control/json.h"

struct output {
	int (*append)(const char *bytes, size_t count, void *context);
	void *context;
	size_t bytes;
};

void control_news_init(struct control_news *news, const struct events *events, bool follows, const uint64_t *after)
{
	uint64_t last = events_last(events), from = follows ? last : events_resume(events, 0);

	*news = (struct control_news){
		.events = events, .follows = follows, .after = after ? events_resume(events, *after) : from,
		.last = last,
	};
}

bool control_news_is_there(const struct control_news *news)
{
	return !news->has_told || (news->follows && events_last(news->events) > news->after);
}

static int put_text(struct output *output, const char *text)
{
	size_t count = strlen(text);

	output->bytes += count;
	return output->append(text, count, output->context);
}

static int put_event(struct output *output, const struct event *event)
{
	json_t *object = control_json_event(event);
	CLEANUP(cleanup_free) char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	return text ? put_text(output, text) : -ENOMEM;
}

static const struct event *next_event(const struct control_news *news)
{
	const struct event *event = events_after(news->events, news->after);

	return event && (news->follows || event->number <= news->last) ? event : NULL;
}

static int put_end(struct control_news *news, struct output *output)
{
	char text[128];

	/* by now the ring has none of these */
	if (!news->follows && news->after < news->last)
		news->lost += news->last - news->after;
	snprintf(text, sizeof(text), "],\"lost\":%" PRIu64 ",\"last\":%" PRIu64 "}%s}", news->lost,
		 events_last(news->events), news->follows ? ",\"continues\":true" : "");
	news->has_begun = false;
	news->has_told = true;
	return put_text(output, text);
}

int control_news_write(struct control_news *news, size_t most,
		       int (*append)(const char *bytes, size_t count, void *context), void *context)
{
	struct output output = { .append = append, .context = context };
	const char *before = news->has_begun ? "," : "{\"parameters\":{\"version\":1,\"events\":[";
	const struct event *event;
	int r = 0;

	if (!news->has_begun) {
		news->lost = 0;
		r = put_text(&output, before);
		before = "";
	}
	news->has_begun = true;
	for (event = next_event(news); r == 0 && event && output.bytes < most; event = next_event(news)) {
		news->lost += events_lost(news->events, news->after);
		news->after = event->number;
		r = put_text(&output, before);
		if (r == 0)
			r = put_event(&output, event);
		before = ",";
	}
	if (r != 0)
		return r;
	if (event && !news->follows)
		return 0;
	r = put_end(news, &output);
	return r == 0 ? 1 : r;
}
