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
 * The text of a cell, of the object's member `key`. What it writes is at most TABLE_CELL_BYTES long; or it returns the
 * object's own text. NULL: nothing is known.
 */
typedef const char *(*table_cell)(const json_t *object, const char *key, const struct table_style *style,
				  char cell[TABLE_CELL_BYTES]);

struct table_column {
	const char *name, *key;
	table_cell function;
	int flags;              /* libsmartcols' */
	const char *help;
};

struct table_kind {
	const struct table_column *columns;
	size_t count;
};

struct table_style {
	const struct table_kind *kind;
	const char *columns;    /* names with commas between them, in any case */
	bool no_headings;
	bool exact;             /* sizes in bytes */
	bool json;              /* no table at all */
};

/* What table_options reads. */
#define TABLE_OPTIONS                                                                                                  \
	{ "json", 'J', NULL, "as JSON" }, { "output", 'o', "COLUMNS", "these columns, with commas between them" },     \
		{ "no-headings", 'n', NULL, "no line of headings" }, { "bytes", 'b', NULL, "sizes in bytes" }

/*
 * Reads the options of a command that prints a table of that kind; its columns are those that are set, unless others
 * are asked for. Returns -1, go on; or the exit status to end with.
 */
int table_options(struct ctl *ctl, int argc, char **argv, struct table_style *style);

/* Rows, and then more of them, if that is not NULL. An exit status; a complaint is made for one that is not CTL_OK. */
int table_print(const struct table_style *style, const json_t *rows, const json_t *more);

/* Cells of all kinds of tables. */
const char *table_text(const json_t *object, const char *key, const struct table_style *style,
		       char cell[TABLE_CELL_BYTES]);
const char *table_number(const json_t *object, const char *key, const struct table_style *style,
			 char cell[TABLE_CELL_BYTES]);
const char *table_bytes(const json_t *object, const char *key, const struct table_style *style,
			char cell[TABLE_CELL_BYTES]);
const char *table_user(const json_t *object, const char *key, const struct table_style *style,
		       char cell[TABLE_CELL_BYTES]);

#endif
