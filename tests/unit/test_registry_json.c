/* SPDX-License-Identifier: BSD-3-Clause */
/* test_registry_json -- the text of a registry: that nothing is lost in it, and that nothing else is taken for it. */
/* objects: vmmallocd/plan/ vmmallocd/state/ common/base/ common/util/ */
/* wrap: malloc calloc realloc strdup */
/* packages: jansson */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tests/unit/faults.h"
#include "tests/unit/registry_text.h"
#include "tests/unit/test.h"
#include "vmmallocd/state/registry_json.h"

#define BOOT_ID "0f8fad5b-d9cb-469f-a165-70867728950e"
#define ID "00112233445566778899aabbccddeeff"

/* jansson allocates through vmmallocd/state, so its allocations are among those that fail. */
void *__real_malloc(size_t bytes);

/* --- helpers --- */

static char message[256];              /* of the last decode() */
static char boot_id[BOOT_ID_TEXT_BYTES];

/* From a block of exactly that size, so that a byte read behind it is seen. */
static int decode(struct registry *registry, const char *text, size_t bytes)
{
	struct text error = TEXT_INIT(message);
	char *copy = __real_malloc(bytes);
	int r;

	assert_true(copy || bytes == 0);
	if (bytes)
		memcpy(copy, text, bytes);
	message[0] = '\0';
	strcpy(boot_id, "untouched");
	r = registry_json_decode(copy, bytes, registry, boot_id, &error);
	free(copy);
	assert_true(r == 0 || r == -EBADMSG || r == -ENOMEM);
	if (r < 0) {
		assert_int_equal(registry_count(registry), 0);
		assert_string_equal(boot_id, "untouched");
		assert_int_equal(message[0] != '\0', r == -EBADMSG);
	}
	return r;
}

static int decode_alone(const char *text, size_t bytes)
{
	struct registry *registry = registry_new();
	int r = decode(registry, text, bytes);

	registry_free(registry);
	return r;
}

static char *encode(struct registry *registry, size_t *ret_bytes)
{
	char *text;

	assert_int_equal(registry_text(registry, BOOT_ID, &text, ret_bytes), 0);
	return text;
}

static struct registry_pool *add(struct registry *registry, uint8_t number, const char *class,
				 enum registry_state state)
{
	struct registry_pool pool = { .id = { number }, .directory = (char[]){ "/mnt/pmem0" }, .size_bytes = 4096 };
	struct registry_pool *added;

	strcpy(pool.class_name, class);
	assert_int_equal(registry_add(registry, &pool, state, &added), 0);
	return added;
}

static void set_directory(struct registry_pool *pool, const char *directory)
{
	free(pool->directory);
	pool->directory = strdup(directory);
}

/* One pool in each state, and what is hard to write in each field. */
static struct registry *make_registry(void)
{
	struct registry *registry = registry_new();
	struct registry_pool *pool;

	for (enum registry_state state = 0; state < REGISTRY_STATES; state++)
		add(registry, (uint8_t)state, "small", state);
	pool = add(registry, 100, "LARGE_one-2", REGISTRY_LEASED);
	pool->file.dev = UINT64_MAX;
	pool->file.ino = UINT64_MAX - 1;
	pool->size_bytes = INT64_MAX;
	/* before 1970, by a clock that was set so */
	pool->created_s = -(INT64_MAX / 4);
	pool->changed_s = INT64_MAX / 4;
	pool->leases = INT64_MAX;
	pool->owner = (struct registry_owner){ .pid = UINT32_MAX, .uid = UINT32_MAX - 1 };
	memcpy(pool->owner.comm, "\xff\"\\%\n\x01\x7f\xc3 {}[],:", 15);
	set_directory(pool, "/a b/\xe9/\xc3\xa9/100%/\"\\/\t\n\x1b");
	registry_touch(registry, pool);
	registry_set_epoch(registry, -12345);
	return registry;
}

