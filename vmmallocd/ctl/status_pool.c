/* SPDX-License-Identifier: BSD-3-Clause */
/* status_pool -- vmmallocctl status PID|POOL. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/util/size_format.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/format.h"
#include "vmmallocd/ctl/table.h"
#include "vmmallocd/ctl/status.h"

typedef bool (*match_function)(const json_t *pool, const char *which);

static bool is_owned_by(const json_t *pool, const char *which)
{
	const json_t *pid = json_object_get(json_object_get(pool, "owner"), "pid");
	char *end;

	errno = 0;

	long long wanted = strtoll(which, &end, 10);

	return json_is_integer(pid) && errno == 0 && *end == '\0' && wanted > 0 && json_integer_value(pid) == wanted;
}

static bool is_at(const json_t *pool, const char *which)
{
	const char *path = json_string_value(json_object_get(pool, "path"));

	return path && strcmp(path, which) == 0;
}

static bool has_id(const json_t *pool, const char *which)
{
	const char *id = json_string_value(json_object_get(pool, "id"));

	return id && which[0] != '\0' && strncasecmp(id, which, strlen(which)) == 0;
}

/* A new array, or NULL for want of memory. */
static json_t *matching(const json_t *pools, match_function match, const char *which)
{
	json_t *matches = json_array(), *pool;
	size_t i;

	json_array_foreach((json_t *)pools, i, pool)
		if (match(pool, which) && json_array_append(matches, pool) < 0) {
			json_decref(matches);
			return NULL;
		}
	return matches;
}

/* A number is a process first: few ids begin with digits only, and a longer piece of one says what is meant. */
static int find(const json_t *pools, const char *which, json_t **ret_matches)
{
	static const match_function matches_by[] = { is_owned_by, is_at, has_id };
	json_t *matches = NULL;

	for (size_t i = 0; i < sizeof(matches_by) / sizeof(*matches_by) && json_array_size(matches) == 0; i++) {
		json_decref(matches);
		matches = matching(pools, matches_by[i], which);
		if (!matches) {
			ctl_complain("%s", strerror(ENOMEM));
			return CTL_FAILED;
		}
		if (matches_by[i] == has_id && json_array_size(matches) > 1) {
			ctl_complain("'%s' begins the ids of %zu pools", which, json_array_size(matches));
			json_decref(matches);
			return CTL_FAILED;
		}
	}
	if (json_array_size(matches) == 0) {
		ctl_complain("no pool, and no process with a pool, is '%s'", which);
		json_decref(matches);
		return CTL_NO_SUCH;
	}
	*ret_matches = matches;
	return CTL_OK;
}

static const char *string_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int add_size(struct libscols_table *table, const json_t *pool, const char *key)
{
	const json_t *bytes = json_object_get(pool, key);
	char size[SIZE_FORMAT_BYTES];

	if (!json_is_integer(bytes))
		return 0;
	size_format_short((uint64_t)json_integer_value(bytes), size);
	return status_line(table, key, "%s (%" JSON_INTEGER_FORMAT " bytes)", size, json_integer_value(bytes));
}

static int add_owner(struct libscols_table *table, const json_t *pool)
{
	const json_t *owner = json_object_get(pool, "owner");
	char user[FORMAT_BYTES];

	if (!json_is_object(owner))
		return 0;
	format_user((uid_t)json_integer_value(json_object_get(owner, "uid")), user);
	return status_line(table, "owner", "%s, process %" JSON_INTEGER_FORMAT " of user %s", string_of(owner, "comm"),
			   json_integer_value(json_object_get(owner, "pid")), user);
}

static int print_pool(const json_t *pool)
{
	struct libscols_table *table = status_table();
	char age[FORMAT_BYTES];
	int r = table ? 0 : -ENOMEM;

	format_age(json_integer_value(json_object_get(pool, "age")), age);
	if (r < 0 || (r = status_line(table, "pool", "%s", string_of(pool, "id"))) < 0 ||
	    (r = status_line(table, "class", "%s", string_of(pool, "class"))) < 0 ||
	    (r = status_line(table, "path", "%s", string_of(pool, "path"))) < 0 ||
	    (r = status_line(table, "state", "%s for %s", string_of(pool, "state"), age)) < 0 ||
	    (r = add_owner(table, pool)) < 0 || (r = add_size(table, pool, "size")) < 0 ||
	    (r = add_size(table, pool, "used")) < 0 || (r = add_size(table, pool, "peak")) < 0)
		ctl_complain("%s", strerror(-r));
	else
		r = scols_print_table(table);
	scols_unref_table(table);
	return r < 0 ? CTL_FAILED : CTL_OK;
}

int status_pool(const struct ctl *ctl, const char *which, bool json)
{
	json_t *reply, *matches = NULL, *pool;
	size_t i;
	int status = client_call(ctl, "List", NULL, &reply);

	if (status != CTL_OK)
		return status;
	status = find(json_object_get(reply, "pools"), which, &matches);
	json_decref(reply);
	if (status != CTL_OK)
		return status;
	if (json)
		status = pools_print_json(matches);
	else
		json_array_foreach(matches, i, pool) {
			if (i > 0)
				putchar('\n');
			status = print_pool(pool);
		}
	json_decref(matches);
	return status;
}
