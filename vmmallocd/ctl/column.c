/* SPDX-License-Identifier: BSD-3-Clause */
/* column -- see column.h. */
#include "vmmallocd/ctl/column.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/util/cleanup.h"
#include "common/util/suggest.h"
#include "vmmallocd/ctl/shape.h"

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

static int complain_of_column(const struct table_kind *kind, const char *option, const char *name, size_t length)
{
	char names[TABLE_NAMES_BYTES], hint[SUGGEST_BYTES], word[SUGGEST_WORD_BYTES];
	struct suggest suggest = { .word = word };

	snprintf(word, sizeof(word), "%.*s", (int)length, name);
	for (size_t i = 0; i < kind->count; i++)
		suggest_offer(&suggest, kind->columns[i].name);
	if (suggest.nearest && suggest.distance > 0)
		ctl_complain("%s: unknown column '%.*s'%s", option, (int)length, name, suggest_say(&suggest, hint));
	else
		ctl_complain("%s: unknown column '%.*s'; there are %s", option, (int)length, name,
			     say_names(kind, names));
	return CTL_USAGE;
}

/* Adds names with commas between them. `signs`: what may stand before each. */
static int add_columns(const struct table_kind *kind, const char *option, const char *names, const char *signs,
		       struct column_list *list)
{
	for (;; names++) {
		bool descends = *names == '-' && *signs;
		size_t length;

		if (*names && strchr(signs, *names))
			names++;
		length = strcspn(names, ",");
		if (list->count == TABLE_COLUMNS_MOST) {
			ctl_complain("%s: at most %d columns", option, TABLE_COLUMNS_MOST);
			return CTL_USAGE;
		}
		list->descends[list->count] = descends;
		list->columns[list->count] = find_column(kind, names, length);
		if (!list->columns[list->count++])
			return complain_of_column(kind, option, names, length);
		names += length;
		if (*names == '\0')
			return CTL_OK;
	}
}

int column_list_chosen(const struct table_style *style, struct column_list *ret_list)
{
	const char *chosen = style->chosen ? style->chosen : style->columns;
	bool adds = chosen[0] == '+';
	struct column_list list = { .count = 0 };
	int status = CTL_OK;

	if (adds)
		status = add_columns(style->kind, "--output", style->columns, "", &list);
	if (status == CTL_OK)
		status = add_columns(style->kind, "--output", chosen + adds, "", &list);
	if (status == CTL_OK)
		*ret_list = list;
	return status;
}

int column_list_sorting(const struct table_style *style, struct column_list *ret_list)
{
	struct column_list list = { .count = 0 };
	int status = style->sort ? add_columns(style->kind, "--sort", style->sort, "+-", &list) : CTL_OK;

	if (status == CTL_OK)
		*ret_list = list;
	return status;
}

static const char *const type_names[TABLE_TYPES] = {
	[TABLE_TEXT] = "text", [TABLE_NUMBER] = "number", [TABLE_BYTES] = "bytes", [TABLE_SECONDS] = "seconds",
};

static bool is_usual(const struct table_style *style, const struct table_column *column)
{
	const struct table_style usual = { .kind = style->kind, .columns = style->columns };
	struct column_list list;

	if (column_list_chosen(&usual, &list) == CTL_OK)
		for (size_t i = 0; i < list.count; i++)
			if (list.columns[i] == column)
				return true;
	return false;
}

static json_t *shape_column(const struct table_style *style, const struct table_column *column)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:s}", "name", column->name, "type", type_names[column->type],
			 "key", column->key, "default", is_usual(style, column), "help", column->help);
}

int column_print_all(const struct table_style *style)
{
	const struct table_kind *kind = style->kind;
	CLEANUP(json_decrefp) json_t *columns = style->json ? json_array() : NULL;

	for (size_t i = 0; i < kind->count; i++) {
		if (!style->json)
			printf("%-10s <%s> %s\n", kind->columns[i].name, type_names[kind->columns[i].type],
			       kind->columns[i].help);
		else if (json_array_append_new(columns, shape_column(style, &kind->columns[i])) < 0)
			return shape_print(NULL, "the list of columns");
	}
	return style->json ? shape_print(json_pack("{s:i, s:O}", "version", 1, "columns", columns),
					 "the list of columns") : CTL_OK;
}
