/* SPDX-License-Identifier: BSD-3-Clause */
/* filter -- see filter.h. */
#include "vmmallocd/ctl/filter.h"

#include <errno.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/pool_table.h"

#define ITEM_BYTES 256
#define STATES_SAID "; there are creating, warming, ready, leased, recycling, quarantined, failed and waiting"

/* The next item of a list with commas; false: there is none. One that is too long to be anything is cut. */
static bool next_item(const char **list, char item[ITEM_BYTES])
{
	size_t length;

	if (!*list)
		return false;
	length = strcspn(*list, ",");
	snprintf(item, ITEM_BYTES, "%.*s", (int)length, *list);
	*list = (*list)[length] == ',' ? *list + length + 1 : NULL;
	return true;
}

static bool is_in_list(const char *list, const char *word)
{
	char item[ITEM_BYTES];

	while (next_item(&list, item))
		if (strcmp(item, word) == 0)
			return true;
	return false;
}

int filter_set_states(struct filter *filter, const char *states)
{
	const char *rest = states;
	char item[ITEM_BYTES], hint[SUGGEST_BYTES];

	while (next_item(&rest, item)) {
		struct suggest suggest = { .word = item };
		const char *const *state = pool_table_states;

		for (; *state && strcmp(*state, item) != 0; state++)
			suggest_offer(&suggest, *state);
		if (*state)
			continue;
		suggest_say(&suggest, hint);
		ctl_complain("--state: unknown state '%s'%s", item, *hint ? hint : STATES_SAID);
		return CTL_USAGE;
	}
	filter->states = states;
	return CTL_OK;
}

/* A name, or the number of one that may have none. */
static bool find_user(const char *name, uid_t *ret_uid)
{
	const struct passwd *user = getpwnam(name);
	char *end;
	unsigned long long number;

	if (user) {
		*ret_uid = user->pw_uid;
		return true;
	}
	errno = 0;
	number = strtoull(name, &end, 10);
	if (name[0] < '0' || name[0] > '9' || *end != '\0' || errno != 0 || number >= (uid_t)-1)
		return false;
	*ret_uid = (uid_t)number;
	return true;
}

int filter_set_users(struct filter *filter, const char *users)
{
	char item[ITEM_BYTES];
	uid_t uid;

	while (next_item(&users, item)) {
		if (!find_user(item, &uid)) {
			ctl_complain("--user (%s): there is no such user", item);
			return CTL_NO_SUCH;
		}
		if (filter->user_count == FILTER_USERS_MOST) {
			ctl_complain("--user (%s): expected %d users at the most", item, FILTER_USERS_MOST);
			return CTL_USAGE;
		}
		filter->users[filter->user_count++] = uid;
	}
	return CTL_OK;
}

bool filter_has_class(const json_t *classes, const char *name, char hint[SUGGEST_BYTES])
{
	struct suggest suggest = { .word = name };
	const json_t *class;
	size_t i;

	json_array_foreach((json_t *)classes, i, class) {
		if (strcmp(field_text(class, "name"), name) == 0)
			return true;
		suggest_offer(&suggest, field_text(class, "name"));
	}
	suggest_say(&suggest, hint);
	return false;
}

int filter_check_class(const json_t *classes, const char *name)
{
	char hint[SUGGEST_BYTES];

	if (filter_has_class(classes, name, hint))
		return CTL_OK;
	ctl_complain("there is no class '%s'%s", name, *hint ? hint : "; vmmallocctl status lists all");
	return CTL_NO_SUCH;
}

int filter_set_classes(struct filter *filter, const struct ctl *ctl, char *const *classes, size_t count)
{
	CLEANUP(json_decrefp) json_t *reply = NULL;
	int status = count > 0 ? client_call(ctl, "Status", NULL, &reply) : CTL_OK;

	for (size_t i = 0; i < count && status == CTL_OK; i++)
		status = filter_check_class(json_object_get(reply, "classes"), classes[i]);
	filter->classes = classes;
	filter->class_count = count;
	return status;
}

static bool has_class(const struct filter *filter, const json_t *row)
{
	for (size_t i = 0; i < filter->class_count; i++)
		if (strcmp(field_text(row, "class"), filter->classes[i]) == 0)
			return true;
	return filter->class_count == 0;
}

/* Of a pool its owner's, of a process its own. */
static bool has_user(const struct filter *filter, const json_t *row)
{
	const json_t *owner = json_object_get(row, "owner");
	const json_t *uid = json_object_get(owner ? owner : row, "uid");

	for (size_t i = 0; i < filter->user_count; i++)
		if (json_is_integer(uid) && json_integer_value(uid) == (json_int_t)filter->users[i])
			return true;
	return filter->user_count == 0;
}

static bool has_state(const struct filter *filter, const json_t *row)
{
	const char *state = json_string_value(json_object_get(row, "state"));

	return !filter->states || is_in_list(filter->states, state ? state : "waiting");
}

json_t *filter_rows(const struct filter *filter, const json_t *rows)
{
	CLEANUP(json_decrefp) json_t *passed = json_array();
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row)
		if (has_class(filter, row) && has_user(filter, row) && has_state(filter, row) &&
		    json_array_append(passed, row) < 0)
			return NULL;
	return steal_pointer(&passed);
}
