/* SPDX-License-Identifier: BSD-3-Clause */
/* table -- see table.h. libsmartcols writes a client's odd bytes so that a terminal bears them. */
#include "vmmallocd/ctl/table.h"

#include <errno.h>
#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "common/util/size_format.h"
#include "vmmallocd/ctl/column.h"
#include "vmmallocd/ctl/format.h"

static const json_t *find_member(const json_t *object, const char *key)
{
	char name[64];

	while (object && *key) {
		size_t length = strcspn(key, ".");

		snprintf(name, sizeof(name), "%.*s", (int)length, key);
		object = json_object_get(object, name);
		key += length + (key[length] == '.');
	}
	return object;
}

const char *table_text(const json_t *object, const char *key, const struct table_style *style,
		       char cell[TABLE_CELL_BYTES])
{
	const char *text = json_string_value(find_member(object, key));

	(void)style;
	(void)cell;
	return text && *text ? text : NULL;
}

const char *table_number(const json_t *object, const char *key, const struct table_style *style,
			 char cell[TABLE_CELL_BYTES])
{
	const json_t *number = find_member(object, key);

	(void)style;
	if (!json_is_integer(number))
		return NULL;
	snprintf(cell, TABLE_CELL_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
	return cell;
}

const char *table_bytes(const json_t *object, const char *key, const struct table_style *style,
			char cell[TABLE_CELL_BYTES])
{
	const char *number = table_number(object, key, style, cell);

	if (number && !style->exact && !style->raw)
		size_format_short((uint64_t)json_integer_value(find_member(object, key)), cell);
	return number;
}

const char *table_seconds(const json_t *object, const char *key, const struct table_style *style,
			  char cell[TABLE_CELL_BYTES])
{
	const char *number = table_number(object, key, style, cell);

	if (number && !style->raw)
		format_age(json_integer_value(find_member(object, key)), cell);
	return number;
}

const char *table_user(const json_t *object, const char *key, const struct table_style *style,
		       char cell[TABLE_CELL_BYTES])
{
	const char *number = table_number(object, key, style, cell);

	if (number)
		format_user((uid_t)json_integer_value(find_member(object, key)), cell);
	return number;
}

void table_option(struct table_style *style, int option)
{
	switch (option) {
	case 'J': style->json = true; break;
	case 'o': style->chosen = optarg; break;
	case 'H': style->only_columns = true; break;
	case 'n': style->no_headings = true; break;
	case 'b': style->exact = true; break;
	case TABLE_OPTION_SORT: style->sort = optarg; break;
	}
}

/* Nothing that is said of rows is about columns alone. */
static int print_columns_only(const struct table_style *style, int argc, char **argv)
{
	if (style->chosen || style->sort) {
		ctl_complain("--list-columns lists all columns: it does not go with %s",
			     style->chosen ? "--output" : "--sort");
		return CTL_USAGE;
	}
	return ctl_no_more(argc, argv) == CTL_OK ? column_print_all(style) : CTL_USAGE;
}

int table_options_end(const struct table_style *style, int argc, char **argv)
{
	struct column_list list;
	int status;

	if (style->only_columns)
		return print_columns_only(style, argc, argv);
	if (style->json && style->chosen) {
		ctl_complain("--json has all fields always: it does not go with --output");
		return CTL_USAGE;
	}
	status = column_list_chosen(style, &list);
	if (status == CTL_OK)
		status = column_list_sorting(style, &list);
	return status == CTL_OK ? -1 : status;
}

static int add_rows(struct libscols_table *table, const json_t *rows, const struct column_list *list,
		    const struct table_style *style)
{
	const json_t *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		if (!line)
			return -ENOMEM;
		for (size_t c = 0; c < list->count; c++) {
			const struct table_column *column = list->columns[c];
			char cell[TABLE_CELL_BYTES];
			const char *text = column->function(row, column->key, style, cell);

			if (scols_line_set_data(line, c, text ? text : "-") < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static int print_rows(const struct table_style *style, const struct column_list *list, const json_t *rows)
{
	struct libscols_table *table = scols_new_table();
	int r = table && rows ? 0 : -ENOMEM;

	if (r == 0)
		(void)scols_table_enable_noheadings(table, style->no_headings);
	for (size_t i = 0; r == 0 && i < list->count; i++)
		if (!scols_table_new_column(table, list->columns[i]->name, 0, list->columns[i]->flags))
			r = -ENOMEM;
	if (r == 0)
		r = add_rows(table, rows, list, style);
	if (r == 0)
		r = scols_print_table(table);
	scols_unref_table(table);
	return r;
}

int table_print(const struct table_style *style, const json_t *rows, const json_t *more)
{
	CLEANUP(json_decrefp) json_t *all = json_array(), *sorted = NULL;
	struct column_list list;
	int r = column_list_chosen(style, &list);

	if (r != CTL_OK)
		return r;
	if (json_array_extend(all, (json_t *)rows) == 0 && (!more || json_array_extend(all, (json_t *)more) == 0))
		sorted = table_sort(style, all);
	r = print_rows(style, &list, sorted);
	if (r == 0)
		return CTL_OK;
	ctl_complain("the table cannot be printed: %s", strerrordesc_np(-r));
	return CTL_FAILED;
}