static int expect_twin(void *context, struct registry_pool *pool)
{
	static const enum pool_file_mark marks[] = { POOL_FILE_NEW,  POOL_FILE_NEW, POOL_FILE_READY, POOL_FILE_USED,
						     POOL_FILE_USED, POOL_FILE_BAD, POOL_FILE_USED };
	const struct registry_pool *twin = registry_find(context, pool->id);

	assert_non_null(twin);
	assert_string_equal(twin->class_name, pool->class_name);
	assert_string_equal(twin->directory, pool->directory);
	assert_int_equal(twin->state, pool->state);
	assert_true(twin->size_bytes == pool->size_bytes);
	assert_true(twin->file.dev == pool->file.dev);
	assert_true(twin->file.ino == pool->file.ino);
	assert_true(twin->created_s == pool->created_s);
	assert_true(twin->changed_s == pool->changed_s);
	assert_true(twin->leases == pool->leases);
	assert_int_equal(twin->file.mark, marks[pool->state]);
	assert_true(twin->file.size_bytes == pool->size_bytes);
	assert_memory_equal(twin->file.id, pool->id, sizeof(pool->id));
	assert_null(twin->work);
	if (pool->state == REGISTRY_LEASED)
		assert_memory_equal(&twin->owner, &pool->owner, sizeof(pool->owner));
	return 0;
}

/* --- there and back --- */

TEST(test_registry_json_loses_nothing_there_and_back)
{
	struct registry *registry = make_registry(), *other = registry_new();
	size_t bytes;
	char *text = encode(registry, &bytes);

	assert_int_equal(decode(other, text, bytes), 0);
	assert_string_equal(boot_id, BOOT_ID);
	assert_int_equal(registry_count(other), registry_count(registry));
	assert_int_equal(registry_epoch(other), -12345);
	registry_each(registry, expect_twin, other);
	assert_int_equal(registry_leased_by(other, "LARGE_one-2", UINT32_MAX - 1), 1);
	free(text);
	registry_free(registry);
	registry_free(other);
}

TEST(test_registry_json_text_is_as_specified)
{
	struct registry *registry = registry_new();
	struct registry_pool *pool = add(registry, 0xa5, "small", REGISTRY_LEASED);
	size_t bytes;
	char *text;

	registry_set_epoch(registry, 1700000000);
	pool->file.dev = 2049;
	pool->file.ino = 12;
	pool->created_s = 100;
	pool->changed_s = 200;
	pool->leases = 3;
	pool->owner = (struct registry_owner){ 41, 1000, "redis %1" };
	text = encode(registry, &bytes);
	assert_int_equal(strnlen(text, bytes), bytes);
	text[bytes - 1] = '\0';        /* the last newline */
	assert_string_equal(text,
			    "{\"version\": 1, \"boot_id\": \"" BOOT_ID "\", \"epoch\": 1700000000, \"pools\": [\n"
			    "{\"id\": \"a5000000000000000000000000000000\", \"class\": \"small\", "
			    "\"directory\": \"/mnt/pmem0\", \"state\": \"leased\", \"size\": 4096, \"dev\": \"2049\", "
			    "\"ino\": \"12\", \"created\": 100, \"changed\": 200, \"leases\": 3, "
			    "\"owner\": {\"pid\": 41, \"uid\": 1000, \"comm\": \"redis %251\"}}\n]}");
	free(text);
	registry_free(registry);
}

TEST(test_registry_json_of_an_empty_registry_reads_back)
{
	struct registry *registry = registry_new();
	size_t bytes;
	char *text = encode(registry, &bytes);

	assert_int_equal(decode(registry, text, bytes), 0);
	assert_string_equal(boot_id, BOOT_ID);
	assert_int_equal(registry_count(registry), 0);
	free(text);
	registry_free(registry);
}

TEST(test_registry_json_keeps_the_order_of_every_list)
{
	struct registry *registry = registry_new(), *other = registry_new();
	struct registry_class *class = registry_class(other, "small");
	size_t bytes;
	char *text;

	for (unsigned i = 0; i < 200; i++)
		add(registry, (uint8_t)(i * 37), "small", i % 3 ? REGISTRY_READY : REGISTRY_LEASED);
	text = encode(registry, &bytes);
	assert_int_equal(decode(other, text, bytes), 0);
	for (unsigned i = 0; i < 200; i++) {
		enum registry_state s = i % 3 ? REGISTRY_READY : REGISTRY_LEASED;
		struct registry_pool *first = class->first[s];

		assert_int_equal(first->id[0], (uint8_t)(i * 37));
		registry_remove(other, first);
	}
	assert_int_equal(registry_count(other), 0);
	free(text);
	registry_free(registry);
	registry_free(other);
}

