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
#include "common/util/suggest.h"
#include "vmmallocd/ctl/format.h"

const char *table_text(const json_t *object, const char *key, const struct table_style *style,
		       char cell[TABLE_CELL_BYTES])
{
	(void)style;
	(void)cell;
	return json_string_value(json_object_get(object, key));
}

const char *table_number(const json_t *object, const char *key, const struct table_style *style,
			 char cell[TABLE_CELL_BYTES])
{
	const json_t *number = json_object_get(object, key);

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

	if (number && !style->exact)
		size_format_short((uint64_t)json_integer_value(json_object_get(object, key)), cell);
	return number;
}

const char *table_user(const json_t *object, const char *key, const struct table_style *style,
		       char cell[TABLE_CELL_BYTES])
{
	const char *number = table_number(object, key, style, cell);

	if (number)
		format_user((uid_t)json_integer_value(json_object_get(object, key)), cell);
	return number;
}

static const struct table_column *find_column(const struct table_kind *kind, const char *name, size_t length)
{
	for (size_t i = 0; i < kind->count; i++)
		if (strlen(kind->columns[i].name) == length && strncasecmp(kind->columns[i].name, name, length) == 0)
			return &kind->columns[i];
	return NULL;
}

static const char *say_names(const struct table_kind *kind, char names[TABLE_NAMES_BYTES])
{
	size_t used = 0;

	names[0] = '\0';
	for (size_t i = 0; i < kind->count && used < TABLE_NAMES_BYTES; i++)
		used += (size_t)snprintf(names + used, TABLE_NAMES_BYTES - used, "%s%s",
					 i == 0 ? "" : i + 1 == kind->count ? " and " : ", ", kind->columns[i].name);
	return names;
}

static int complain_of_column(const struct table_kind *kind, const char *what, const char *name, size_t length)
{
	char names[TABLE_NAMES_BYTES], hint[SUGGEST_BYTES], word[SUGGEST_WORD_BYTES];
	struct suggest suggest = { .word = word };

	snprintf(word, sizeof(word), "%.*s", (int)length, name);
	for (size_t i = 0; i < kind->count; i++)
		suggest_offer(&suggest, kind->columns[i].name);
	if (suggest.nearest && suggest.distance > 0)
		ctl_complain("--output: %s '%.*s'%s", what, (int)length, name, suggest_say(&suggest, hint));
	else
		ctl_complain("--output: %s '%.*s'; there are %s", what, (int)length, name, say_names(kind, names));
	return CTL_USAGE;
}

static int parse_columns(const struct table_style *style, const struct table_column *ret_columns[TABLE_COLUMNS_MOST],
			 size_t *ret_count)
{
	const char *names = style->columns;
	size_t count = 0;

	for (;; names++) {
		size_t length = strcspn(names, ",");
		const struct table_column *column = find_column(style->kind, names, length);

		if (!column || count == TABLE_COLUMNS_MOST)
			return complain_of_column(style->kind, column ? "too many columns at" : "unknown column", names,
						  length);
		ret_columns[count++] = column;
		names += length;
		if (*names == '\0')
			break;
	}
	*ret_count = count;
	return CTL_OK;
}

int table_options(struct ctl *ctl, int argc, char **argv, struct table_style *style)
{
	const struct table_column *columns[TABLE_COLUMNS_MOST];
	const char *chosen = NULL;
	int option, status;
	size_t count;

	while ((option = ctl_next_option(ctl, argc, argv, &status)) != 0) {
		switch (option) {
		case 'J': style->json = true; break;
		case 'o': chosen = optarg; break;
		case 'n': style->no_headings = true; break;
		case 'b': style->exact = true; break;
		}
	}
	if (status >= 0)
		return status;
	if (style->json && chosen) {
		ctl_complain("--json has all fields always: it does not go with --output");
		return CTL_USAGE;
	}
	if (chosen)
		style->columns = chosen;
	status = parse_columns(style, columns, &count);
	return status == CTL_OK ? -1 : status;
}

static int add_rows(struct libscols_table *table, const json_t *objects, const struct table_column **columns,
		    size_t count, const struct table_style *style)
{
	const json_t *object;
	size_t i;

	json_array_foreach((json_t *)objects, i, object) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		if (!line)
			return -ENOMEM;
		for (size_t c = 0; c < count; c++) {
			char cell[TABLE_CELL_BYTES];
			const char *text = columns[c]->function(object, columns[c]->key, style, cell);

			if (scols_line_set_data(line, c, text ? text : "-") < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

int table_print(const struct table_style *style, const json_t *rows, const json_t *more)
{
	const struct table_column *columns[TABLE_COLUMNS_MOST];
	struct libscols_table *table;
	size_t count;
	int r = parse_columns(style, columns, &count);

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
		r = add_rows(table, rows, columns, count, style);
	if (r == 0)
		r = add_rows(table, more, columns, count, style);
	if (r == 0)
		r = scols_print_table(table);
	scols_unref_table(table);
	if (r == 0)
		return CTL_OK;
	ctl_complain("the table cannot be printed: %s", strerrordesc_np(-r));
	return CTL_FAILED;
}
