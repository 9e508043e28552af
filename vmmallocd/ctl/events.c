/* SPDX-License-Identifier: BSD-3-Clause */
/* events -- vmmallocctl events: what the daemon has done, and what it does. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/util/cleanup.h"
#include "common/util/suggest.h"
#include "vmmallocd/ctl/argument.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/event_line.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/filter.h"
#include "vmmallocd/ctl/follow.h"

#define LAST_USUAL 10     /* as many events come first, if more are waited for */
#define LAST_MOST 1000000
#define KINDS_MOST 32

/* What is asked for. */
struct wish {
	const char *class;                /* NULL: any */
	const char *kinds[KINDS_MOST];    /* none: any */
	size_t kind_count;
	long long last;                   /* so many at first; -1: not said */
	bool json, no_follow;
};

static int add_kind(struct wish *wish, const char *kind)
{
	struct suggest suggest = { .word = kind };
	char hint[SUGGEST_BYTES];

	/* said twice is said once: so there is room for all that there are */
	for (size_t i = 0; i < wish->kind_count; i++)
		if (strcmp(wish->kinds[i], kind) == 0)
			return -1;
	for (size_t i = 0; event_kinds[i]; i++) {
		if (strcmp(event_kinds[i], kind) == 0 && wish->kind_count < KINDS_MOST) {
			wish->kinds[wish->kind_count++] = event_kinds[i];
			return -1;
		}
		suggest_offer(&suggest, event_kinds[i]);
	}
	suggest_say(&suggest, hint);
	ctl_complain("--kind (%s): there is no such kind%s", kind, *hint ? hint : "; vmmallocd(8) lists them");
	return CTL_USAGE;
}

enum { CLASS = COMMAND_OPTION_OWN, KIND, LAST, NO_FOLLOW };

static const struct command_option events_options[] = {
	{ "json", 'J', NULL, "as JSON, an object a line" },
	{ "class", CLASS, "CLASS", "only events of this class" },
	{ "kind", KIND, "KIND", "only events of this kind; with several of these options, of those kinds" },
	{ "last", LAST, "N", "first the last N that the daemon still has: 10, or all with --no-follow" },
	{ "no-follow", NO_FOLLOW, NULL, "only what there is already" },
	{ 0 },
};

static int take_events_option(struct wish *wish, int option)
{
	switch (option) {
	case 'J': wish->json = true; return -1;
	case CLASS: wish->class = optarg; return argument_class("--class", optarg);
	case KIND: return add_kind(wish, optarg);
	case LAST: return argument_number("--last", optarg, 0, LAST_MOST, &wish->last);
	default: wish->no_follow = true; return -1;
	}
}

static bool is_wanted(const struct wish *wish, const json_t *event)
{
	const char *kind = field_text(event, "kind");
	size_t i = 0;

	while (i < wish->kind_count && strcmp(wish->kinds[i], kind) != 0)
		i++;
	return (wish->kind_count == 0 || i < wish->kind_count) &&
	       (!wish->class || strcmp(wish->class, field_text(event, "class")) == 0);
}

/* Of an array of events those that are wanted, with numbers up to `newest`; of these the last ones. */
static int print_events(const struct wish *wish, const json_t *events, json_int_t newest, size_t last)
{
	size_t wanted = 0, i;
	int status = CTL_OK;
	const json_t *event;

	json_array_foreach((json_t *)events, i, event)
		wanted += is_wanted(wish, event) && field_number(event, "number") <= newest;
	json_array_foreach((json_t *)events, i, event) {
		if (!is_wanted(wish, event) || field_number(event, "number") > newest)
			continue;
		if (status == CTL_OK && wanted <= last)
			status = wish->json ? event_line_print_json(event) : event_line_print(event);
		wanted--;
	}
	return status;
}

/* The reader of a pipe waits for a line as it comes, and not for more of them. */
static int write_out(void)
{
	if (fflush(stdout) == 0)
		return CTL_OK;
	ctl_complain("standard output: %s", strerrordesc_np(errno));
	return CTL_FAILED;
}

