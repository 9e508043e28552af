/* SPDX-License-Identifier: BSD-3-Clause */
/* class_table -- the columns of the daemon's classes. */
#ifndef VMMALLOCD_CTL_CLASS_TABLE_H
#define VMMALLOCD_CTL_CLASS_TABLE_H

#include "vmmallocd/ctl/table.h"

#define CLASS_TABLE_COLUMNS "CLASS,SIZE,READY,LEASED,COLD,BUSY,BAD,MAX,WAITING,DIRECTORY"

extern const struct table_kind class_table;

/* "drained" or "disabled"; "": it serves, as far as an operator has his say. */
const char *class_order(const json_t *class);

#endif
