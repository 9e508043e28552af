/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * orders -- vmmallocctl drain, enable, disable, resize, top-up, create and destroy: what root and the daemon's own user
 * order for a class or a pool.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/util/cleanup.h"
#include "common/util/steady_clock.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/follow.h"
#include "vmmallocd/ctl/format.h"
#include "vmmallocd/ctl/pool_match.h"
#include "vmmallocd/ctl/pool_table.h"
#include "vmmallocd/ctl/progress.h"
#include "vmmallocd/ctl/removal.h"
#include "vmmallocd/ctl/words.h"

#define POLL_MS 250
#define WAIT_FOREVER UINT64_MAX
#define COUNT_MOST 65536           /* `max` of a class: vmmallocd.conf(5) */

/* The rest of a command line that has a word and no options of its own. Returns -1: go on. */
static int read_only_word(struct ctl *ctl, const char *what, int argc, char **argv, const char **ret_word)
{
	int status;

	(void)ctl_next_option(ctl, argc, argv, &status);
	return status < 0 ? words_take_last(what, argc, argv, ret_word) : status;
}

static int call_for_class(const struct ctl *ctl, const char *method, const char *class, json_t **ret_reply)
{
	return client_call(ctl, method, json_pack("{s:s}", "class", class), ret_reply);
}

/* --- drain and enable --- */

static int print_holders(const json_t *holders)
{
	static const struct table_style style = { .kind = &pool_table,
						  .columns = "CLASS,ID,STATE,SIZE,PID,USER,COMMAND,AGE" };

	return json_array_size(holders) > 0 ? table_print(&style, holders, NULL) : CTL_OK;
}

/*
 * Who has a pool of the class now: *reply becomes the new answer, and stays the last one while no daemon answers. The
 * order is kept, so the next daemon is waited for, as follow.c does it; *is_away: one is. An exit status.
 */
static int ask_holders(const struct ctl *ctl, const char *class, bool *is_away, json_t **reply)
{
	json_t *parameters = json_pack("{s:s}", "class", class), *answer = NULL;
	char words[1024] = "";
	struct text complaint = TEXT_INIT(words);
	int status = client_ask(ctl, "Holders", parameters, &answer, &complaint);

	if (status == CTL_UNREACHABLE) {
		if (!*is_away)
			follow_say_gone(ctl);
		*is_away = true;
		return CTL_OK;
	}
	if (*is_away)
		follow_say_back(ctl);
	*is_away = false;
	if (status != CTL_OK) {
		ctl_complain("%s", words);
		return status;
	}
	json_decref(*reply);
	*reply = answer;
	return CTL_OK;
}

/*
 * Asks again until nobody has a pool of the class, or the time is over. `*reply` is the last answer. -1: that went
 * well, and how many have one is in it.
 */
static int wait_for_holders(const struct ctl *ctl, const char *class, uint64_t wait_ms, json_t **reply)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000 };
	int64_t began_ms = steady_clock_ms();
	uint64_t passed_ms = 0;
	size_t most = json_array_size(json_object_get(*reply, "holders")), count = most;
	int status = CTL_OK;
	bool is_away = false;

	while (status == CTL_OK && count > 0 && passed_ms < wait_ms) {
		char age[FORMAT_BYTES];

		format_age((long long)(passed_ms / 1000), age);
		progress_show(most - count, most, "class '%s': pools held: %zu, for %s", class, count, age);
		nanosleep(&pause, NULL);
		status = ask_holders(ctl, class, &is_away, reply);
		count = json_array_size(json_object_get(*reply, "holders"));
		most = count > most ? count : most;
		passed_ms = (uint64_t)(steady_clock_ms() - began_ms);
		if (status == CTL_OK &&
		    strcmp(field_text(json_object_get(*reply, "class"), "service"), "serving") == 0) {
			ctl_complain("class '%s' was enabled meanwhile", class);
			status = CTL_FAILED;
		}
	}
	progress_clear();
	return status == CTL_OK ? -1 : status;
}

