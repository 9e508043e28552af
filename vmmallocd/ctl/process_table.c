/* SPDX-License-Identifier: BSD-3-Clause */
/* process_table -- the columns of processes on pools: process_shape.h. */
#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>

#include "vmmallocd/ctl/process_shape.h"
#include "vmmallocd/ctl/reasons.h"

#define OWNER_BYTES 32   /* a number, or a command's name in parentheses */

/* Those that the line is about: a process that owns pools may hold others, too. */
static bool is_in_line(const json_t *process, const json_t *pool)
{
	const char *hold = json_string_value(json_object_get(process, "hold"));

	if (!hold || strcmp(hold, "own") != 0)
		return hold != NULL;
	return json_equal(json_object_get(process, "hold"), json_object_get(pool, "hold"));
}

/* Adds a word to those that are there, if it is none of them. What there is no room for is dots. */
static void add_word(char cell[TABLE_CELL_BYTES], const char *word)
{
	size_t used = strlen(cell), length = strlen(word);

	for (const char *at = cell; (at = strstr(at, word)); at++)
		if ((at == cell || at[-1] == ',') && (at[length] == '\0' || at[length] == ','))
			return;
	if (used + length + sizeof(",...") < TABLE_CELL_BYTES)
		snprintf(cell + used, TABLE_CELL_BYTES - used, "%s%s", used > 0 ? "," : "", word);
	else if (used < 3 || strcmp(cell + used - 3, "...") != 0)
		snprintf(cell + used, TABLE_CELL_BYTES - used, "%s...", used > 0 ? "," : "");
}

/* A text; or of an owner his number, or the name of one that was not found. NULL: nothing is known. */
static const char *say_member(const json_t *member, char word[OWNER_BYTES])
{
	const json_t *pid = json_object_get(member, "pid");

	if (!json_is_object(member))
		return json_string_value(member);
	if (json_is_integer(pid))
		snprintf(word, OWNER_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(pid));
	else
		snprintf(word, OWNER_BYTES, "(%s)", json_string_value(json_object_get(member, "comm")));
	return word;
}

static const char *cell_of_pools(const json_t *process, const char *key, const struct table_style *style,
				 char cell[TABLE_CELL_BYTES])
{
	const json_t *pool;
	size_t i;

	(void)style;
	cell[0] = '\0';
	json_array_foreach(json_object_get(process, "pools"), i, pool) {
		char owner[OWNER_BYTES];
		const char *word = say_member(json_object_get(pool, strchr(key, '.') + 1), owner);

		if (word && is_in_line(process, pool))
			add_word(cell, word);
	}
	return cell[0] ? cell : NULL;
}

static const char *cell_pool_count(const json_t *process, const char *key, const struct table_style *style,
				   char cell[TABLE_CELL_BYTES])
{
	size_t i, count = 0;
	const json_t *pool;

	(void)style;
	json_array_foreach(json_object_get(process, key), i, pool)
		count += is_in_line(process, pool);
	snprintf(cell, TABLE_CELL_BYTES, "%zu", count);
	return cell;
}

/* Pools of one tier are of one class, or are made in one directory. */
static bool is_tier_of(const json_t *one, const json_t *other)
{
	return json_equal(json_object_get(one, "class"), json_object_get(other, "class")) &&
	       json_equal(json_object_get(one, "directory"), json_object_get(other, "directory"));
}

static const char *cell_tier_count(const json_t *process, const char *key, const struct table_style *style,
				   char cell[TABLE_CELL_BYTES])
{
	const json_t *pools = json_object_get(process, key), *pool;
	size_t i, before, count = 0;

	(void)style;
	json_array_foreach((json_t *)pools, i, pool) {
		if (!is_in_line(process, pool))
			continue;
		for (before = 0; before < i; before++)
			if (is_in_line(process, json_array_get(pools, before)) &&
			    is_tier_of(pool, json_array_get(pools, before)))
				break;
		count += before == i;
	}
	snprintf(cell, TABLE_CELL_BYTES, "%zu", count);
	return cell;
}

