/* SPDX-License-Identifier: BSD-3-Clause */
/* reasons -- see reasons.h. */
#include "vmmallocd/ctl/reasons.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OTHER "other"

static const struct reason {
	const char *name, *explanation;
} reason_list[POOL_OUTSIDE_REASONS] = {
	[POOL_OUTSIDE_EARLY] = { "early", "from before the pool was there" },
	[POOL_OUTSIDE_FULL] = { "full", "the pool had no room for it" },
	[POOL_OUTSIDE_SPACE] = { "space", "the file system had no space for it" },
	[POOL_OUTSIDE_LARGE] = { "large", "larger than the pool" },
	[POOL_OUTSIDE_METADATA_FULL] = { "metadata_full", "bookkeeping: the pool had no room for it" },
	[POOL_OUTSIDE_METADATA_SPACE] = { "metadata_space", "bookkeeping: the file system had no space for it" },
};

/* What owners write may be anything: a sum stays a number. */
static uint64_t add_bounded(uint64_t sum, uint64_t bytes)
{
	return bytes > INT64_MAX || sum > INT64_MAX - bytes ? INT64_MAX : sum + bytes;
}

static int add_reason(json_t *object, const char *name, uint64_t bytes)
{
	return json_object_set_new(object, name, json_integer((json_int_t)add_bounded(0, bytes)));
}

json_t *reasons_shape(const struct pool_outside *outside)
{
	json_t *made = outside->reasons > 0 ? json_object() : json_null();
	uint64_t other = 0;
	int r = made ? 0 : -1;

	if (outside->reasons == 0)
		return made;
	for (size_t i = 0; r == 0 && i < POOL_OUTSIDE_REASONS; i++)
		r = add_reason(made, reason_list[i].name, outside->bytes[i]);
	for (size_t i = POOL_OUTSIDE_REASONS; i < POOL_OUTSIDE_MOST; i++)
		other = add_bounded(other, outside->bytes[i]);
	if (r == 0 && add_reason(made, OTHER, other) == 0)
		return made;
	json_decref(made);
	return NULL;
}

const char *reasons_largest(const json_t *reasons)
{
	const char *name, *largest = NULL;
	json_int_t most = 0;
	json_t *bytes;

	json_object_foreach((json_t *)reasons, name, bytes) {
		if (json_integer_value(bytes) <= most)
			continue;
		most = json_integer_value(bytes);
		largest = name;
	}
	return largest;
}

const char *reasons_explain(const char *name)
{
	for (size_t i = 0; i < POOL_OUTSIDE_REASONS; i++)
		if (strcmp(reason_list[i].name, name) == 0)
			return reason_list[i].explanation;
	return "for reasons that only a newer vmmallocctl knows";
}
