/* SPDX-License-Identifier: BSD-3-Clause */
/* prune -- see prune.h. */
#include "vmmallocd/control/prune.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "vmmallocd/control/json.h"

struct entry {
	uint8_t id[POOL_FILE_ID_BYTES];
	char *text;            /* what the pool was, as JSON */
};

struct control_prune {
	const struct control_backend *backend;
	bool dry_run;
	struct entry *entries;
	size_t count, size;
};

struct control_prune *control_prune_new(const struct control_backend *backend, bool dry_run)
{
	struct control_prune *prune = calloc(1, sizeof(*prune));

	if (prune) {
		prune->backend = backend;
		prune->dry_run = dry_run;
	}
	return prune;
}

void control_prune_free(struct control_prune *prune)
{
	if (!prune)
		return;
	for (size_t i = 0; i < prune->count; i++)
		free(prune->entries[i].text);
	free(prune->entries);
	free(prune);
}

static int grow_entries(struct control_prune *prune)
{
	size_t size = 2 * prune->size + 16;
	struct entry *entries;

	if (prune->count < prune->size)
		return 0;
	entries = realloc(prune->entries, size * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	prune->entries = entries;
	prune->size = size;
	return 0;
}

int control_prune_add(struct control_prune *prune, const struct registry_pool *pool)
{
	json_t *object;
	char *text;

	if (grow_entries(prune) < 0)
		return -ENOMEM;
	object = control_json_pool(prune->backend, pool);
	text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	if (!text)
		return -ENOMEM;
	memcpy(prune->entries[prune->count].id, pool->id, POOL_FILE_ID_BYTES);
	prune->entries[prune->count++].text = text;
	return 0;
}

/* NULL: it is removed, or would be. */
static const char *why_not(const struct control_prune *prune, size_t i, bool *ret_at_work)
{
	*ret_at_work = false;
	return prune->dry_run ? NULL :
		       prune->backend->not_removed(prune->backend->context, prune->entries[i].id, ret_at_work);
}

bool control_prune_is_done(const struct control_prune *prune)
{
	bool at_work = false;

	for (size_t i = 0; i < prune->count && !at_work; i++)
		(void)why_not(prune, i, &at_work);
	return !at_work;
}

struct writer {
	int (*append)(const char *bytes, size_t count, void *context);
	void *context;
	int r;
};

static void write_piece(struct writer *writer, const char *text)
{
	if (writer->r == 0)
		writer->r = writer->append(text, strlen(text), writer->context);
}

static void write_string(struct writer *writer, const char *words)
{
	json_t *string = control_json_text(words);
	char *text = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

	if (!text && writer->r == 0)
		writer->r = -ENOMEM;
	if (text)
		write_piece(writer, text);
	free(text);
	json_decref(string);
}

static void write_entries(struct writer *writer, const struct control_prune *prune, bool removed)
{
	const char *comma = "";
	bool at_work;

	for (size_t i = 0; i < prune->count; i++) {
		const char *reason = why_not(prune, i, &at_work);

		if (removed != !reason)
			continue;
		write_piece(writer, comma);
		comma = ",";
		if (removed) {
			write_piece(writer, prune->entries[i].text);
			continue;
		}
		write_piece(writer, "{\"pool\":");
		write_piece(writer, prune->entries[i].text);
		write_piece(writer, ",\"reason\":");
		write_string(writer, reason);
		write_piece(writer, at_work ? ",\"at_work\":true}" : ",\"at_work\":false}");
	}
}

int control_prune_write(const struct control_prune *prune,
			int (*append)(const char *bytes, size_t count, void *context), void *context)
{
	struct writer writer = { append, context, 0 };

	write_piece(&writer, "{\"version\":1,\"pools\":[");
	write_entries(&writer, prune, true);
	write_piece(&writer, "],\"failed\":[");
	write_entries(&writer, prune, false);
	write_piece(&writer, "]}");
	return writer.r;
}
