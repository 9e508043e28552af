/* SPDX-License-Identifier: BSD-3-Clause */
/* registry_json_decode -- the half of registry_json.h that reads. jansson makes a tree of values of the text. */
#include "vmmallocd/state/registry_json.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmmallocd/state/escape.h"

#define TIME_MOST (INT64_MAX / 4)      /* before or after 1970: sums and differences of two fit */
#define COMM_BYTES sizeof(((struct registry_owner *)NULL)->comm)

static const enum pool_file_mark marks[REGISTRY_STATES] = {
	[REGISTRY_CREATING] = POOL_FILE_NEW,
	[REGISTRY_WARMING] = POOL_FILE_NEW,
	[REGISTRY_READY] = POOL_FILE_READY,
	[REGISTRY_LEASED] = POOL_FILE_USED,
	[REGISTRY_RECYCLING] = POOL_FILE_USED,
	[REGISTRY_QUARANTINED] = POOL_FILE_BAD,
	[REGISTRY_FAILED] = POOL_FILE_USED,
};

/* An object that is being read, and how messages call it. */
struct reader {
	const json_t *object;
	const char *name;              /* "pool", "owner of pool", or "" for the whole */
	size_t index;                  /* of the pool, from 0 */
	struct text *error;
};

static int refuse(const struct reader *reader, const char *key, const char *expected)
{
	if (*reader->name)
		text_add(reader->error, "%s %zu: ", reader->name, reader->index);
	text_add(reader->error, "%s: expected %s", key, expected);
	return -EBADMSG;
}

static int read_string(const struct reader *reader, const char *key, const char **ret_string)
{
	const char *string = json_string_value(json_object_get(reader->object, key));

	if (!string)
		return refuse(reader, key, "a string");
	*ret_string = string;
	return 0;
}

static int read_integer(const struct reader *reader, const char *key, int64_t least, int64_t most, int64_t *ret_number)
{
	const json_t *value = json_object_get(reader->object, key);
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < least || number > most) {
		char expected[96];
		struct text text = TEXT_INIT(expected);

		text_add(&text, "a whole number from %lld to %lld", (long long)least, (long long)most);
		return refuse(reader, key, expected);
	}
	*ret_number = number;
	return 0;
}

/* A number of 64 bits, as a string of digits. */
static int read_digits(const struct reader *reader, const char *key, uint64_t *ret_number)
{
	const char *string;
	uint64_t number = 0;
	bool good;
	int r = read_string(reader, key, &string);

	if (r < 0)
		return r;
	good = *string && (string[0] != '0' || !string[1]);
	for (; good && *string; string++)
		good = *string >= '0' && *string <= '9' && !__builtin_mul_overflow(number, 10, &number) &&
		       !__builtin_add_overflow(number, *string - '0', &number);
	if (!good)
		return refuse(reader, key, "a string of decimal digits, of 64 bits at most");
	*ret_number = number;
	return 0;
}

static int read_escaped(const struct reader *reader, const char *key, char *ret_bytes, size_t size)
{
	const char *string;
	int r = read_string(reader, key, &string);

	if (r == 0 && escape_undo(string, ret_bytes, size) < 0)
		return refuse(reader, key, "a shorter string, or one that is escaped as it should be");
	return r;
}

/* False where there is none. */
static int read_boolean(const struct reader *reader, const char *key, bool *ret_flag)
{
	const json_t *value = json_object_get(reader->object, key);

	if (value && !json_is_boolean(value))
		return refuse(reader, key, "true or false");
	*ret_flag = json_is_true(value);
	return 0;
}

static int read_id(const struct reader *reader, uint8_t ret_id[POOL_FILE_ID_BYTES])
{
	const char *string;
	int r = read_string(reader, "id", &string);

	if (r < 0)
		return r;
	if (!pool_file_id_parse(string, ret_id) || string[POOL_FILE_ID_TEXT_BYTES - 1] != '\0')
		return refuse(reader, "id", "32 hex digits");
	return 0;
}

static int read_class_name(const struct reader *reader, char ret_name[HANDOUT_CLASS_BYTES])
{
	const char *string;
	int r = read_string(reader, "class", &string);

	if (r < 0)
		return r;
	if (handout_class_name_check(string) < 0)
		return refuse(reader, "class", "the name of a class");
	strcpy(ret_name, string);
	return 0;
}

static int read_state(const struct reader *reader, enum registry_state *ret_state)
{
	const char *string;
	int r = read_string(reader, "state", &string);

	if (r == 0 && registry_state_parse(string, ret_state) < 0)
		return refuse(reader, "state", "the name of a state");
	return r;
}

static int read_owner(const struct reader *reader, const char *key, struct registry_owner *ret_owner)
{
	const json_t *value = json_object_get(reader->object, key);
	struct reader owner = { value, "owner of pool", reader->index, reader->error };
	int64_t pid, uid;
	int r;

	if (!json_is_object(value))
		return refuse(reader, key, "an object");
	r = read_integer(&owner, "pid", 0, UINT32_MAX, &pid) ?:
	    read_integer(&owner, "uid", 0, UINT32_MAX, &uid) ?:
	    read_escaped(&owner, "comm", ret_owner->comm, COMM_BYTES);
	if (r < 0)
		return r;
	ret_owner->pid = (uint32_t)pid;
	ret_owner->uid = (uint32_t)uid;
	return 0;
}

