/* SPDX-License-Identifier: BSD-3-Clause */
/* status_pool -- vmmallocctl status PID|POOL|CLASS...: pools, processes that wait for one, and classes. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/util/size_format.h"
#include "vmmallocd/ctl/class_table.h"
#include "vmmallocd/ctl/field.h"
#include "vmmallocd/ctl/format.h"
#include "vmmallocd/ctl/status_holders.h"
#include "vmmallocd/ctl/pairs.h"
#include "vmmallocd/ctl/reasons.h"
#include "vmmallocd/ctl/shape.h"
#include "vmmallocd/ctl/status.h"
#include "vmmallocd/ctl/status_find.h"

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

static void add_holders(struct pairs *pairs, const json_t *pool)
{
	const json_t *holder;
	char user[FORMAT_BYTES];
	size_t i;

	json_array_foreach(json_object_get(pool, "holders"), i, holder) {
		format_user((uid_t)field_number(holder, "uid"), user);
		pairs_add(pairs, "holder", "%s, process %lld of user %s: %s", field_text(holder, "comm"),
			  field_number(holder, "pid"), user, field_text(holder, "hold"));
	}
}

/* Where the owner may not be looked at, nothing. */
static void add_outside_pairs(struct pairs *pairs, const json_t *pool)
{
	const json_t *reasons = json_object_get(pool, "outside_by");
	char size[SIZE_FORMAT_BYTES];
	const char *name;
	json_t *bytes;

	add_size(pairs, pool, "outside");
	json_object_foreach((json_t *)reasons, name, bytes) {
		if (json_integer_value(bytes) == 0)
			continue;
		size_format_short((uint64_t)json_integer_value(bytes), size);
		pairs_add(pairs, "because", "%s, %s: %s", name, size, reasons_explain(name));
	}
	if (field_number(pool, "outside") > 0 && !reasons_largest(reasons))
		pairs_add(pairs, "because", "unknown: its library is older than 1.3, and tells no reasons");
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
	add_holders(&pairs, pool);
	add_size(&pairs, pool, "size");
	add_size(&pairs, pool, "used");
	add_size(&pairs, pool, "peak");
	add_outside_pairs(&pairs, pool);
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

static int print_class(const json_t *class)
{
	const json_t *counts = json_object_get(class, "counts");
	const char *problem = field_text(class, "problem"), *service = field_text(class, "service");
	struct pairs pairs;

	pairs_begin(&pairs);
	pairs_add(&pairs, "class", "%s", field_text(class, "name"));
	pairs_add(&pairs, "directory", "%s", field_text(class, "directory"));
	if (*class_order(class))
		pairs_add(&pairs, "service", "%s: nobody gets a pool of it until vmmallocctl enable %s", service,
			  field_text(class, "name"));
	else if (*service)
		pairs_add(&pairs, "service", "%s", service);
	pairs_add(&pairs, "pools", "%lld of %lld ready, %lld leased, %lld at the most", field_number(counts, "ready"),
		  field_number(class, "ready"), field_number(counts, "leased"), field_number(class, "max"));
	if (json_is_integer(json_object_get(class, "configured_max")))
		pairs_add(&pairs, "resized", "until the configuration is read again, which says ready = %lld and max "
			  "= %lld", field_number(class, "configured_ready"), field_number(class, "configured_max"));
	if (strcmp(field_text(class, "on_memory_pressure"), "release") == 0)
		pairs_add(&pairs, "pressure", json_is_true(json_object_get(class, "releases")) ?
			  "release: its ready pools are given back" : "release");
	pairs_add(&pairs, "waiting", "%lld", field_number(class, "waiting"));
	add_size(&pairs, class, "size");
	if (field_number(class, "max_per_user") > 0)
		pairs_add(&pairs, "for a user", "%lld at the most", field_number(class, "max_per_user"));
	if (field_number(class, "max_per_process") > 0)
		pairs_add(&pairs, "for a process", "%lld at the most", field_number(class, "max_per_process"));
	if (json_is_false(json_object_get(class, "configured")))
		pairs_add(&pairs, "problem", "it is no longer configured");
	if (*problem)
		pairs_add(&pairs, "problem", "%s", problem);
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

static int print_found(const struct status_found *found)
{
	bool is_first = true;
	int status = print_all(found->classes, print_class, &is_first);

	if (status == CTL_OK)
		status = print_all(found->pools, print_pool, &is_first);
	return status == CTL_OK ? print_all(found->waiting, print_waiting, &is_first) : status;
}

static int print_found_json(const struct status_found *found, const struct status_unseen *unseen)
{
	return shape_print(json_pack("{s:i, s:o, s:o, s:o, s:I, s:b}", "version", 1,
				     "pools", shape_held_pools(found->pools), "waiting", shape_waiting(found->waiting),
				     "classes", shape_classes(found->classes),
				     "unseen", (json_int_t)unseen->count, "hidden",
				     unseen->is_hidden || unseen->is_elsewhere),
			   "the status");
}

/* Who is not seen may have one of the pools. */
static void complain_of_unseen_holders(const struct status_unseen *unseen)
{
	const char *cure = geteuid() == 0 ? "" : ": run it as root to see them";

	if (unseen->count > 0)
		ctl_complain("%zu process%s could not be looked at, and may hold pools%s", unseen->count,
			     unseen->count == 1 ? "" : "es", cure);
	else if (unseen->is_hidden)
		ctl_complain("/proc does not show the processes of others (hidepid), who may hold pools%s", cure);
	if (unseen->is_elsewhere)
		ctl_complain("the daemon is in another PID namespace, of which nothing is seen from here: who is there "
			     "may hold pools, and numbers of owners are of there");
}

static bool has_owned(const json_t *pools)
{
	const json_t *pool;
	size_t i;

	json_array_foreach((json_t *)pools, i, pool)
		if (json_is_object(json_object_get(pool, "owner")))
			return true;
	return false;
}

int status_words(const struct ctl *ctl, char *const *words, size_t count, bool json)
{
	struct status_unseen unseen = { 0 };
	struct status_found found;
	int status = status_find(ctl, words, count, &found), printed = CTL_OK, r = 0;

	if (has_owned(found.pools))
		r = status_holders_add(ctl, found.pools, &unseen);
	if (r < 0)
		ctl_complain("who holds the pools is not known: /proc: %s", strerrordesc_np(-r));
	if (json_array_size(found.pools) + json_array_size(found.waiting) + json_array_size(found.classes) == 0)
		printed = status;
	else if (json)
		printed = print_found_json(&found, &unseen);
	else
		printed = print_found(&found);
	if (!json)
		complain_of_unseen_holders(&unseen);
	status_found_done(&found);
	return status == CTL_OK ? printed : status;
}
