/* SPDX-License-Identifier: BSD-3-Clause */
/* wait -- vmmallocctl wait: until a class has ready pools. The daemon's events say when to look; nothing is polled. */
#include <string.h>

#include "common/base/handout.h"
#include "common/util/cleanup.h"
#include "common/util/steady_clock.h"
#include "vmmallocd/ctl/argument.h"
#include "vmmallocd/ctl/class_table.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/filter.h"
#include "vmmallocd/ctl/follow.h"

#define READY_MOST 1000000

struct waiter {
	const char *class;
	long long ready;
	long long seconds;     /* -1: however long it takes */
};

static const json_t *class_in(const json_t *status, const char *name)
{
	const json_t *class;
	size_t i;

	json_array_foreach((json_t *)json_object_get(status, "classes"), i, class)
		if (strcmp(field_text(class, "name"), name) == 0 && json_is_true(json_object_get(class, "configured")))
			return class;
	return NULL;
}

/* -1: not yet, and why, in *ret_class; else the exit status. */
static int look_at_class(const struct ctl *ctl, const struct waiter *waiter, json_t **ret_class)
{
	CLEANUP(json_decrefp) json_t *reply = NULL;
	int status = client_call(ctl, "Status", NULL, &reply);
	const json_t *class = class_in(reply, waiter->class);

	if (status != CTL_OK)
		return status;
	if (!class) {
		if (filter_check_class(json_object_get(reply, "classes"), waiter->class) == CTL_OK)
			ctl_complain("class '%s' is no longer configured", waiter->class);
		return CTL_NO_SUCH;
	}
	if (field_number(class, "max") < waiter->ready) {
		ctl_complain("--ready (%lld): class '%s' has no more than %lld pools (max)",
			     waiter->ready, waiter->class, field_number(class, "max"));
		return CTL_FAILED;
	}
	json_decref(*ret_class);
	*ret_class = json_incref((json_t *)class);
	return field_number(json_object_get(class, "counts"), "ready") >= waiter->ready ? CTL_OK : -1;
}

/* Whether there may be more ready pools since, or another configuration; also if it is not known what happened. */
static bool may_matter(const struct waiter *waiter, const json_t *reply)
{
	const json_t *events = json_object_get(reply, "events"), *event;
	size_t i;

	json_array_foreach((json_t *)events, i, event) {
		const char *class = field_text(event, "class");

		if (!*class || strcmp(class, waiter->class) == 0)
			return true;
	}
	return json_array_size(events) == 0 || field_number(reply, "lost") > 0;
}

static int complain_of_time(const struct waiter *waiter, const json_t *class)
{
	const char *problem = field_text(class, "problem"), *order = class_order(class);

	ctl_complain("class '%s' has %lld ready pools after %lld s%s%s%s%s", waiter->class,
		     field_number(json_object_get(class, "counts"), "ready"), waiter->seconds, *order ? "; it is " : "",
		     order, *problem ? ": " : "", problem);
	return CTL_FAILED;
}

static int wait_for_class(struct ctl *ctl, const struct waiter *waiter)
{
	int64_t deadline_ms = waiter->seconds < 0 ? CLIENT_NEVER : steady_clock_ms() + waiter->seconds * 1000ll;
	CLEANUP(follow_end) struct follow follow;
	CLEANUP(json_decrefp) json_t *class = NULL;
	int status, found = -1;
	bool looks = true;

	ctl->deadline_ms = deadline_ms;
	status = follow_begin(&follow, ctl, -1, deadline_ms);
	while (status == CTL_OK) {
		CLEANUP(json_decrefp) json_t *reply = NULL;

		if (looks)
			found = look_at_class(ctl, waiter, &class);
		/* the next daemon is waited for below, while there is time */
		if (found >= 0 && (found != CTL_UNREACHABLE || steady_clock_ms() >= deadline_ms))
			return found;
		status = follow_next(&follow, &reply);
		looks = status == CTL_OK && may_matter(waiter, reply);
	}
	return status < 0 ? complain_of_time(waiter, class) : status;
}

enum { WAIT_CLASS = COMMAND_OPTION_OWN, WAIT_READY, WAIT_TIMEOUT };

static const struct command_option wait_options[] = {
	{ "class", WAIT_CLASS, "CLASS", "of which class" },
	{ "ready", WAIT_READY, "N", "how many pools are to be ready" },
	{ "timeout", WAIT_TIMEOUT, "SECONDS", "no longer than this; without it, however long it takes" },
	{ 0 },
};

static int take_wait_option(struct waiter *waiter, int option)
{
	if (option == WAIT_CLASS) {
		waiter->class = optarg;
		return argument_class("--class", optarg);
	}
	if (option == WAIT_READY)
		return argument_number("--ready", optarg, 1, READY_MOST, &waiter->ready);
	return argument_number("--timeout", optarg, 0, HANDOUT_WAIT_MOST_S, &waiter->seconds);
}

static int ctl_wait(struct ctl *ctl, int argc, char **argv)
{
	struct waiter waiter = { .seconds = -1 };
	int option, status;

	while ((option = ctl_next_option(ctl, argc, argv, &status)) != 0)
		if ((status = take_wait_option(&waiter, option)) >= 0)
			return status;
	if (status >= 0 || (status = ctl_no_more(argc, argv)) != CTL_OK)
		return status;
	if (waiter.class && waiter.ready > 0)
		return wait_for_class(ctl, &waiter);
	ctl_complain("wait: for what? Give --class CLASS and --ready N; try vmmallocctl wait --help");
	return CTL_USAGE;
}

static const struct command_example wait_examples[] = {
	{ "before a service that needs a pool at once", "wait --class fast --ready 1 --timeout 60" },
	{ 0 },
};

const struct command wait_command = {
	.name = "wait",
	.function = ctl_wait,
	.synopsis = "--class CLASS --ready N",
	.summary = "wait until a class has ready pools",
	.text = "Wait until so many pools of the class are ready. The exit status is 1 if they are not in time, and 4"
		" if there is no such class.",
	.options = wait_options,
	.examples = wait_examples,
};
