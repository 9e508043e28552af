/* SPDX-License-Identifier: BSD-3-Clause */
/* pool_table -- see pool_table.h. */
#include "vmmallocd/ctl/pool_table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdio.h>

#include "vmmallocd/ctl/format.h"

static const char *cell_id(const json_t *pool, const char *key, const struct table_style *style,
			   char cell[TABLE_CELL_BYTES])
{
	const char *id = table_text(pool, key, style, cell);

	if (id)
		snprintf(cell, TABLE_CELL_BYTES, "%.*s", POOL_TABLE_ID_SHOWN, id);
	return id ? cell : NULL;
}

/* What has no state is no pool. */
static const char *cell_state(const json_t *pool, const char *key, const struct table_style *style,
			      char cell[TABLE_CELL_BYTES])
{
	const char *state = table_text(pool, key, style, cell);

	return state ? state : "waiting";
}

static const char *cell_kind(const json_t *pool, const char *key, const struct table_style *style,
			     char cell[TABLE_CELL_BYTES])
{
	const json_t *cold = json_object_get(pool, key);

	(void)style;
	(void)cell;
	return json_is_boolean(cold) ? json_is_true(cold) ? "cold" : "warm" : NULL;
}

static const char *cell_age(const json_t *pool, const char *key, const struct table_style *style,
			    char cell[TABLE_CELL_BYTES])
{
	(void)style;
	format_age(json_integer_value(json_object_get(pool, key)), cell);
	return cell;
}

static const char *cell_owner_number(const json_t *pool, const char *key, const struct table_style *style,
				     char cell[TABLE_CELL_BYTES])
{
	return table_number(json_object_get(pool, "owner"), key, style, cell);
}

static const char *cell_owner_user(const json_t *pool, const char *key, const struct table_style *style,
				   char cell[TABLE_CELL_BYTES])
{
	return table_user(json_object_get(pool, "owner"), key, style, cell);
}

static const char *cell_owner_text(const json_t *pool, const char *key, const struct table_style *style,
				   char cell[TABLE_CELL_BYTES])
{
	return table_text(json_object_get(pool, "owner"), key, style, cell);
}

static const struct table_column pool_columns[] = {
	{ "CLASS", "class", table_text, 0, "what kind of pool" },
	{ "ID", "id", cell_id, 0, "the beginning of its id" },
	{ "STATE", "state", cell_state, 0, "what becomes of it" },
	{ "KIND", "cold", cell_kind, 0, "warm or cold: whose memory control group is charged" },
	{ "SIZE", "size", table_bytes, SCOLS_FL_RIGHT, "of the pool" },
	{ "USED", "used", table_bytes, SCOLS_FL_RIGHT, "what its owner uses of it" },
	{ "PEAK", "peak", table_bytes, SCOLS_FL_RIGHT, "the most that USED was" },
	{ "PID", "pid", cell_owner_number, SCOLS_FL_RIGHT, "whom it was handed to, or who waits" },
	{ "UID", "uid", cell_owner_number, SCOLS_FL_RIGHT, "whose that process is" },
	{ "USER", "uid", cell_owner_user, 0, "whose that process is, by name" },
	{ "COMMAND", "comm", cell_owner_text, SCOLS_FL_TRUNC, "what that process runs" },
	{ "AGE", "age", cell_age, SCOLS_FL_RIGHT, "how long it is in that state" },
	{ "PATH", "path", table_text, 0, "its file" },
};

const char *const pool_table_states[] = {
	"creating", "warming", "ready", "leased", "recycling", "quarantined", "failed", "waiting", NULL,
};

const struct table_kind pool_table = { pool_columns, sizeof(pool_columns) / sizeof(*pool_columns) };
