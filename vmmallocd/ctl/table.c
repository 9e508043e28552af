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
typedef const char *(*cell_function)(const json_t *pool, const struct table_style *style, char cell[CELL_BYTES]);

static const char *cell_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static const char *cell_class(const json_t *pool, const struct table_style *style, char cell[CELL_BYTES])
{
	(void)style;
	(void)cell;
	return cell_text(pool, "class");
}

static const char *cell_id(const json_t *pool, const struct table_style *style, char cell[CELL_BYTES])
{
	const char *id = cell_text(pool, "id");

	(void)style;
	if (id)
		snprintf(cell, CELL_BYTES, "%.*s", TABLE_ID_SHOWN, id);
	return id ? cell : NULL;
}

/* What has no state is no pool. */
static const char *cell_state(const json_t *pool, const struct table_style *style, char cell[CELL_BYTES])
{
	const char *state = cell_text(pool, "state");

	(void)style;
	(void)cell;
	return state ? state : "waiting";
}

static const char *cell_kind(const json_t *pool, const struct table_style *style, char cell[CELL_BYTES])
{
	const json_t *cold = json_object_get(pool, "cold");

	(void)style;
	(void)cell;
	return json_is_boolean(cold) ? json_is_true(cold) ? "cold" : "warm" : NULL;
}

static const char *cell_path(const json_t *pool, const struct table_style *style, char cell[CELL_BYTES])
{
	(void)style;
	(void)cell;
	return cell_text(pool, "path");
}

static const char *cell_bytes(const json_t *pool, const char *key, const struct table_style *style,
			      char cell[CELL_BYTES])
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

static const char *cell_size(const json_t *pool, const struct table_style *style, char cell[CELL_BYTES])
{
	return cell_bytes(pool, "size", style, cell);
}

static const char *cell_used(const json_t *pool, const struct table_style *style, char cell[CELL_BYTES])
{
	return cell_bytes(pool, "used", style, cell);
}

static const char *cell_peak(const json_t *pool, const struct table_style *style, char cell[CELL_BYTES])
{
	return cell_bytes(pool, "peak", style, cell);
}

static const char *cell_owner_number(const json_t *pool, const char *key, char cell[CELL_BYTES])
{
	const json_t *number = json_object_get(json_object_get(pool, "owner"), key);

	if (!json_is_integer(number))
		return NULL;
	snprintf(cell, CELL_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
	return cell;
}

static const char *cell_pid(const json_t *pool, const struct table_style *style, char cell[CELL_BYTES])
{
	(void)style;
	return cell_owner_number(pool, "pid", cell);
}

static const char *cell_uid(const json_t *pool, const struct table_style *style, char cell[CELL_BYTES])
{
	(void)style;
	return cell_owner_number(pool, "uid", cell);
}

static const char *cell_user(const json_t *pool, const struct table_style *style, char cell[CELL_BYTES])
{
	const json_t *uid = json_object_get(json_object_get(pool, "owner"), "uid");

	(void)style;
	if (!json_is_integer(uid))
		return NULL;
	format_user((uid_t)json_integer_value(uid), cell);
	return cell;
}

static const char *cell_command(const json_t *pool, const struct table_style *style, char cell[CELL_BYTES])
{
	(void)style;
	(void)cell;
	return cell_text(json_object_get(pool, "owner"), "comm");
}

static const char *cell_age(const json_t *pool, const struct table_style *style, char cell[CELL_BYTES])
{
	(void)style;
	format_age(json_integer_value(json_object_get(pool, "age")), cell);
	return cell;
}

static const struct column {
	const char *name;
	cell_function function;
	int flags;
} table_columns[] = {
	{ "CLASS", cell_class, 0 },
	{ "ID", cell_id, 0 },
	{ "STATE", cell_state, 0 },
	{ "KIND", cell_kind, 0 },
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
	for (size_t i = 0; i < sizeof(table_columns) / sizeof(*table_columns); i++)
		if (strlen(table_columns[i].name) == length && strncasecmp(table_columns[i].name, name, length) == 0)
			return &table_columns[i];
	return NULL;
}

static int parse_columns(const char *names, const struct column *ret_columns[TABLE_COLUMNS_MOST], size_t *ret_count)
{
	size_t count = 0;

	for (;; names++) {
		size_t length = strcspn(names, ",");
		const struct column *column = find_column(names, length);

		if (!column || count == TABLE_COLUMNS_MOST) {
			ctl_complain("--output: %s '%.*s'; there are CLASS, ID, STATE, KIND, SIZE, USED, PEAK, PID, "
				     "UID, USER, COMMAND, AGE and PATH",
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

int table_check_columns(const char *columns)
{
	const struct column *list[TABLE_COLUMNS_MOST];
	size_t count;

	return parse_columns(columns, list, &count);
}

static int add_rows(struct libscols_table *table, const json_t *objects, const struct column **columns, size_t count,
		    const struct table_style *style)
{
	const json_t *object;
	size_t i;

	json_array_foreach((json_t *)objects, i, object) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		if (!line)
			return -ENOMEM;
		for (size_t c = 0; c < count; c++) {
			char cell[CELL_BYTES];
			const char *text = columns[c]->function(object, style, cell);

			if (scols_line_set_data(line, c, text ? text : "-") < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

int table_print(const json_t *pools, const json_t *waiting, const struct table_style *style)
{
	const struct column *columns[TABLE_COLUMNS_MOST];
	struct libscols_table *table;
	size_t count;
	int r = parse_columns(style->columns, columns, &count);

	if (r != CTL_OK)
		return r;
	table = scols_new_table();
	r = table ? 0 : -ENOMEM;
	if (r == 0)
		(void)scols_table_enable_noheadings(table, style->no_headings);
	for (size_t i = 0; r == 0 && i < count; i++)
		if (!scols_table_new_column(table, columns[i]->name, 0, columns[i]->flags))
			r = -ENOMEM;
	if (r == 0)
		r = add_rows(table, pools, columns, count, style);
	if (r == 0)
		r = add_rows(table, waiting, columns, count, style);
	if (r == 0)
		r = scols_print_table(table);
	scols_unref_table(table);
	if (r == 0)
		return CTL_OK;
	ctl_complain("the table cannot be printed: %s", strerrordesc_np(-r));
	return CTL_FAILED;
}