/* `owner` of a leased pool; `last_owner`, if anything, of one that may be pinned. */
static int read_owners(const struct reader *reader, bool leased, struct registry_pool *pool)
{
	if (leased)
		return read_owner(reader, "owner", &pool->owner);
	if (json_object_get(reader->object, "owner"))
		return refuse(reader, "owner", "none unless the pool is leased");
	pool->may_be_pinned = json_object_get(reader->object, "last_owner");
	return pool->may_be_pinned ? read_owner(reader, "last_owner", &pool->owner) : 0;
}

static int read_pool(const struct reader *reader, struct registry *registry)
{
	char directory[PATH_MAX];
	struct registry_pool pool = { .directory = directory }, *added;
	enum registry_state state;
	int64_t size, leases;
	uint64_t dev, ino;
	int r;

	if (!json_is_object(reader->object))
		return refuse(reader, "entry", "an object");
	r = read_id(reader, pool.id) ?:
	    read_class_name(reader, pool.class_name) ?:
	    read_escaped(reader, "directory", directory, sizeof(directory)) ?:
	    read_state(reader, &state) ?:
	    read_integer(reader, "size", 1, INT64_MAX, &size) ?:
	    read_digits(reader, "dev", &dev) ?:
	    read_digits(reader, "ino", &ino) ?:
	    read_integer(reader, "created", -TIME_MOST, TIME_MOST, &pool.created_s) ?:
	    read_integer(reader, "changed", -TIME_MOST, TIME_MOST, &pool.changed_s) ?:
	    read_integer(reader, "leases", 0, INT64_MAX, &leases) ?:
	    read_boolean(reader, "cold", &pool.cold) ?:
	    read_owners(reader, state == REGISTRY_LEASED, &pool);
	if (r < 0)
		return r;
	if (directory[0] != '/')
		return refuse(reader, "directory", "an absolute path");
	pool.size_bytes = (uint64_t)size;
	pool.leases = (uint64_t)leases;
	pool.file = (struct pool_file){ .mark = marks[state], .size_bytes = pool.size_bytes, .dev = dev, .ino = ino };
	memcpy(pool.file.id, pool.id, sizeof(pool.id));
	r = registry_add(registry, &pool, state, &added);
	return r == -EEXIST ? refuse(reader, "id", "one that no other pool has") : r;
}

static int read_registry(const json_t *root, struct registry *registry, const char **ret_boot_id, struct text *error)
{
	struct reader whole = { root, "", 0, error };
	int64_t version, epoch_s = 0;
	const json_t *pools, *pool;
	uint8_t id[BOOT_ID_BYTES];
	size_t i;
	int r;

	if (!json_is_object(root))
		return refuse(&whole, "registry", "an object");
	r = read_integer(&whole, "version", REGISTRY_JSON_VERSION, REGISTRY_JSON_VERSION, &version) ?:
	    read_string(&whole, "boot_id", ret_boot_id);
	if (r == 0 && json_object_get(root, "epoch"))
		r = read_integer(&whole, "epoch", -TIME_MOST, TIME_MOST, &epoch_s);
	if (r < 0)
		return r;
	if (boot_id_parse(*ret_boot_id, id) < 0)
		return refuse(&whole, "boot_id", "a uuid");
	pools = json_object_get(root, "pools");
	if (!json_is_array(pools))
		return refuse(&whole, "pools", "an array");
	json_array_foreach(pools, i, pool) {
		struct reader reader = { pool, "pool", i, error };

		r = read_pool(&reader, registry);
		if (r < 0)
			return r;
	}
	registry_set_epoch(registry, epoch_s);
	return 0;
}

static _Thread_local bool starved;

static void *allocate(size_t bytes)
{
	void *data = malloc(bytes);

	starved = starved || !data;
	return data;
}

int registry_json_decode(const char *text, size_t bytes, struct registry *registry,
			 char ret_boot_id[BOOT_ID_TEXT_BYTES], struct text *error)
{
	json_error_t reason;
	json_auto_t *root = NULL;
	const char *boot_id = NULL;
	int r;

	assert(registry_count(registry) == 0);
	/* jansson passes over a NUL behind a number */
	if (bytes > 0 && memchr(text, '\0', bytes)) {
		text_add(error, "a NUL byte in it");
		return -EBADMSG;
	}
	/* jansson forgets some of its failures to allocate, and goes on with a string that lacks a byte */
	json_set_alloc_funcs(allocate, free);
	starved = false;
	root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &reason);
	if (starved)
		return -ENOMEM;
	if (!root) {
		text_add(error, "line %d, column %d: %s", reason.line, reason.column, reason.text);
		return -EBADMSG;
	}
	r = read_registry(root, registry, &boot_id, error);
	if (r == 0)
		memcpy(ret_boot_id, boot_id, BOOT_ID_TEXT_BYTES);
	else
		registry_clear(registry);
	return r;
}
