/* SPDX-License-Identifier: BSD-3-Clause */
/* process_shape -- see process_shape.h. */
#include "vmmallocd/ctl/process_shape.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "common/util/printable.h"
#include "vmmallocd/ctl/reasons.h"

#define ID_BYTES sizeof(((struct pool_header *)0)->pool_id)

json_t *process_figure(uint64_t figure)
{
	return json_integer(figure < INT64_MAX ? (json_int_t)figure : INT64_MAX);
}

static json_t *make_id(const struct pool_header *header)
{
	char text[2 * ID_BYTES + 1];

	for (size_t i = 0; i < ID_BYTES; i++) {
		text[2 * i] = "0123456789abcdef"[header->pool_id[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[header->pool_id[i] & 15];
	}
	return json_stringn(text, 2 * ID_BYTES);
}

/* JSON is UTF-8. A path need not be. */
static json_t *make_directory(const char *path)
{
	size_t bytes = (size_t)(strrchr(path, '/') - path);
	CLEANUP(cleanup_free) char *copy = strndup(bytes > 0 ? path : "/", bytes > 0 ? bytes : 1);
	json_t *made = copy ? json_string(copy) : NULL;

	if (made || !copy)
		return made;
	printable_tidy(copy, strlen(copy) + 1);
	return json_string(copy);
}

static bool is_owned(const struct scan *scan, const struct scan_process *process, size_t i)
{
	size_t owner = scan->pools[process->pools[i]].owner;

	return owner != SCAN_NOBODY && &scan->processes[owner] == process;
}

static const char *say_hold(const struct holding *holding, bool owned)
{
	return owned ? "own" : holding->is_mapped ? "mapped" : "descriptor";
}

/* One that was not found has no number here, only what it has written down. */
static json_t *make_owner(const struct scan *scan, const struct scan_pool *pool)
{
	const struct pool_header *header = &pool->known->header;
	const struct scan_process *owner = pool->owner == SCAN_NOBODY ? NULL : &scan->processes[pool->owner];

	if (owner)
		return json_pack("{s:i, s:I, s:s}", "pid", (int)owner->pid, "uid", (json_int_t)owner->uid, "comm",
				 owner->stat.command);
	if (!pool->known->has_header || header->owner_pid == 0)
		return json_null();
	return json_pack("{s:n, s:I, s:s}", "pid", "uid", (json_int_t)header->owner_uid, "comm", header->owner_command);
}

static uint64_t bytes_of_pool(const struct holding *known)
{
	return known->has_file ? known->bytes : known->has_header ? known->header.pool_bytes : 0;
}

static json_t *shape_holding(const struct scan *scan, const struct scan_process *process, size_t i)
{
	const struct scan_pool *pool = &scan->pools[process->pools[i]];
	const struct holding *holding = &process->holdings.list[i], *known = pool->known;
	const char *class = known->has_header ? known->header.class_name : "";
	bool is_known = known->has_file || known->has_header;

	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:o}",
			 "id", known->has_header ? make_id(&known->header) : json_null(),
			 "class", *class ? json_string(class) : json_null(),
			 "directory", make_directory(holding->path),
			 "size", is_known ? process_figure(bytes_of_pool(known)) : json_null(),
			 "hold", say_hold(holding, is_owned(scan, process, i)),
			 "owner", make_owner(scan, pool));
}

/* What is said of the process as a whole: of the pools that it owns; if there are none, of all that it holds. */
struct whole {
	bool owns, is_mapped, is_private;
	bool all_files;
	uint64_t sum, largest;
	const struct holding *first;   /* of its own: of a heap of many pools, one has the figures of all */
};

static bool has_figures_of_all(const struct pool_header *header, const struct pool_header *than)
{
	if (header->pool_bytes != than->pool_bytes)
		return header->pool_bytes > than->pool_bytes;
	return header->owner_start_ns < than->owner_start_ns;
}

static struct whole make_whole(const struct scan *scan, const struct scan_process *process)
{
	struct whole whole = { .all_files = true };

	for (size_t i = 0; i < process->holdings.count; i++)
		whole.owns = whole.owns || is_owned(scan, process, i);
	for (size_t i = 0; i < process->holdings.count; i++) {
		const struct holding *known = scan->pools[process->pools[i]].known;
		const struct holding *holding = &process->holdings.list[i];

		if (whole.owns && !is_owned(scan, process, i))
			continue;
		whole.is_mapped = whole.is_mapped || holding->is_mapped;
		whole.is_private = whole.is_private || holding->is_private;
		whole.all_files = whole.all_files && known->has_file;
		whole.sum += bytes_of_pool(known);
		if (known->has_header && whole.largest < known->header.pool_bytes)
			whole.largest = known->header.pool_bytes;
		if (whole.owns && (!whole.first || has_figures_of_all(&known->header, &whole.first->header)))
			whole.first = known;
	}
	return whole;
}

const struct holding *process_figures(const struct scan *scan, const struct scan_process *process)
{
	return make_whole(scan, process).first;
}

/* Files are what they are; of those that cannot be seen the first one's header has the size of all. */
static json_t *make_size(const struct whole *whole)
{
	uint64_t bytes = whole->all_files ? whole->sum : whole->largest;

	return bytes > 0 ? process_figure(bytes) : json_null();
}

/* A child's figures are in its own memory. What is mapped how tells the rest. */
static const char *say_mode(const struct scan_process *process, const struct whole *whole)
{
	static const char *const modes[POOL_HEADER_MODES] = {
		[POOL_HEADER_SHARED] = "pool",
		[POOL_HEADER_PRIVATE] = "private",
		[POOL_HEADER_BACK] = "pool",
		[POOL_HEADER_RETURNING] = "returning",
	};

	if (whole->first)
		return modes[whole->first->header.mode];
	if (process->holdings.count == 0)
		return "ordinary";
	return !whole->is_mapped ? NULL : whole->is_private ? "private" : "pool";
}

json_t *process_shape(const struct scan *scan, const struct scan_process *process)
{
	const struct whole whole = make_whole(scan, process);
	const struct pool_header *first = whole.first ? &whole.first->header : NULL;
	size_t count = process->holdings.count;
	json_t *pools = json_array();

	for (size_t i = 0; pools && i < count; i++)
		if (json_array_append_new(pools, shape_holding(scan, process, i)) < 0) {
			json_decref(pools);
			pools = NULL;
		}
	return json_pack("{s:i, s:I, s:s, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "pid", (int)process->pid, "uid", (json_int_t)process->uid, "comm", process->stat.command,
			 "hold", whole.owns ? "own" : whole.is_mapped ? "mapped" : count > 0 ? "descriptor" : NULL,
			 "mode", say_mode(process, &whole),
			 "size", make_size(&whole),
			 "used", first ? process_figure(first->used_bytes) : json_null(),
			 "peak", first ? process_figure(first->peak_bytes) : json_null(),
			 "forks", first ? process_figure(first->forks) : json_null(),
			 "outside", first ? process_figure(first->outside_bytes) : json_null(),
			 "outside_by", first ? reasons_shape(&whole.first->outside) : json_null(),
			 "private", first ? process_figure(first->private_bytes) : json_null(),
			 "pools", pools);
}