TEST(test_registry_json_escapes_all_that_is_not_plain_ascii)
{
	struct registry *registry = make_registry();
	size_t bytes;
	char *text = encode(registry, &bytes);

	for (size_t i = 0; i < bytes; i++)
		assert_true(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'));
	assert_null(memchr(text, '\\', bytes));
	free(text);
	registry_free(registry);
}

TEST(test_registry_json_of_numbers_too_large_still_reads_back)
{
	struct registry *registry = registry_new(), *other = registry_new();
	struct registry_pool *pool = add(registry, 1, "small", REGISTRY_READY);
	size_t bytes;
	char *text;

	pool->size_bytes = UINT64_MAX;
	pool->leases = UINT64_MAX;
	text = encode(registry, &bytes);
	assert_int_equal(decode(other, text, bytes), 0);
	assert_true(registry_find(other, pool->id)->size_bytes == INT64_MAX);
	assert_true(registry_find(other, pool->id)->leases == INT64_MAX);
	free(text);
	registry_free(registry);
	registry_free(other);
}

TEST(test_registry_json_takes_the_longest_directory)
{
	struct registry *registry = registry_new(), *other = registry_new();
	struct registry_pool *pool = add(registry, 1, "small", REGISTRY_READY);
	char directory[PATH_MAX];
	size_t bytes;
	char *text;

	memset(directory, 0xff, sizeof(directory));
	directory[0] = '/';
	directory[sizeof(directory) - 1] = '\0';
	set_directory(pool, directory);
	text = encode(registry, &bytes);
	assert_int_equal(decode(other, text, bytes), 0);
	assert_string_equal(registry_find(other, pool->id)->directory, directory);
	free(text);
	registry_free(registry);
	registry_free(other);
}

TEST(test_registry_json_encode_refuses_what_is_no_boot_id)
{
	static const char *const bad[] = {
		"",
		"0",
		BOOT_ID "\n",
		BOOT_ID "0",
		"0f8fad5b-d9cb-469f-a165-70867728950",
		"0F8FAD5B-D9CB-469F-A165-70867728950E",
		"0f8fad5bd9cb469fa16570867728950e",
		"0f8fad5b-d9cb-469f-a165-70867728950g",
		"0f8fad5b0d9cb-469f-a165-7086772895-e",
	};
	struct registry *registry = registry_new();
	char *text = NULL;
	size_t bytes;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(registry_text(registry, bad[i], &text, &bytes), -EINVAL);
	assert_null(text);
	registry_free(registry);
}

/* --- texts that are refused, or not --- */

#define BASE                                                                                              \
	"{\"version\": 1, \"boot_id\": \"" BOOT_ID "\", \"pools\": [{\"id\": \"" ID "\", \"class\": \"small\","    \
	"\"directory\": \"/mnt\", \"state\": \"leased\", \"size\": 4096, \"dev\": \"1\", \"ino\": \"2\","       \
	"\"created\": 3, \"changed\": 4, \"leases\": 5, \"owner\": {\"pid\": 6, \"uid\": 7, \"comm\": \"cat\"}}]}"

/* BASE with `value` for a key: a JSON text, or NULL for none. `where`: "" whole, "pool", "owner". */
static int decode_with(const char *where, const char *key, const char *value)
{
	json_t *root = json_loads(BASE, 0, NULL);
	json_t *pool = json_array_get(json_object_get(root, "pools"), 0);
	json_t *object = *where == 'p' ? pool : *where == 'o' ? json_object_get(pool, "owner") : root;
	char *text;
	int r;

	assert_non_null(root);
	if (value)
		assert_int_equal(json_object_set_new(object, key, json_loads(value, JSON_DECODE_ANY, NULL)), 0);
	else
		assert_int_equal(json_object_del(object, key), 0);
	text = json_dumps(root, 0);
	r = decode_alone(text, strlen(text));
	free(text);
	json_decref(root);
	return r;
}

#define DIGITS ": expected a string of decimal digits, of 64 bits at most"
#define POSITIVE ": expected a whole number from 0 to 9223372036854775807"
#define TIME ": expected a whole number from -2305843009213693951 to 2305843009213693951"
#define UINT32 ": expected a whole number from 0 to 4294967295"
#define ESCAPED ": expected a shorter string, or one that is escaped as it should be"
#define BYTES_15 "0123456789abcde"

static const struct bad {
	const char *where, *key, *value, *message;
} bad[] = {
	{ "", "version", NULL, "version: expected a whole number from 1 to 1" },
	{ "", "version", "0", "version: expected a whole number from 1 to 1" },
	{ "", "version", "2", "version: expected a whole number from 1 to 1" },
	{ "", "version", "1.0", "version: expected a whole number from 1 to 1" },
	{ "", "version", "\"1\"", "version: expected a whole number from 1 to 1" },
	{ "", "boot_id", NULL, "boot_id: expected a string" },
	{ "", "boot_id", "1", "boot_id: expected a string" },
	{ "", "boot_id", "\"\"", "boot_id: expected a uuid" },
	{ "", "boot_id", "\"" BOOT_ID "0\"", "boot_id: expected a uuid" },
	{ "", "boot_id", "\"0f8fad5b-d9cb-469f-a165_70867728950e\"", "boot_id: expected a uuid" },
	{ "", "pools", NULL, "pools: expected an array" },
	{ "", "pools", "{}", "pools: expected an array" },
	{ "", "pools", "null", "pools: expected an array" },
	{ "", "pools", "[1]", "pool 0: entry: expected an object" },
	{ "", "pools", "[[]]", "pool 0: entry: expected an object" },
	{ "", "pools", "[{}]", "pool 0: id: expected a string" },
	{ "pool", "id", NULL, "pool 0: id: expected a string" },
	{ "pool", "id", "\"\"", "pool 0: id: expected 32 hex digits" },
	{ "pool", "id", "\"0011\"", "pool 0: id: expected 32 hex digits" },
	{ "pool", "id", "\"00112233445566778899aabbccddeef\"", "pool 0: id: expected 32 hex digits" },
	{ "pool", "id", "\"" ID "0\"", "pool 0: id: expected 32 hex digits" },
	{ "pool", "id", "\"00112233445566778899aabbccddeefg\"", "pool 0: id: expected 32 hex digits" },
	{ "pool", "id", "\"00112233445566778899AABBCCDDEEFF\"", "pool 0: id: expected 32 hex digits" },
	{ "pool", "class", NULL, "pool 0: class: expected a string" },
	{ "pool", "class", "\"\"", "pool 0: class: expected the name of a class" },
	{ "pool", "class", "\"a/b\"", "pool 0: class: expected the name of a class" },
	{ "pool", "class", "\"0123456789012345678901234567890123456789012345678901234567890123\"",
	  "pool 0: class: expected the name of a class" },
	{ "pool", "directory", NULL, "pool 0: directory: expected a string" },
	{ "pool", "directory", "\"\"", "pool 0: directory: expected an absolute path" },
	{ "pool", "directory", "\"mnt\"", "pool 0: directory: expected an absolute path" },
	{ "pool", "directory", "\"/%\"", "pool 0: directory" ESCAPED },
	{ "pool", "directory", "\"/%2\"", "pool 0: directory" ESCAPED },
	{ "pool", "directory", "\"/%00\"", "pool 0: directory" ESCAPED },
	{ "pool", "directory", "\"/%41\"", "pool 0: directory" ESCAPED },
	{ "pool", "directory", "\"/%c3\"", "pool 0: directory" ESCAPED },
	{ "pool", "directory", "\"/\\u00e9\"", "pool 0: directory" ESCAPED },
	{ "pool", "directory", "\"/\\n\"", "pool 0: directory" ESCAPED },
	{ "pool", "directory", "\"/\\\\\"", "pool 0: directory" ESCAPED },
	{ "pool", "state", NULL, "pool 0: state: expected a string" },
	{ "pool", "state", "3", "pool 0: state: expected a string" },
	{ "pool", "state", "\"gone\"", "pool 0: state: expected the name of a state" },
	{ "pool", "size", NULL, "pool 0: size: expected a whole number from 1 to 9223372036854775807" },
	{ "pool", "size", "0", "pool 0: size: expected a whole number from 1 to 9223372036854775807" },
	{ "pool", "size", "-4096", "pool 0: size: expected a whole number from 1 to 9223372036854775807" },
	{ "pool", "size", "4096.0", "pool 0: size: expected a whole number from 1 to 9223372036854775807" },
	{ "pool", "dev", NULL, "pool 0: dev: expected a string" },
	{ "pool", "dev", "1", "pool 0: dev: expected a string" },
	{ "pool", "dev", "\"\"", "pool 0: dev" DIGITS },
	{ "pool", "ino", "\"01\"", "pool 0: ino" DIGITS },
	{ "pool", "ino", "\"-1\"", "pool 0: ino" DIGITS },
	{ "pool", "ino", "\"+1\"", "pool 0: ino" DIGITS },
	{ "pool", "ino", "\"1 \"", "pool 0: ino" DIGITS },
	{ "pool", "ino", "\"0x1\"", "pool 0: ino" DIGITS },
	{ "pool", "ino", "\"18446744073709551616\"", "pool 0: ino" DIGITS },
	{ "pool", "ino", "\"99999999999999999999999999\"", "pool 0: ino" DIGITS },
	{ "pool", "created", NULL, "pool 0: created" TIME },
	{ "pool", "created", "-9223372036854775807", "pool 0: created" TIME },
	{ "pool", "changed", "true", "pool 0: changed" TIME },
	{ "", "epoch", "\"1\"", "epoch" TIME },
	{ "", "epoch", "9223372036854775807", "epoch" TIME },
	{ "pool", "leases", "\"5\"", "pool 0: leases" POSITIVE },
	{ "pool", "owner", NULL, "pool 0: owner: expected an object" },
	{ "pool", "owner", "null", "pool 0: owner: expected an object" },
	{ "pool", "state", "\"ready\"", "pool 0: owner: expected none unless the pool is leased" },
	{ "owner", "pid", NULL, "owner of pool 0: pid" UINT32 },
	{ "owner", "pid", "-1", "owner of pool 0: pid" UINT32 },
	{ "owner", "pid", "4294967296", "owner of pool 0: pid" UINT32 },
	{ "owner", "uid", NULL, "owner of pool 0: uid" UINT32 },
	{ "owner", "uid", "4294967296", "owner of pool 0: uid" UINT32 },
	{ "owner", "comm", NULL, "owner of pool 0: comm: expected a string" },
	{ "owner", "comm", "\"" BYTES_15 "f\"", "owner of pool 0: comm" ESCAPED },
};

TEST(test_registry_json_refuses_bad_values_in_clear_words)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int r = decode_with(bad[i].where, bad[i].key, bad[i].value);

		if (r != -EBADMSG || strcmp(message, bad[i].message) != 0)
			fail_msg("%s %s %s: %d, %s", bad[i].where, bad[i].key, bad[i].value, r, message);
	}
}

