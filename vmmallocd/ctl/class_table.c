/* SPDX-License-Identifier: BSD-3-Clause */
/* class_table -- see class_table.h. */
#include "vmmallocd/ctl/class_table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>

#include "vmmallocd/ctl/field.h"

const char *class_order(const json_t *class)
{
	const char *service = field_text(class, "service");

	return strcmp(service, "serving") == 0 ? "" : service;
}

/* That of a class which a mistake closes may not be known. */
static const char *cell_size(const json_t *class, const char *key, const struct table_style *style,
			     char cell[TABLE_CELL_BYTES])
{
	return field_number(class, key) > 0 ? table_bytes(class, key, style, cell) : NULL;
}

/* "1/2": of those that there should be. */
static const char *cell_ready(const json_t *class, const char *key, const struct table_style *style,
			      char cell[TABLE_CELL_BYTES])
{
	const char *ready = table_number(class, key, style, cell);

	if (ready && !style->raw)
		snprintf(cell, TABLE_CELL_BYTES, "%lld/%lld", field_number(json_object_get(class, "counts"), "ready"),
			 field_number(class, "ready"));
	return ready;
}

static const char *cell_busy(const json_t *class, const char *key, const struct table_style *style,
			     char cell[TABLE_CELL_BYTES])
{
	const json_t *counts = json_object_get(class, key);

	(void)style;
	snprintf(cell, TABLE_CELL_BYTES, "%lld", field_number(counts, "creating") + field_number(counts, "warming") +
		 field_number(counts, "recycling"));
	return cell;
}

static const char *cell_bad(const json_t *class, const char *key, const struct table_style *style,
			    char cell[TABLE_CELL_BYTES])
{
	const json_t *counts = json_object_get(class, key);

	(void)style;
	snprintf(cell, TABLE_CELL_BYTES, "%lld", field_number(counts, "quarantined") + field_number(counts, "failed"));
	return cell;
}

static const struct table_column class_columns[] = {
	{ "CLASS", "name", table_text, 0, TABLE_TEXT, "its name" },
	{ "SIZE", "size", cell_size, SCOLS_FL_RIGHT, TABLE_BYTES, "of each of its pools" },
	{ "READY", "counts.ready", cell_ready, SCOLS_FL_RIGHT, TABLE_NUMBER, "of how many there should be" },
	{ "LEASED", "counts.leased", table_number, SCOLS_FL_RIGHT, TABLE_NUMBER, "those that somebody has" },
	{ "COLD", "cold_pools", table_number, SCOLS_FL_RIGHT, TABLE_NUMBER, "cold ones of all" },
	{ "BUSY", "counts", cell_busy, SCOLS_FL_RIGHT, TABLE_NUMBER, "those that are creating, warming or recycling" },
	{ "BAD", "counts", cell_bad, SCOLS_FL_RIGHT, TABLE_NUMBER, "those that are quarantined or failed" },
	{ "MAX", "max", table_number, SCOLS_FL_RIGHT, TABLE_NUMBER, "how many there may be in all" },
	{ "WAITING", "waiting", table_number, SCOLS_FL_RIGHT, TABLE_NUMBER, "requests that wait for a pool" },
	{ "DIRECTORY", "directory", table_text, 0, TABLE_TEXT, "where its pools are" },
	{ "SERVICE", "service", table_text, 0, TABLE_TEXT, "what was ordered: serving, drained or disabled" },
	{ "PRESSURE", "on_memory_pressure", table_text, 0, TABLE_TEXT, "while memory is short: keep or release" },
	{ "RECYCLE", "recycle", table_text, 0, TABLE_TEXT, "what becomes of a pool that comes back: scrub or destroy" },
	{ "PROBLEM", "problem", table_text, 0, TABLE_TEXT, "what keeps it from having its pools" },
};

const struct table_kind class_table = { class_columns, sizeof(class_columns) / sizeof(*class_columns) };
