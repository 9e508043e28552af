/* SPDX-License-Identifier: BSD-3-Clause */
/* table -- the daemon's list of pools on standard output: a table, or JSON. */
#ifndef VMMALLOCD_CTL_TABLE_H
#define VMMALLOCD_CTL_TABLE_H

#include <jansson.h>
#include <stdbool.h>

#include "vmmallocd/ctl/ctl.h"

#define POOLS_COLUMNS "CLASS,ID,STATE,SIZE,USED,PEAK,PID,USER,COMMAND,AGE"
#define POOLS_COLUMNS_MOST 32
#define POOLS_ID_SHOWN 12   /* digits of an id in a table: enough to tell pools apart, and for `status` */

struct pools_style {
	const char *columns;    /* names with commas between them, in any case */
	bool no_headings;
	bool exact;             /* sizes in bytes */
};

/* An exit status; a complaint is made for one that is not CTL_OK, as always. */
int pools_check_columns(const char *columns);
int pools_print(const json_t *pools, const struct pools_style *style);

/* {"version":1,"pools":[...]}: the shape that vmmallocctl(1) promises, whatever more the daemon says. */
int pools_print_json(const json_t *pools);

#endif
