/* SPDX-License-Identifier: BSD-3-Clause */
/* pool_table -- see pool_table.h. */
#include "vmmallocd/ctl/pool_table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdio.h>

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

static const struct table_column pool_columns[] = {
	{ "CLASS", "class", table_text, 0, TABLE_TEXT, "what kind of pool" },
	{ "ID", "id", cell_id, 0, TABLE_TEXT, "the beginning of its id" },
	{ "STATE", "state", cell_state, 0, TABLE_TEXT, "what becomes of it" },
	{ "KIND", "cold", cell_kind, 0, TABLE_TEXT, "warm or cold: whose memory control group is charged" },
	{ "SIZE", "size", table_bytes, SCOLS_FL_RIGHT, TABLE_BYTES, "of the pool" },
	{ "USED", "used", table_bytes, SCOLS_FL_RIGHT, TABLE_BYTES, "what its owner uses of it" },
	{ "PEAK", "peak", table_bytes, SCOLS_FL_RIGHT, TABLE_BYTES, "the most that USED was" },
	{ "PID", "owner.pid", table_number, SCOLS_FL_RIGHT, TABLE_NUMBER, "whom it was handed to, or who waits" },
	{ "UID", "owner.uid", table_number, SCOLS_FL_RIGHT, TABLE_NUMBER, "whose that process is" },
	{ "USER", "owner.uid", table_user, 0, TABLE_TEXT, "whose that process is, by name" },
	{ "COMMAND", "owner.comm", table_text, SCOLS_FL_TRUNC, TABLE_TEXT, "what that process runs" },
	{ "AGE", "age", table_seconds, SCOLS_FL_RIGHT, TABLE_SECONDS, "how long it is in that state" },
	{ "PATH", "path", table_text, 0, TABLE_TEXT, "its file" },
};

const char *const pool_table_states[] = {
	"creating", "warming", "ready", "leased", "recycling", "quarantined", "failed", "waiting", NULL,
};

const struct table_kind pool_table = { pool_columns, sizeof(pool_columns) / sizeof(*pool_columns) };