static int read_wait(const char *text, uint64_t *ret_ms)
{
	unsigned seconds;

	if (text && !words_number("--wait", text, 0, INT32_MAX, &seconds))
		return CTL_USAGE;
	*ret_ms = text ? (uint64_t)seconds * 1000 : WAIT_FOREVER;
	return -1;
}

static int drain_class(const struct ctl *ctl, const char *class, bool waits, uint64_t wait_ms)
{
	CLEANUP(json_decrefp) json_t *reply = NULL;
	const json_t *holders;
	int status = call_for_class(ctl, "Drain", class, &reply);

	if (status != CTL_OK)
		return status;
	status = waits ? wait_for_holders(ctl, class, wait_ms, &reply) : -1;
	if (status >= 0)
		return status;
	holders = json_object_get(reply, "holders");
	status = print_holders(holders);
	if (status != CTL_OK)
		return status;
	if (waits && json_array_size(holders) > 0) {
		ctl_complain("class '%s' is drained, and after %llu s %zu of its pools are still held", class,
			     (unsigned long long)(wait_ms / 1000), json_array_size(holders));
		return CTL_FAILED;
	}
	printf("class '%s' is drained; pools of it that are held: %zu\n", class, json_array_size(holders));
	return CTL_OK;
}

static const struct command_option drain_options[] = {
	{ "wait", COMMAND_OPTION_OWN, "[=SECONDS]", "until nobody has a pool of it, so long at the most" },
	{ 0 },
};

static int ctl_drain(struct ctl *ctl, int argc, char **argv)
{
	uint64_t wait_ms = 0;
	const char *class = NULL;
	bool waits = false;
	int status;

	while (ctl_next_option(ctl, argc, argv, &status) != 0) {
		waits = true;
		status = read_wait(optarg, &wait_ms);
		if (status >= 0)
			return status;
	}
	if (status < 0)
		status = words_take_last("a class", argc, argv, &class);
	if (waits && wait_ms != WAIT_FOREVER)
		ctl->deadline_ms = steady_clock_ms() + (int64_t)wait_ms;
	return status < 0 ? drain_class(ctl, class, waits, wait_ms) : status;
}

static int ctl_enable(struct ctl *ctl, int argc, char **argv)
{
	CLEANUP(json_decrefp) json_t *reply = NULL;
	const char *class = NULL;
	int status = read_only_word(ctl, "a class", argc, argv, &class);

	if (status < 0)
		status = call_for_class(ctl, "Enable", class, &reply);
	if (reply)
		printf("class '%s' is served\n", class);
	return status;
}

static int ctl_disable(struct ctl *ctl, int argc, char **argv)
{
	CLEANUP(json_decrefp) json_t *before = NULL, *reply = NULL;
	const char *class = NULL;
	int status = read_only_word(ctl, "a class", argc, argv, &class), removed;

	/* one line for a daemon that knows no orders */
	if (status >= 0 || (status = call_for_class(ctl, "Holders", class, &before)) != CTL_OK)
		return status;
	removed = removal_call(ctl, "Disable", json_pack("{s:s}", "class", class), "ready pools removed");
	if (removed != CTL_OK && removed != CTL_FAILED)
		return removed;
	status = call_for_class(ctl, "Holders", class, &reply);
	if (status != CTL_OK)
		return status;
	if (strcmp(field_text(json_object_get(reply, "class"), "service"), "disabled") == 0)
		printf("class '%s' is disabled; pools of it that are held: %zu\n", class,
		       json_array_size(json_object_get(reply, "holders")));
	return removed;
}

/* --- resize --- */

