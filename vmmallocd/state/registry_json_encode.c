/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registry_json_encode -- the half of registry_json.h that writes.
 *
 * It does without jansson, which is the loop's alone, while a thread makes this text; and it takes a third of the time
 * when no tree of values is built for it. All strings are plain ASCII, so nothing in them needs quoting.
 */
#include "vmmallocd/state/registry_json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "vmmallocd/state/escape.h"

struct writer {
	char *data;
	size_t length, size;
	bool failed;                   /* for want of memory: it stays so */
};

static void writer_done(struct writer *writer)
{
	free(writer->data);
}

static bool make_text_room(struct writer *writer, size_t bytes)
{
	size_t size = 2 * (writer->length + bytes);
	char *larger;

	if (writer->failed || bytes <= writer->size - writer->length)
		return !writer->failed;
	larger = realloc(writer->data, size);
	writer->failed = !larger;
	if (larger) {
		writer->data = larger;
		writer->size = size;
	}
	return !writer->failed;
}

static void write_escaped(struct writer *writer, const char *bytes, size_t most)
{
	if (make_text_room(writer, ESCAPE_BYTES_MOST(strnlen(bytes, most))))
		writer->length += escape_bytes(bytes, most, writer->data + writer->length);
}

/* Formats into 512 bytes at most: numbers, keys and words, nothing that may be long. */
static __attribute__((format(printf, 2, 3))) void write_format(struct writer *writer, const char *words, ...)
{
	va_list args;

	if (!make_text_room(writer, 512))
		return;
	va_start(args, words);
	writer->length += (size_t)vsnprintf(writer->data + writer->length, 512, words, args);
	va_end(args);
}

static void write_id(struct writer *writer, const uint8_t id[POOL_FILE_ID_BYTES])
{
	if (!make_text_room(writer, POOL_FILE_ID_TEXT_BYTES))
		return;
	pool_file_id_format(id, writer->data + writer->length);
	writer->length += POOL_FILE_ID_TEXT_BYTES - 1;
}

/* No file is so large, and nothing counts so far: only so that the number can be read again whatever it is. */
static uint64_t at_most_int64(uint64_t number)
{
	return number > INT64_MAX ? INT64_MAX : number;
}

static void write_pool(struct writer *writer, const struct registry_pool *pool)
{
	write_format(writer, "\n{\"id\": \"");
	write_id(writer, pool->id);
	write_format(writer, "\", \"class\": \"");
	write_escaped(writer, pool->class_name, sizeof(pool->class_name));
	write_format(writer, "\", \"directory\": \"");
	write_escaped(writer, pool->directory, SIZE_MAX);
	write_format(writer, "\", \"state\": \"%s\", \"size\": %ju, \"dev\": \"%ju\", \"ino\": \"%ju\", ",
		     registry_state_name(pool->state), (uintmax_t)at_most_int64(pool->size_bytes),
		     (uintmax_t)pool->file.dev, (uintmax_t)pool->file.ino);
	write_format(writer, "\"created\": %jd, \"changed\": %jd, \"leases\": %ju", (intmax_t)pool->created_s,
		     (intmax_t)pool->changed_s, (uintmax_t)at_most_int64(pool->leases));
	if (pool->state == REGISTRY_LEASED || registry_is_pinned(pool)) {
		write_format(writer, ", \"%s\": {\"pid\": %u, \"uid\": %u, \"comm\": \"",
			     pool->state == REGISTRY_LEASED ? "owner" : "last_owner", pool->owner.pid, pool->owner.uid);
		write_escaped(writer, pool->owner.comm, sizeof(pool->owner.comm) - 1);
		write_format(writer, "\"}");
	}
	if (pool->cold)
		write_format(writer, ", \"cold\": true");
	write_format(writer, "},");
}

int registry_json_encode(const struct registry_image *image, char **ret_text, size_t *ret_bytes)
{
	CLEANUP(writer_done) struct writer writer = { 0 };

	write_format(&writer, "{\"version\": %d, \"boot_id\": \"%s\", \"epoch\": %jd, \"pools\": [",
		     REGISTRY_JSON_VERSION, image->boot_id, (intmax_t)image->epoch_s);
	for (size_t i = 0; i < image->count; i++)
		write_pool(&writer, &image->pools[i]);
	if (!writer.failed && writer.data[writer.length - 1] == ',')
		writer.length--;       /* the last comma */
	write_format(&writer, "\n]}\n");
	if (writer.failed)
		return -ENOMEM;
	*ret_text = steal_pointer(&writer.data);
	*ret_bytes = writer.length;
	return 0;
}
