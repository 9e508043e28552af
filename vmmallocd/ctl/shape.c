/* SPDX-License-Identifier: BSD-3-Clause */
/* shape -- see shape.h. */
#include "vmmallocd/ctl/shape.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vmmallocd/ctl/ctl.h"

/* The order is that of the output. */
static const char *const pool_keys[] = { "id", "class", "path", "state", "age", "cold", "size", "used", "peak",
					 NULL };
static const char *const held_keys[] = { "id", "class", "path", "state", "age", "cold", "size", "used", "peak",
					 "holders", "outside", "outside_by", NULL };
static const char *const class_keys[] = { "name", "directory", "size", "ready", "max", "warm", "cold",
					  "recycle", "max_per_user", "max_per_process", "counts", "cold_pools",
					  "waiting", "configured", "service", "configured_ready",
					  "configured_max", "on_memory_pressure", "releases", "problem", NULL };
static const char *const waiting_keys[] = { "class", "age", NULL };
static const char *const owner_keys[] = { "pid", "uid", "comm", NULL };

json_t *shape_copy(const json_t *object, const char *const *keys)
{
	json_t *made = json_object();

	for (; *keys; keys++) {
		json_t *value = json_object_get(object, *keys);

		if (json_object_set_new(made, *keys, value ? json_incref(value) : json_null()) < 0) {
			json_decref(made);
			return NULL;
		}
	}
	return made;
}

/* As json_array_append_new, with NULL for an array or a value that there was no memory for. */
static json_t *append_value(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *copy_all(const json_t *array, const char *const *keys)
{
	json_t *copies = json_array(), *object;
	size_t i;

	json_array_foreach((json_t *)array, i, object)
		copies = append_value(copies, shape_copy(object, keys));
	return copies;
}

int shape_print(json_t *object, const char *what)
{
	int r = object ? json_dumpf(object, stdout, JSON_COMPACT) : -1, error = errno;

	json_decref(object);
	if (r < 0 && ferror(stdout))
		ctl_complain("standard output: %s", strerrordesc_np(error));
	else if (r < 0)
		ctl_complain("%s cannot be printed", what);
	if (r < 0)
		return CTL_FAILED;
	putchar('\n');
	return CTL_OK;
}

/* One that has an owner, or may have one. */
static json_t *copy_owned(const json_t *object, const char *const *keys)
{
	const json_t *owner = json_object_get(object, "owner");
	json_t *made = shape_copy(object, keys);

	if (json_object_set_new(made, "owner",
				json_is_object(owner) ? shape_copy(owner, owner_keys) : json_null()) == 0)
		return made;
	json_decref(made);
	return NULL;
}

static json_t *copy_all_owned(const json_t *array, const char *const *keys)
{
	json_t *copies = json_array(), *object;
	size_t i;

	json_array_foreach((json_t *)array, i, object)
		copies = append_value(copies, copy_owned(object, keys));
	return copies;
}

json_t *shape_held_pools(const json_t *pools)
{
	return copy_all_owned(pools, held_keys);
}

json_t *shape_waiting(const json_t *waiting)
{
	return copy_all_owned(waiting, waiting_keys);
}

json_t *shape_class(const json_t *class)
{
	return shape_copy(class, class_keys);
}

json_t *shape_classes(const json_t *classes)
{
	return copy_all(classes, class_keys);
}

int shape_print_list(const json_t *pools, const json_t *waiting)
{
	return shape_print(json_pack("{s:i, s:o, s:o}", "version", 1, "pools", copy_all_owned(pools, pool_keys),
				     "waiting", shape_waiting(waiting)),
			   "the list");
}
