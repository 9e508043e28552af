/* SPDX-License-Identifier: BSD-3-Clause */
/* pool_table -- the columns of the daemon's list: one pool a line, or one request that waits. */
#ifndef VMMALLOCD_CTL_POOL_TABLE_H
#define VMMALLOCD_CTL_POOL_TABLE_H

#include "vmmallocd/ctl/table.h"

#define POOL_TABLE_COLUMNS "CLASS,ID,STATE,KIND,SIZE,USED,PEAK,PID,USER,COMMAND,AGE"
#define POOL_TABLE_ID_SHOWN 12   /* digits of an id in a table: enough to tell pools apart, and for `status` */

extern const struct table_kind pool_table;
/* What STATE may be, and then NULL. */
extern const char *const pool_table_states[];

#endif
