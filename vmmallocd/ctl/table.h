/* SPDX-License-Identifier: BSD-3-Clause */
/* table -- objects as a table on standard output, one a line, with the columns of their kind; and its options. */
#ifndef VMMALLOCD_CTL_TABLE_H
#define VMMALLOCD_CTL_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "vmmallocd/ctl/ctl.h"

#define TABLE_COLUMNS_MOST 32
#define TABLE_CELL_BYTES 512
#define TABLE_NAMES_BYTES 512

struct table_style;

/*
 * The text of a cell, of the object's member `key`; dots in it lead to members of members. What it writes is at most
 * TABLE_CELL_BYTES long; or it returns the object's own text. NULL: nothing is known.
 */
typedef const char *(*table_cell)(const json_t *object, const char *key, const struct table_style *style,
				  char cell[TABLE_CELL_BYTES]);

enum table_type { TABLE_TEXT, TABLE_NUMBER, TABLE_BYTES, TABLE_SECONDS, TABLE_TYPES };

struct table_column {
	const char *name, *key;
	table_cell function;
	int flags;              /* libsmartcols' */
	enum table_type type;
	const char *help;
};

struct table_kind {
	const struct table_column *columns;
	size_t count;
};

struct table_style {
	const struct table_kind *kind;
	const char *columns;    /* names with commas between them, in any case */
	const char *chosen;     /* the same; with a '+' before it those are added. NULL: `columns` */
	const char *sort;       /* the same; '-' before one: the largest first. NULL: as the rows are */
	bool no_headings;
	bool exact;             /* sizes in bytes */
	bool raw;               /* all figures as numbers */
	bool json;              /* no table at all */
	bool only_columns;      /* but a list of the columns that there are */
};

/* What table_option takes. */
enum { TABLE_OPTION_SORT = 0x200 };
#define TABLE_OPTIONS                                                                                                  \
	{ "json", 'J', NULL, "as JSON" },                                                                              \
	{ "output", 'o', "[+]COLUMNS", "these columns, with commas between them; with a +, beside the usual ones" },   \
	{ "sort", TABLE_OPTION_SORT, "COLUMNS", "by these columns; with a - before one, the largest first" },          \
	{ "list-columns", 'H', NULL, "only list the columns that there are; with --json, with types and keys" },       \
	{ "no-headings", 'n', NULL, "no line of headings" },                                                           \
	{ "bytes", 'b', NULL, "sizes in bytes" }

/* Takes one of TABLE_OPTIONS. */
void table_option(struct table_style *style, int option);
/* When all were read: -1, go on; or the exit status to end with. */
int table_options_end(const struct table_style *style, int argc, char **argv);

/* A new array of the rows as --sort wants them; NULL: no memory. */
json_t *table_sort(const struct table_style *style, const json_t *rows);

/* Rows, and then more of them, if that is not NULL. An exit status; a complaint is made for one that is not CTL_OK. */
int table_print(const struct table_style *style, const json_t *rows, const json_t *more);

/* Cells of all kinds of tables. */
const char *table_text(const json_t *object, const char *key, const struct table_style *style,
		       char cell[TABLE_CELL_BYTES]);
const char *table_number(const json_t *object, const char *key, const struct table_style *style,
			 char cell[TABLE_CELL_BYTES]);
const char *table_bytes(const json_t *object, const char *key, const struct table_style *style,
			char cell[TABLE_CELL_BYTES]);
const char *table_seconds(const json_t *object, const char *key, const struct table_style *style,
			  char cell[TABLE_CELL_BYTES]);
const char *table_user(const json_t *object, const char *key, const struct table_style *style,
		       char cell[TABLE_CELL_BYTES]);

#endif