/* What is known of why there is anything. */
static const char *cell_reason(const json_t *process, const char *key, const struct table_style *style,
			       char cell[TABLE_CELL_BYTES])
{
	const char *largest = reasons_largest(json_object_get(process, key));

	(void)style;
	(void)cell;
	if (json_integer_value(json_object_get(process, "outside")) == 0)
		return NULL;
	return largest ? largest : "unknown";
}

/* "full=12M,early=64K" */
static const char *cell_reasons(const json_t *process, const char *key, const struct table_style *style,
				char cell[TABLE_CELL_BYTES])
{
	const json_t *reasons = json_object_get(process, key);
	size_t used = 0;
	const char *name;
	json_t *bytes;

	json_object_foreach((json_t *)reasons, name, bytes) {
		char size[TABLE_CELL_BYTES];

		if (json_integer_value(bytes) == 0 || !table_bytes(reasons, name, style, size))
			continue;
		used += (size_t)snprintf(cell + used, TABLE_CELL_BYTES - used, "%s%s=%.32s", used > 0 ? "," : "", name,
					 size);
	}
	return used > 0 ? cell : cell_reason(process, key, style, cell);
}

static const struct table_column process_columns[] = {
	{ "PID", "pid", table_number, SCOLS_FL_RIGHT, TABLE_NUMBER, "its number" },
	{ "UID", "uid", table_number, SCOLS_FL_RIGHT, TABLE_NUMBER, "whose it is" },
	{ "USER", "uid", table_user, 0, TABLE_TEXT, "whose it is, by name" },
	{ "COMMAND", "comm", table_text, SCOLS_FL_TRUNC, TABLE_TEXT, "what it runs" },
	{ "HOLD", "hold", table_text, 0, TABLE_TEXT, "how it has the pools: own, mapped or descriptor" },
	{ "OWNER", "pools.owner", cell_of_pools, SCOLS_FL_RIGHT, TABLE_TEXT, "whose pools they are" },
	{ "POOLS", "pools", cell_pool_count, SCOLS_FL_RIGHT, TABLE_NUMBER, "how many" },
	{ "TIERS", "pools", cell_tier_count, SCOLS_FL_RIGHT, TABLE_NUMBER, "of how many classes or directories" },
	{ "CLASS", "pools.class", cell_of_pools, 0, TABLE_TEXT, "of what class, if they are the daemon's" },
	{ "SIZE", "size", table_bytes, SCOLS_FL_RIGHT, TABLE_BYTES, "of all of them" },
	{ "USED", "used", table_bytes, SCOLS_FL_RIGHT, TABLE_BYTES, "what the owner uses of them" },
	{ "PEAK", "peak", table_bytes, SCOLS_FL_RIGHT, TABLE_BYTES, "the most that USED was" },
	{ "MODE", "mode", table_text, 0, TABLE_TEXT, "where the heap is: pool, private, returning or ordinary" },
	{ "FORKS", "forks", table_number, SCOLS_FL_RIGHT, TABLE_NUMBER, "how often the owner has forked" },
	{ "OUTSIDE", "outside", table_bytes, SCOLS_FL_RIGHT, TABLE_BYTES, "ordinary memory of the heap" },
	{ "REASON", "outside_by", cell_reason, 0, TABLE_TEXT, "why most of it is outside" },
	{ "REASONS", "outside_by", cell_reasons, 0, TABLE_TEXT, "how much is outside for what reasons" },
	{ "PRIVATE", "private", table_bytes, SCOLS_FL_RIGHT, TABLE_BYTES, "what is not on the pool since a fork" },
	{ "DIRECTORY", "pools.directory", cell_of_pools, 0, TABLE_TEXT, "where the pools are" },
};

const struct table_kind process_table = { process_columns, sizeof(process_columns) / sizeof(*process_columns) };