static const struct bad good[] = {
	{ "", "later", "[{\"id\": 1}]", NULL },
	{ "pool", "later", "{}", NULL },
	{ "owner", "later", "null", NULL },
	{ "pool", "dev", "\"0\"", NULL },
	{ "pool", "ino", "\"18446744073709551615\"", NULL },
	{ "pool", "size", "9223372036854775807", NULL },
	{ "pool", "created", "0", NULL },
	{ "pool", "created", "-1", NULL },
	{ "", "epoch", "-1", NULL },
	{ "pool", "directory", "\"/\"", NULL },
	{ "pool", "directory", "\"/%C3%A9%25\"", NULL },
	{ "pool", "class", "\"012345678901234567890123456789012345678901234567890123456789012\"", NULL },
	{ "owner", "pid", "0", NULL },
	{ "owner", "uid", "4294967295", NULL },
	{ "owner", "comm", "\"\"", NULL },
	{ "owner", "comm", "\"" BYTES_15 "\"", NULL },
	{ "owner", "comm", "\"%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF%FF\"", NULL },
};

TEST(test_registry_json_takes_unknown_keys_and_values_at_their_limits)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (decode_with(good[i].where, good[i].key, good[i].value) != 0)
			fail_msg("%s %s %s: %s", good[i].where, good[i].key, good[i].value, message);
}

