/* SPDX-License-Identifier: BSD-3-Clause */
/* process_shape -- a process on pools as the object that vmmallocctl(1) promises; its table is made of that, too. */
#ifndef VMMALLOCD_CTL_PROCESS_SHAPE_H
#define VMMALLOCD_CTL_PROCESS_SHAPE_H

#include <jansson.h>

#include "vmmallocd/ctl/scan.h"
#include "vmmallocd/ctl/table.h"

#define PROCESS_TABLE_COLUMNS "PID,USER,COMMAND,HOLD,OWNER,POOLS,CLASS,SIZE,USED,PEAK,MODE,FORKS,OUTSIDE,REASON"

extern const struct table_kind process_table;

/* The pool of its own whose header has the figures of its heap, which may have others. NULL: it owns none. */
const struct holding *process_figures(const struct scan *scan, const struct scan_process *process);

/* What an owner writes is a figure, not a fact: one that any JSON bears. */
json_t *process_figure(uint64_t figure);

/* A new object; NULL: no memory. */
json_t *process_shape(const struct scan *scan, const struct scan_process *process);

#endif
