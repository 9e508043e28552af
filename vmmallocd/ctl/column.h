/* SPDX-License-Identifier: BSD-3-Clause */
/* column -- which columns of a table were asked for, and which there are. */
#ifndef VMMALLOCD_CTL_COLUMN_H
#define VMMALLOCD_CTL_COLUMN_H

#include "vmmallocd/ctl/table.h"

struct column_list {
	const struct table_column *columns[TABLE_COLUMNS_MOST];
	bool descends[TABLE_COLUMNS_MOST];
	size_t count;
};

/* Those to print, in their order. CTL_OK; or a complaint was made, and it is CTL_USAGE. */
int column_list_chosen(const struct table_style *style, struct column_list *ret_list);
/* Those to sort by; none, if nothing was said of it. */
int column_list_sorting(const struct table_style *style, struct column_list *ret_list);

/* Prints what columns there are: a line each, or JSON. An exit status. */
int column_print_all(const struct table_style *style);

#endif
