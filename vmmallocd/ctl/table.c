/* SPDX-License-Identifier: BSD-3-Clause */
/* table -- see table.h. libsmartcols writes a client's odd bytes so that a terminal bears them. */
#include "vmmallocd/ctl/table.h"

#include <errno.h>
#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/util/size_format.h"
#include "vmmallocd/ctl/format.h"

#define CELL_BYTES 64

/* What it writes is at most CELL_BYTES long; or it returns the text itself. NULL: nothing is known. */
typedef const char *(*cell_function)(const json_t *pool, const struct pools_style *style, char cell[CELL_BYTES]);

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static const char *cell_class(const json_t *pool, const struct pools_style *style, char cell[CELL_BYTES])
{
	(void)style;
	(void)cell;
	return text_of(pool, "class");
}

static const char *cell_id(const json_t *pool, const struct pools_style *style, char cell[CELL_BYTES])
{
	const char *id = text_of(pool, "id");

	(void)style;
	if (id)
		snprintf(cell, CELL_BYTES, "%.*s", POOLS_ID_SHOWN, id);
	return id ? cell : NULL;
}

static const char *cell_state(const json_t *pool, const struct pools_style *style, char cell[CELL_BYTES])
{
	(void)style;
	(void)cell;
	return text_of(pool, "state");
}

static const char *cell_path(const json_t *pool, const struct pools_style *style, char cell[CELL_BYTES])
{
	(void)style;
	(void)cell;
	return text_of(pool, "path");
}

static const char *size_of(const json_t *pool, const char *key, const struct pools_style *style, char cell[CELL_BYTES])
{
	const json_t *bytes = json_object_get(pool, key);

	if (!json_is_integer(bytes))
		return NULL;
	if (style->exact)
		snprintf(cell, CELL_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(bytes));
	else
		size_format_short((uint64_t)json_integer_value(bytes), cell);
	return cell;
}

static const char *cell_size(const json_t *pool, const struct pools_style *style, char cell[CELL_BYTES])
{
	return size_of(pool, "size", style, cell);
}

static const char *cell_used(const json_t *pool, const struct pools_style *style, char cell[CELL_BYTES])
{
	return size_of(pool, "used", style, cell);
}

static const char *cell_peak(const json_t *pool, const struct pools_style *style, char cell[CELL_BYTES])
{
	return size_of(pool, "peak", style, cell);
}

static const char *owner_number(const json_t *pool, const char *key, char cell[CELL_BYTES])
{
	const json_t *number = json_object_get(json_object_get(pool, "owner"), key);

	if (!json_is_integer(number))
		return NULL;
	snprintf(cell, CELL_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
	return cell;
}

static const char *cell_pid(const json_t *pool, const struct pools_style *style, char cell[CELL_BYTES])
{
	(void)style;
	return owner_number(pool, "pid", cell);
}

static const char *cell_uid(const json_t *pool, const struct pools_style *style, char cell[CELL_BYTES])
{
	(void)style;
	return owner_number(pool, "uid", cell);
}

static const char *cell_user(const json_t *pool, const struct pools_style *style, char cell[CELL_BYTES])
{
	const json_t *uid = json_object_get(json_object_get(pool, "owner"), "uid");

	(void)style;
	if (!json_is_integer(uid))
		return NULL;
	format_user((uid_t)json_integer_value(uid), cell);
	return cell;
}

static const char *cell_command(const json_t *pool, const struct pools_style *style, char cell[CELL_BYTES])
{
	(void)style;
	(void)cell;
	return text_of(json_object_get(pool, "owner"), "comm");
}

static const char *cell_age(const json_t *pool, const struct pools_style *style, char cell[CELL_BYTES])
{
	(void)style;
	format_age(json_integer_value(json_object_get(pool, "age")), cell);
	return cell;
}

static const struct column {
	const char *name;
	cell_function function;
	int flags;
} known[] = {
	{ "CLASS", cell_class, 0 },
	{ "ID", cell_id, 0 },
	{ "STATE", cell_state, 0 },
	{ "SIZE", cell_size, SCOLS_FL_RIGHT },
	{ "USED", cell_used, SCOLS_FL_RIGHT },
	{ "PEAK", cell_peak, SCOLS_FL_RIGHT },
	{ "PID", cell_pid, SCOLS_FL_RIGHT },
	{ "UID", cell_uid, SCOLS_FL_RIGHT },
	{ "USER", cell_user, 0 },
	{ "COMMAND", cell_command, SCOLS_FL_TRUNC },
	{ "AGE", cell_age, SCOLS_FL_RIGHT },
	{ "PATH", cell_path, 0 },
};

static const struct column *find_column(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strlen(known[i].name) == length && strncasecmp(known[i].name, name, length) == 0)
			return &known[i];
	return NULL;
}

