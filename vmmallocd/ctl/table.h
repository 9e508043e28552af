/* SPDX-License-Identifier: BSD-3-Clause */
/* table -- the daemon's list as a table on standard output: one pool a line, and then one request that waits. */
#ifndef VMMALLOCD_CTL_TABLE_H
#define VMMALLOCD_CTL_TABLE_H

#include <jansson.h>
#include <stdbool.h>

#include "vmmallocd/ctl/ctl.h"

#define TABLE_COLUMNS "CLASS,ID,STATE,KIND,SIZE,USED,PEAK,PID,USER,COMMAND,AGE"
#define TABLE_COLUMNS_MOST 32
#define TABLE_ID_SHOWN 12   /* digits of an id in a table: enough to tell pools apart, and for `status` */

struct table_style {
	const char *columns;    /* names with commas between them, in any case */
	bool no_headings;
	bool exact;             /* sizes in bytes */
};

/* An exit status; a complaint is made for one that is not CTL_OK, as always. */
int table_check_columns(const char *columns);
/* `waiting` may be NULL. */
int table_print(const json_t *pools, const json_t *waiting, const struct table_style *style);

#endif