TEST(test_registry_json_refuses_what_is_no_such_object)
{
	static const char *const texts[] = {
		"", " ", "null", "1", "\"\"", "[]", "{}", "{", "}", "nonsense", "{\"version\": 1}", "\xff",
		"\xef\xbb\xbf{}",
		"{\"version\": 1, \"boot_id\": \"" BOOT_ID "\", \"pools\": []} x",
		"{\"version\": 1, \"version\": 1, \"boot_id\": \"" BOOT_ID "\", \"pools\": []}",
		"{\"version\": 99999999999999999999, \"boot_id\": \"" BOOT_ID "\", \"pools\": []}",
		"{\"version\": 1, \"boot_id\": \"" BOOT_ID "\\u0000\", \"pools\": []}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(decode_alone(texts[i], strlen(texts[i])), -EBADMSG);
	assert_int_equal(decode_alone("\0", 1), -EBADMSG);
}

TEST(test_registry_json_bears_deep_nesting)
{
	size_t bytes = 1 << 20;
	char *text = __real_malloc(bytes);

	memset(text, '[', bytes);
	assert_int_equal(decode_alone(text, bytes), -EBADMSG);
	free(text);
}

TEST(test_registry_json_refuses_an_id_that_comes_twice_and_leaves_nothing)
{
	struct registry *registry = make_registry();
	size_t bytes;
	char *text = encode(registry, &bytes), *last = memmem(text, bytes, "\"id\": \"06", 9);

	assert_non_null(last);
	last[8] = '1';
	assert_int_equal(decode_alone(text, bytes), -EBADMSG);
	assert_non_null(strstr(message, ": id: expected one that no other pool has"));
	free(text);
	registry_free(registry);
}

TEST(test_registry_json_never_loads_a_truncated_text)
{
	struct registry *registry = make_registry();
	size_t bytes;
	char *text = encode(registry, &bytes);

	/* without its last newline it is whole */
	assert_int_equal(decode_alone(text, bytes - 1), 0);
	for (size_t cut = 0; cut < bytes - 1; cut++)
		assert_int_equal(decode_alone(text, cut), -EBADMSG);
	free(text);
	registry_free(registry);
}

/* jansson passes over a NUL behind a number, and would read the digits before it. */
TEST(test_registry_json_never_loads_a_text_with_a_zeroed_byte)
{
	struct registry *registry = make_registry();
	size_t bytes;
	char *text = encode(registry, &bytes);

	for (size_t at = 0; at < bytes; at++) {
		char byte = text[at];

		text[at] = '\0';
		assert_int_equal(decode_alone(text, bytes), -EBADMSG);
		text[at] = byte;
	}
	free(text);
	registry_free(registry);
}

TEST(test_registry_json_bears_every_flipped_bit)
{
	struct registry *registry = make_registry();
	size_t bytes, loaded = 0;
	char *text = encode(registry, &bytes);

	for (size_t bit = 0; bit < 8 * bytes; bit++) {
		struct registry *other = registry_new();

		text[bit / 8] ^= (char)(1 << bit % 8);
		if (decode(other, text, bytes) == 0) {
			size_t again;

			loaded++;
			assert_int_equal(registry_count(other), registry_count(registry));
			free(encode(other, &again));
		}
		text[bit / 8] ^= (char)(1 << bit % 8);
		registry_free(other);
	}
	/* a digit may turn into another; most flips break a key, a quote or a name */
	assert_uint_in_range(loaded, 1, 8 * bytes / 4);
	free(text);
	registry_free(registry);
}

TEST(test_registry_json_loads_nothing_when_bytes_are_missing_or_doubled)
{
	struct registry *registry = make_registry();
	size_t bytes;
	char *text = encode(registry, &bytes), *wrong = __real_malloc(bytes + 64);

	/* 64 bytes cut out, or there twice, anywhere: a block written in the wrong place */
	for (size_t at = 0; at + 65 < bytes; at++) {
		memcpy(wrong, text, at);
		memcpy(wrong + at, text + at + 64, bytes - at - 64);
		assert_int_equal(decode_alone(wrong, bytes - 64), -EBADMSG);
		memcpy(wrong, text, at + 64);
		memcpy(wrong + at + 64, text + at, bytes - at);
		assert_int_equal(decode_alone(wrong, bytes + 64), -EBADMSG);
	}
	free(wrong);
	free(text);
	registry_free(registry);
}

/* --- want of memory --- */

TEST(test_registry_json_encode_fails_without_memory)
{
	struct registry *registry = make_registry();
	char *text = NULL;
	size_t bytes;
	int n;

	FAULTS_AT_EACH(n, "memory", ENOMEM) {
		if (registry_text(registry, BOOT_ID, &text, &bytes) != 0)
			assert_null(text);
	}
	assert_non_null(text);
	assert_true(n > 1);
	free(text);
	registry_free(registry);
}

TEST(test_registry_json_decode_fails_whole_without_memory)
{
	struct registry *registry = make_registry();
	size_t bytes;
	char *text = encode(registry, &bytes);
	int r = -ENOMEM, n = 0;

	while (r < 0) {
		struct registry *other = registry_new();

		faults_order("memory", n++, 1, ENOMEM);
		r = decode(other, text, bytes);
		faults_clear();
		assert_true(r == 0 || r == -ENOMEM);
		registry_free(other);
	}
	assert_true(n > 200);
	free(text);
	registry_free(registry);
}