/* What is not given stays as it is. */
static int resize_class(const struct ctl *ctl, const char *class, const unsigned *ready, const unsigned *max)
{
	CLEANUP(json_decrefp) json_t *before = NULL, *reply = NULL;
	const json_t *found;
	int status = call_for_class(ctl, "Holders", class, &before);

	if (status != CTL_OK)
		return status;
	found = json_object_get(before, "class");
	status = client_call(ctl, "Resize",
			     json_pack("{s:s, s:I, s:I}", "class", class,
				       "ready", (json_int_t)(ready ? *ready : field_number(found, "ready")),
				       "max", (json_int_t)(max ? *max : field_number(found, "max"))), &reply);
	found = json_object_get(reply, "class");
	if (status == CTL_OK)
		printf("class '%s' has ready = %lld and max = %lld until the configuration is read again\n", class,
		       field_number(found, "ready"), field_number(found, "max"));
	return status;
}

enum { OPTION_READY = COMMAND_OPTION_OWN, OPTION_MAX };

static const struct command_option resize_options[] = {
	{ "ready", OPTION_READY, "N", "pools that are kept ready" },
	{ "max", OPTION_MAX, "N", "pools in all" },
	{ 0 },
};

static int ctl_resize(struct ctl *ctl, int argc, char **argv)
{
	unsigned ready, max, *has_ready = NULL, *has_max = NULL;
	const char *class = NULL;
	int option, status;

	while ((option = ctl_next_option(ctl, argc, argv, &status)) != 0) {
		bool is_ready = option == OPTION_READY;

		if (!words_number(is_ready ? "--ready" : "--max", optarg, is_ready ? 0 : 1, COUNT_MOST,
				 is_ready ? (has_ready = &ready) : (has_max = &max)))
			return CTL_USAGE;
	}
	if (status < 0)
		status = words_take_last("a class", argc, argv, &class);
	if (status >= 0)
		return status;
	if (!has_ready && !has_max) {
		ctl_complain("resize: --ready or --max is missing; try vmmallocctl resize --help");
		return CTL_USAGE;
	}
	return resize_class(ctl, class, has_ready, has_max);
}

/* --- top-up and create --- */

/* The first call may order more; those that follow ask what has become of it. */
static int fill_class(const struct ctl *ctl, const char *class, const char *method, unsigned count, json_t *parameters)
{
	CLEANUP(json_decrefp) json_t *reply = NULL;
	long long made = 0;
	int status = client_call(ctl, method, parameters, &reply);

	while (status == CTL_OK) {
		made += field_number(reply, "made");
		if (!json_is_false(json_object_get(reply, "done")))
			break;
		progress_show((size_t)made, count, "class '%s': pools made: %lld", class, made);
		json_decref(reply);
		reply = NULL;
		status = call_for_class(ctl, "TopUp", class, &reply);
	}
	progress_clear();
	if (status != CTL_OK)
		return status;
	printf("class '%s': pools made: %lld\n", class, made);
	if (!*field_text(reply, "problem"))
		return CTL_OK;
	ctl_complain("class '%s': %s", class, field_text(reply, "problem"));
	return CTL_FAILED;
}

static int ctl_top_up(struct ctl *ctl, int argc, char **argv)
{
	const char *class = NULL;
	int status = read_only_word(ctl, "a class", argc, argv, &class);

	return status < 0 ? fill_class(ctl, class, "TopUp", 0, json_pack("{s:s}", "class", class)) : status;
}

static int ctl_create(struct ctl *ctl, int argc, char **argv)
{
	const char *class = NULL;
	unsigned count = 1;
	int status;

	(void)ctl_next_option(ctl, argc, argv, &status);
	if (status < 0)
		status = words_take("a class", argc, argv, &class);
	if (status < 0 && optind < argc && !words_number("COUNT", argv[optind++], 1, COUNT_MOST, &count))
		status = CTL_USAGE;
	if (status < 0 && (status = ctl_no_more(argc, argv)) == CTL_OK)
		status = fill_class(ctl, class, "Create", count,
				    json_pack("{s:s, s:I}", "class", class, "count", (json_int_t)count));
	return status;
}