static int parse_columns(const char *names, const struct column *ret_columns[POOLS_COLUMNS_MOST], size_t *ret_count)
{
	size_t count = 0;

	for (;; names++) {
		size_t length = strcspn(names, ",");
		const struct column *column = find_column(names, length);

		if (!column || count == POOLS_COLUMNS_MOST) {
			ctl_complain("--output: %s '%.*s'; there are CLASS, ID, STATE, SIZE, USED, PEAK, PID, UID, "
				     "USER, COMMAND, AGE and PATH",
				     column ? "too many columns at" : "unknown column", (int)length, names);
			return CTL_USAGE;
		}
		ret_columns[count++] = column;
		names += length;
		if (*names == '\0')
			break;
	}
	*ret_count = count;
	return CTL_OK;
}

int pools_check_columns(const char *columns)
{
	const struct column *list[POOLS_COLUMNS_MOST];
	size_t count;

	return parse_columns(columns, list, &count);
}

static int fill(struct libscols_table *table, const json_t *pools, const struct column **columns, size_t count,
		const struct pools_style *style)
{
	const json_t *pool;
	size_t i;

	scols_table_enable_noheadings(table, style->no_headings);
	for (i = 0; i < count; i++)
		if (!scols_table_new_column(table, columns[i]->name, 0, columns[i]->flags))
			return -ENOMEM;
	json_array_foreach(pools, i, pool) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		if (!line)
			return -ENOMEM;
		for (size_t c = 0; c < count; c++) {
			char cell[CELL_BYTES];
			const char *text = columns[c]->function(pool, style, cell);

			if (scols_line_set_data(line, c, text ? text : "-") < 0)
				return -ENOMEM;
		}
	}
	return scols_print_table(table);
}

int pools_print(const json_t *pools, const struct pools_style *style)
{
	const struct column *columns[POOLS_COLUMNS_MOST];
	struct libscols_table *table;
	size_t count;
	int r = parse_columns(style->columns, columns, &count);

	if (r != CTL_OK)
		return r;
	table = scols_new_table();
	r = table ? fill(table, pools, columns, count, style) : -ENOMEM;
	scols_unref_table(table);
	if (r == 0)
		return CTL_OK;
	ctl_complain("the table cannot be printed: %s", strerror(r < 0 ? -r : ENOMEM));
	return CTL_FAILED;
}

/* The value of a key as it came, or null. */
static json_t *copy(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return value ? json_incref(value) : json_null();
}

static json_t *owner_object(const json_t *pool)
{
	const json_t *owner = json_object_get(pool, "owner");

	if (!json_is_object(owner))
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "pid", copy(owner, "pid"), "uid", copy(owner, "uid"), "comm",
			 copy(owner, "comm"));
}

static json_t *pool_object(const json_t *pool)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "id", copy(pool, "id"), "class", copy(pool, "class"), "path", copy(pool, "path"),
			 "state", copy(pool, "state"), "size", copy(pool, "size"), "used", copy(pool, "used"),
			 "peak", copy(pool, "peak"), "owner", owner_object(pool));
}

int pools_print_json(const json_t *pools)
{
	json_t *copies = json_array(), *object, *pool;
	size_t i;
	int r = copies ? 0 : -1;

	json_array_foreach((json_t *)pools, i, pool)
		if (r == 0)
			r = json_array_append_new(copies, pool_object(pool));
	object = json_pack("{s:i, s:o}", "version", 1, "pools", copies);
	if (r == 0)
		r = json_dumpf(object, stdout, JSON_COMPACT);
	json_decref(object);
	if (r < 0) {
		ctl_complain("the list cannot be printed");
		return CTL_FAILED;
	}
	putchar('\n');
	return CTL_OK;
}
