/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * table_sort -- the rows of a table in the order that --sort wants: by what is in them, not by how it is written. What
 * is not known comes last, and rows that are the same stay as they were.
 */
#include <stdlib.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "vmmallocd/ctl/column.h"

/* A cell: a text, or a number. */
struct sort_key {
	char *text;          /* NULL: nothing is known */
	long long number;
};

struct sort_row {
	json_t *row;
	size_t place;
	const struct column_list *list;
	struct sort_key *keys;
};

static int compare_keys(const struct table_column *column, const struct sort_key *one, const struct sort_key *other)
{
	if (column->type == TABLE_TEXT)
		return strcmp(one->text, other->text);
	return (one->number > other->number) - (one->number < other->number);
}

static int compare_rows(const void *a, const void *b)
{
	const struct sort_row *one = a, *other = b;

	for (size_t i = 0; i < one->list->count; i++) {
		const struct sort_key *left = &one->keys[i], *right = &other->keys[i];
		int order;

		if (!left->text || !right->text)
			order = !left->text - !right->text;
		else
			order = compare_keys(one->list->columns[i], left, right) * (one->list->descends[i] ? -1 : 1);
		if (order != 0)
			return order;
	}
	return one->place < other->place ? -1 : 1;
}

/* False: no memory. */
static bool read_keys(const struct table_style *style, struct sort_row *row)
{
	struct table_style raw = *style;

	raw.raw = true;
	for (size_t i = 0; i < row->list->count; i++) {
		const struct table_column *column = row->list->columns[i];
		char cell[TABLE_CELL_BYTES];
		const char *text = column->function(row->row, column->key, &raw, cell);

		row->keys[i].text = text ? strdup(text) : NULL;
		if (text && !row->keys[i].text)
			return false;
		if (text && column->type != TABLE_TEXT)
			row->keys[i].number = strtoll(text, NULL, 10);
	}
	return true;
}

static json_t *join_rows(const struct sort_row *rows, size_t count)
{
	CLEANUP(json_decrefp) json_t *joined = json_array();

	for (size_t i = 0; i < count; i++)
		if (json_array_append(joined, rows[i].row) < 0)
			return NULL;
	return steal_pointer(&joined);
}

json_t *table_sort(const struct table_style *style, const json_t *rows)
{
	size_t count = json_array_size(rows), read = 0;
	struct column_list list = { .count = 0 };
	int status = column_list_sorting(style, &list);
	CLEANUP(cleanup_free) struct sort_row *sorted = reallocarray(NULL, count + 1, sizeof(*sorted));
	CLEANUP(cleanup_free) struct sort_key *keys = calloc((count + 1) * (list.count + 1), sizeof(*keys));
	json_t *joined = NULL;

	while (status == CTL_OK && sorted && keys && read < count) {
		sorted[read] = (struct sort_row){ json_array_get(rows, read), read, &list, keys + read * list.count };
		if (!read_keys(style, &sorted[read]))
			break;
		read++;
	}
	if (sorted && read == count && count > 0 && list.count > 0)
		qsort(sorted, count, sizeof(*sorted), compare_rows);
	if (sorted && keys && read == count)
		joined = join_rows(sorted, count);
	for (size_t i = 0; keys && i < count * list.count; i++)
		free(keys[i].text);
	return joined;
}
