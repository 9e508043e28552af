/* SPDX-License-Identifier: BSD-3-Clause */
/* pairs -- see pairs.h. */
#include "vmmallocd/ctl/pairs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/util/cleanup.h"

void pairs_begin(struct pairs *pairs)
{
	*pairs = (struct pairs){ .table = scols_new_table() };
	if (!pairs->table || scols_table_enable_noheadings(pairs->table, 1) < 0 ||
	    !scols_table_new_column(pairs->table, "WHAT", 0, 0) || !scols_table_new_column(pairs->table, "IS", 0, 0))
		pairs->result = -ENOMEM;
}

static int add_line(struct libscols_table *table, const char *what, const char *format, va_list args)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	CLEANUP(cleanup_free) char *text = NULL;

	if (vasprintf(&text, format, args) < 0) {
		text = NULL;  /* vasprintf leaves anything there */
		return -ENOMEM;
	}
	if (!line || scols_line_set_data(line, 0, what) < 0 || scols_line_set_data(line, 1, text) < 0)
		return -ENOMEM;
	return 0;
}

void pairs_add(struct pairs *pairs, const char *what, const char *format, ...)
{
	va_list args;

	if (pairs->result < 0)
		return;
	va_start(args, format);
	pairs->result = add_line(pairs->table, what, format, args);
	va_end(args);
	pairs->count++;
}

int pairs_end(struct pairs *pairs)
{
	int r = pairs->result;

	if (r == 0 && pairs->count > 0)
		r = scols_print_table(pairs->table);
	scols_unref_table(pairs->table);
	pairs->table = NULL;
	return r;
}
