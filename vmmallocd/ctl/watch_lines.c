/* SPDX-License-Identifier: BSD-3-Clause */
/* watch_lines -- see watch.h: the classes, and then each that has changed when something has happened. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "vmmallocd/ctl/class_table.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/event_line.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/follow.h"
#include "vmmallocd/ctl/shape.h"
#include "vmmallocd/ctl/watch.h"

static long long real_us_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

/* What is said of a class; malloc'ed. NULL: no memory. */
static char *describe_class(const json_t *class, bool json)
{
	const json_t *counts = json_object_get(class, "counts");
	const char *problem = field_text(class, "problem"), *order = class_order(class);
	CLEANUP(json_decrefp) json_t *shape = json ? shape_class(class) : NULL;
	char *text;

	if (json)
		return json_dumps(shape, JSON_COMPACT);
	if (asprintf(&text, "%-12s ready %lld/%lld  leased %lld  busy %lld  bad %lld  max %lld  waiting %lld%s%s%s%s%s",
		     field_text(class, "name"), field_number(counts, "ready"), field_number(class, "ready"),
		     field_number(counts, "leased"),
		     field_number(counts, "creating") + field_number(counts, "warming") +
			     field_number(counts, "recycling"),
		     field_number(counts, "quarantined") + field_number(counts, "failed"), field_number(class, "max"),
		     field_number(class, "waiting"),
		     *order ? "  is " : "", order,
		     json_is_false(json_object_get(class, "configured")) ? "  is no longer configured" : "",
		     *problem ? "  " : "", problem) < 0)
		return NULL;
	return text;
}

static void print_description(const char *text, bool json)
{
	char time[EVENT_TIME_BYTES];

	if (json) {
		printf("{\"version\":1,\"time_us\":%lld,%s\n", real_us_now(), text + 1);
		return;
	}
	event_time_format(real_us_now(), time);
	printf("%s  ", time);
	event_words_print(text);
	putchar('\n');
}

/* Those of which something else is said than before, in `said`, by their names. */
static int print_changed(const json_t *classes, json_t *said, bool json)
{
	const json_t *class;
	size_t i;

	json_array_foreach((json_t *)classes, i, class) {
		const char *name = field_text(class, "name");
		const char *before = json_string_value(json_object_get(said, name));
		CLEANUP(cleanup_free) char *text = describe_class(class, json);

		if (text && before && strcmp(text, before) == 0)
			continue;
		if (!text || json_object_set_new(said, name, json_string(text)) < 0) {
			ctl_complain("%s", strerrordesc_np(ENOMEM));
			return CTL_FAILED;
		}
		print_description(text, json);
	}
	if (fflush(stdout) == 0)
		return CTL_OK;
	ctl_complain("standard output: %s", strerrordesc_np(errno));
	return CTL_FAILED;
}

int watch_lines(const struct ctl *ctl, bool json)
{
	CLEANUP(follow_end) struct follow follow;
	CLEANUP(json_decrefp) json_t *said = json_object();
	int status = follow_begin(&follow, ctl, STDOUT_FILENO, CLIENT_NEVER);

	while (status == CTL_OK) {
		CLEANUP(json_decrefp) json_t *reply = NULL, *events = NULL;

		/* a daemon that has gone since is waited for below */
		if (client_try(ctl, "Status", &reply) == 0)
			status = print_changed(json_object_get(reply, "classes"), said, json);
		if (status == CTL_OK)
			status = follow_next(&follow, &events);
	}
	return status < 0 ? CTL_OK : status;
}