static bool has_events_of(const json_t *events, const char *class)
{
	const json_t *event;
	size_t i;

	json_array_foreach((json_t *)events, i, event)
		if (strcmp(field_text(event, "class"), class) == 0)
			return true;
	return false;
}

/* A class that there is not, and of which there are no events: it is waited for, and that is said, or refused. */
static int check_wished_class(const struct ctl *ctl, const struct wish *wish, const json_t *events)
{
	CLEANUP(json_decrefp) json_t *reply = NULL;
	const json_t *classes;
	char hint[SUGGEST_BYTES];
	int status;

	if (!wish->class || has_events_of(events, wish->class))
		return CTL_OK;
	status = client_call(ctl, "Status", NULL, &reply);
	classes = json_object_get(reply, "classes");
	if (status != CTL_OK)
		return status;
	if (wish->no_follow)
		return filter_check_class(classes, wish->class);
	if (!filter_has_class(classes, wish->class, hint))
		ctl_complain("waiting for a class '%s', which there is not%s", wish->class,
			     *hint ? hint : "; vmmallocctl status lists all");
	return CTL_OK;
}

static int print_kept(const struct ctl *ctl, const struct wish *wish, json_int_t newest, size_t last)
{
	CLEANUP(json_decrefp) json_t *reply = NULL;
	int status = last > 0 ? client_call(ctl, "Events", NULL, &reply) : CTL_OK;

	if (status == CTL_OK)
		status = check_wished_class(ctl, wish, json_object_get(reply, "events"));
	if (status == CTL_OK && reply)
		status = print_events(wish, json_object_get(reply, "events"), newest, last);
	return status == CTL_OK ? write_out() : status;
}

static void print_lost(const struct wish *wish, json_int_t lost)
{
	if (lost == 0)
		return;
	ctl_complain("%" JSON_INTEGER_FORMAT " events were lost: they came faster than they were read", lost);
	if (wish->json)
		printf("{\"version\":1,\"lost\":%" JSON_INTEGER_FORMAT "}\n", lost);
}

static int follow_events(const struct ctl *ctl, const struct wish *wish)
{
	CLEANUP(follow_end) struct follow follow;
	int status = follow_begin(&follow, ctl, STDOUT_FILENO, CLIENT_NEVER);

	if (status == CTL_OK)
		status = print_kept(ctl, wish, follow.last, wish->last < 0 ? LAST_USUAL : (size_t)wish->last);
	while (status == CTL_OK) {
		CLEANUP(json_decrefp) json_t *reply = NULL;

		status = follow_next(&follow, &reply);
		if (status != CTL_OK)
			break;
		print_lost(wish, field_number(reply, "lost"));
		status = print_events(wish, json_object_get(reply, "events"), INT64_MAX, SIZE_MAX);
		if (status == CTL_OK)
			status = write_out();
	}
	/* nobody reads any more: that is no failure */
	return status < 0 ? CTL_OK : status;
}

static int ctl_events(struct ctl *ctl, int argc, char **argv)
{
	struct wish wish = { .last = -1 };
	int option, status;

	while ((option = ctl_next_option(ctl, argc, argv, &status)) != 0)
		if ((status = take_events_option(&wish, option)) >= 0)
			return status;
	if (status >= 0 || (status = ctl_no_more(argc, argv)) != CTL_OK)
		return status;
	if (wish.no_follow)
		return print_kept(ctl, &wish, INT64_MAX, wish.last < 0 ? SIZE_MAX : (size_t)wish.last);
	return follow_events(ctl, &wish);
}

static const struct command_example events_examples[] = {
	{ "what the daemon does, from now on", "events --last 0" },
	{ "what went wrong with a class, as far as the daemon remembers",
	  "events --no-follow --class fast --kind refused --kind failed --kind class_short" },
	{ "for a program to read", "events --json" },
	{ 0 },
};

const struct command events_command = {
	.name = "events",
	.function = ctl_events,
	.summary = "what the daemon has done, and what it does, as it comes",
	.text = "A line for each event: pools made, handed out, given back, removed; requests that are refused, and"
		" why; classes that are short of pools; directories that are full or gone. More come as they happen,"
		" until Ctrl-C; a daemon that is started anew is waited for.",
	.options = events_options,
	.examples = events_examples,
};
