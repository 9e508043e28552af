/* SPDX-License-Identifier: BSD-3-Clause */
/* status_pool -- vmmallocctl status PID|POOL: pools, or a process that waits for one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "common/util/size_format.h"
#include "vmmallocd/ctl/client.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/format.h"
#include "vmmallocd/ctl/pairs.h"
#include "vmmallocd/ctl/pool_match.h"
#include "vmmallocd/ctl/shape.h"
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

/* A new array, or NULL for want of memory. */
static json_t *pools_matching(const json_t *pools, match_function match, const char *which)
{
	CLEANUP(json_decrefp) json_t *matches = json_array();
	json_t *pool;
	size_t i;

	json_array_foreach((json_t *)pools, i, pool)
		if (match(pool, which) && json_array_append(matches, pool) < 0)
			return NULL;
	return steal_pointer(&matches);
}

/*
 * A number is a process first: few ids begin with digits only, and a longer piece of one says what is meant. What that
 * process waits for is in *ret_waiting.
 */
static int find_pools(const json_t *reply, const char *which, json_t **ret_matches, json_t **ret_waiting)
{
	static const match_function matches_by[] = { is_owned_by, pool_match_path, pool_match_id };
	CLEANUP(json_decrefp) json_t *waiting = pools_matching(json_object_get(reply, "waiting"), is_owned_by, which);
	CLEANUP(json_decrefp) json_t *matches = NULL;
	size_t found = json_array_size(waiting);

	for (size_t i = 0; i < sizeof(matches_by) / sizeof(*matches_by) && (i == 0 || found == 0); i++) {
		json_decref(matches);
		matches = pools_matching(json_object_get(reply, "pools"), matches_by[i], which);
		if (!matches || !waiting) {
			ctl_complain("%s", strerrordesc_np(ENOMEM));
			return CTL_FAILED;
		}
		if (matches_by[i] == pool_match_id && json_array_size(matches) > 1) {
			ctl_complain("'%s' begins the ids of %zu pools", which, json_array_size(matches));
			return CTL_FAILED;
		}
		found += json_array_size(matches);
	}
	if (found == 0) {
		ctl_complain("no pool, and no process with a pool, is '%s'", which);
		return CTL_NO_SUCH;
	}
	*ret_matches = steal_pointer(&matches);
	*ret_waiting = steal_pointer(&waiting);
	return CTL_OK;
}

static void add_size(struct pairs *pairs, const json_t *pool, const char *key)
{
	const json_t *bytes = json_object_get(pool, key);
	char size[SIZE_FORMAT_BYTES];

	if (!json_is_integer(bytes))
		return;
	size_format_short((uint64_t)json_integer_value(bytes), size);
	pairs_add(pairs, key, "%s (%" JSON_INTEGER_FORMAT " bytes)", size, json_integer_value(bytes));
}

static void add_owner(struct pairs *pairs, const json_t *pool)
{
	const json_t *owner = json_object_get(pool, "owner");
	char user[FORMAT_BYTES];

	if (!json_is_object(owner))
		return;
	format_user((uid_t)field_number(owner, "uid"), user);
	pairs_add(pairs, "owner", "%s, process %lld of user %s", field_text(owner, "comm"),
		  field_number(owner, "pid"), user);
}

static int end_pairs(struct pairs *pairs)
{
	int r = pairs_end(pairs);

	if (r == 0)
		return CTL_OK;
	ctl_complain("%s", strerrordesc_np(-r));
	return CTL_FAILED;
}

static int print_pool(const json_t *pool)
{
	struct pairs pairs;
	char age[FORMAT_BYTES];

	format_age(field_number(pool, "age"), age);
	pairs_begin(&pairs);
	pairs_add(&pairs, "pool", "%s", field_text(pool, "id"));
	pairs_add(&pairs, "class", "%s", field_text(pool, "class"));
	pairs_add(&pairs, "path", "%s", field_text(pool, "path"));
	pairs_add(&pairs, "state", "%s for %s", field_text(pool, "state"), age);
	if (json_is_boolean(json_object_get(pool, "cold")))
		pairs_add(&pairs, "kind", "%s", json_is_true(json_object_get(pool, "cold")) ?
			  "cold: its memory is charged to its owner" : "warm: its memory is charged to the daemon");
	add_owner(&pairs, pool);
	add_size(&pairs, pool, "size");
	add_size(&pairs, pool, "used");
	add_size(&pairs, pool, "peak");
	return end_pairs(&pairs);
}

static int print_waiting(const json_t *waiting)
{
	struct pairs pairs;
	char age[FORMAT_BYTES];

	format_age(field_number(waiting, "age"), age);
	pairs_begin(&pairs);
	pairs_add(&pairs, "class", "%s", field_text(waiting, "class"));
	pairs_add(&pairs, "state", "waiting for %s", age);
	add_owner(&pairs, waiting);
	return end_pairs(&pairs);
}

static int print_all(const json_t *objects, int (*print)(const json_t *object), bool *is_first)
{
	int status = CTL_OK;
	json_t *object;
	size_t i;

	json_array_foreach((json_t *)objects, i, object) {
		if (status != CTL_OK)
			return status;
		if (!*is_first)
			putchar('\n');
		*is_first = false;
		status = print(object);
	}
	return status;
}

int status_pool(const struct ctl *ctl, const char *which, bool json)
{
	CLEANUP(json_decrefp) json_t *reply = NULL, *matches = NULL, *waiting = NULL;
	bool is_first = true;
	int status = client_call(ctl, "List", NULL, &reply);

	if (status == CTL_OK)
		status = find_pools(reply, which, &matches, &waiting);
	if (status != CTL_OK)
		return status;
	if (json)
		return shape_print_list(matches, waiting);
	status = print_all(matches, print_pool, &is_first);
	return status == CTL_OK ? print_all(waiting, print_waiting, &is_first) : status;
}
