/* SPDX-License-Identifier: BSD-3-Clause */
/* event_line -- see event_line.h. */
#include "vmmallocd/ctl/event_line.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <wchar.h>
#include <wctype.h>

#include "vmmallocd/ctl/ctl.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/format.h"
#include "vmmallocd/ctl/pool_table.h"
#include "vmmallocd/ctl/shape.h"

const char *const event_kinds[] = {
	"made", "ready", "handed_out", "refused", "waiting", "gave_up", "given_back", "held_again", "reclaimed",
	"quarantined", "failed", "vanished", "destroyed", "class_short", "class_enough", "class_problem",
	"class_ordered", "class_releases", "class_refills", "directory_full", "directory_gone", "directory_problem",
	"directory_in_service", "started", "reloaded", "reload_failed", NULL,
};

void event_time_format(long long time_us, char text[EVENT_TIME_BYTES])
{
	const time_t seconds = (time_t)(time_us / 1000000);
	struct tm parts;
	size_t length;

	if (!localtime_r(&seconds, &parts)) {
		snprintf(text, EVENT_TIME_BYTES, "-");
		return;
	}
	length = strftime(text, EVENT_TIME_BYTES, "%Y-%m-%d %H:%M:%S", &parts);
	snprintf(text + length, EVENT_TIME_BYTES - length, ".%03lld", time_us / 1000 % 1000);
}

/* What a process is called, or a directory, may be anything. */
void event_words_print(const char *words)
{
	mbstate_t state = { 0 };
	size_t length;
	wchar_t c;

	for (; *words; words += length) {
		length = mbrtowc(&c, words, strlen(words), &state);
		if (length == (size_t)-1 || length == (size_t)-2) {
			length = 1;
			state = (mbstate_t){ 0 };
			putchar('?');
		} else if (!iswprint((wint_t)c)) {
			putchar('?');
		} else {
			fwrite(words, 1, length, stdout);
		}
	}
}

static void put_owner(const json_t *owner)
{
	const char *command = field_text(owner, "comm");
	char user[FORMAT_BYTES];

	format_user((uid_t)field_number(owner, "uid"), user);
	event_words_print(*command ? command : "?");
	printf("[%lld] of user ", field_number(owner, "pid"));
	event_words_print(user);
}

int event_line_print(const json_t *event)
{
	const json_t *owner = json_object_get(event, "owner");
	const char *class = field_text(event, "class"), *pool = field_text(event, "pool");
	const char *directory = field_text(event, "directory"), *reason = field_text(event, "reason");
	/* mostly it is in the reason */
	bool has_place = *directory && !strstr(reason, directory);
	char time[EVENT_TIME_BYTES];

	event_time_format(field_number(event, "time_us"), time);
	printf("%s  %-20s %-12s %-*.*s ", time, field_text(event, "kind"), *class ? class : "-", POOL_TABLE_ID_SHOWN,
	       POOL_TABLE_ID_SHOWN, *pool ? pool : "-");
	if (owner)
		put_owner(owner);
	else if (has_place)
		event_words_print(directory);
	if (*reason)
		fputs(owner || has_place ? ": " : "", stdout);
	else if (!owner && !has_place)
		putchar('-');
	event_words_print(reason);
	putchar('\n');
	return CTL_OK;
}

int event_line_print_json(const json_t *event)
{
	static const char *const keys[] = { "number", "time_us", "kind", "class", "pool", "owner", "directory",
					    "reason", NULL };
	json_t *object = json_pack("{s:i}", "version", 1), *copy = shape_copy(event, keys);

	if (json_object_update(object, copy) != 0) {
		json_decref(object);
		object = NULL;
	}
	json_decref(copy);
	return shape_print(object, "the event");
}