/* --- destroy --- */

static int ctl_destroy(struct ctl *ctl, int argc, char **argv)
{
	CLEANUP(json_decrefp) json_t *pool = NULL;
	const char *which = NULL;
	int status = read_only_word(ctl, "a pool", argc, argv, &which);

	if (status >= 0 || (status = pool_match_one(ctl, which, &pool)) != CTL_OK)
		return status;
	return removal_call(ctl, "Destroy", json_pack("{s:s}", "pool", field_text(pool, "id")), "pools removed");
}

/* --- what describes them --- */

static const struct command_example drain_examples[] = {
	{ "before its mount is taken away: who has a pool", "drain fast" },
	{ "until the last one has ended, ten minutes at the most", "drain fast --wait=600" },
	{ 0 },
};

const struct command drain_command = {
	.name = "drain",
	.function = ctl_drain,
	.synopsis = "CLASS",
	.summary = "give nobody a pool of a class any more, and list who has one",
	.text = "Give nobody a pool of the class any more, and list who has one. Those who wait for one are told so."
		" Its ready pools stay. It is so until it is enabled, through reloads and restarts of the daemon.",
	.options = drain_options,
	.examples = drain_examples,
};

static const struct command_example disable_examples[] = {
	{ "nobody gets a pool of it, and it takes no memory", "disable fast" },
	{ 0 },
};

const struct command disable_command = {
	.name = "disable",
	.function = ctl_disable,
	.synopsis = "CLASS",
	.summary = "the same, and remove its ready pools",
	.text = "Drain the class, and remove its ready pools, and those that come back.",
	.examples = disable_examples,
};

static const struct command_example enable_examples[] = {
	{ "what drain or disable have ordered is over", "enable fast" },
	{ 0 },
};

const struct command enable_command = {
	.name = "enable",
	.function = ctl_enable,
	.synopsis = "CLASS",
	.summary = "serve a class again that was drained or disabled",
	.text = "Serve a class again that was drained or disabled.",
	.examples = enable_examples,
};

static const struct command_example resize_examples[] = {
	{ "for tonight, more pools", "resize fast --ready 4 --max 64" },
	{ 0 },
};

const struct command resize_command = {
	.name = "resize",
	.function = ctl_resize,
	.synopsis = "CLASS",
	.summary = "give a class other figures until the configuration is read again",
	.text = "Give a class another ready and max than the configuration says, until that is read again, by a reload"
		" or by another daemon. What is not given stays as it is.",
	.options = resize_options,
	.examples = resize_examples,
};

static const struct command_example top_up_examples[] = {
	{ "there is room again: do not wait for the daemon's next try", "top-up fast" },
	{ 0 },
};

const struct command top_up_command = {
	.name = "top-up",
	.function = ctl_top_up,
	.synopsis = "CLASS",
	.summary = "make the ready pools now that a class should have",
	.text = "Make the ready pools now that a class should have, though the daemon would only try again later.",
	.examples = top_up_examples,
};

static const struct command_example create_examples[] = {
	{ "before many programs start", "create fast 2" },
	{ 0 },
};

const struct command create_command = {
	.name = "create",
	.function = ctl_create,
	.synopsis = "CLASS [COUNT]",
	.summary = "make more ready pools than a class should have",
	.text = "Make so many ready pools, or one, besides those that the class should have. They stay until they are"
		" handed out, or the configuration is read again, or prune removes them.",
	.examples = create_examples,
};

static const struct command_example destroy_examples[] = {
	{ "by the beginning of its id, or the path of its file", "destroy 9b2d4112" },
	{ 0 },
};

const struct command destroy_command = {
	.name = "destroy",
	.function = ctl_destroy,
	.synopsis = "POOL",
	.summary = "remove a pool that nobody has",
	.text = "Remove a pool that is ready, quarantined or failed. A pool that somebody has is never removed.",
	.examples = destroy_examples,
};
