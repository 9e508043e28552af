/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * names -- users and groups of a class: lists of names in the file become numbers. May block in NSS.
 */
#include "vmmallocd/config/config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "vmmallocd/config/ini.h"
#include "vmmallocd/config/value.h"

#define LOOKUP_BYTES_FIRST 1024
#define LOOKUP_BYTES_MOST (1024 * 1024)  /* a group with very many members */

/* 0, with the number of that name; or an error number of getpwnam_r(3), ENOENT among them. */
typedef int (*lookup_fn)(const char *name, char *buffer, size_t bytes, uint32_t *ret_id);

/* Calls one of the functions below with a buffer that is large enough. 0, -ENOENT if there is no such entry, -errno. */
static int look_up(lookup_fn function, const char *name, uint32_t *ret_id)
{
	for (size_t bytes = LOOKUP_BYTES_FIRST;; bytes *= 2) {
		CLEANUP(cleanup_free) char *buffer = malloc(bytes);
		int r;

		if (!buffer)
			return -ENOMEM;
		r = function(name, buffer, bytes, ret_id);
		if (r != ERANGE || bytes >= LOOKUP_BYTES_MOST)
			/* all of these mean "not found" in one NSS module or another: getpwnam(3) */
			return r == ESRCH || r == EBADF || r == EPERM ? -ENOENT : -r;
	}
}

static int user_by_name(const char *name, char *buffer, size_t bytes, uint32_t *ret_uid)
{
	struct passwd entry, *found;
	int r = getpwnam_r(name, &entry, buffer, bytes, &found);

	if (r == 0 && found)
		*ret_uid = entry.pw_uid;
	return r ? r : found ? 0 : ENOENT;
}

static int group_by_name(const char *name, char *buffer, size_t bytes, uint32_t *ret_gid)
{
	struct group entry, *found;
	int r = getgrnam_r(name, &entry, buffer, bytes, &found);

	if (r == 0 && found)
		*ret_gid = entry.gr_gid;
	return r ? r : found ? 0 : ENOENT;
}

/* Instead of those two, where nobody may be asked. */
static int nobody_by_name(const char *name, char *buffer, size_t bytes, uint32_t *ret_id)
{
	(void)name;
	(void)buffer;
	(void)bytes;
	*ret_id = CONFIG_ID_NOBODY;
	return 0;
}

/* All digits is a number, whether or not anybody has it; (uid_t)-1 is nobody's. */
static int id_parse(const char *word, uint32_t *ret_id)
{
	uint64_t id = 0;

	for (const char *s = word; *s; s++) {
		id = id * 10 + (uint64_t)(*s - '0');
		if (id >= CONFIG_ID_NOBODY)
			return -EDOM;
	}
	*ret_id = (uint32_t)id;
	return 0;
}

static int id_of(lookup_fn function, const char *word, uint32_t *ret_id)
{
	if (strspn(word, "0123456789") == strlen(word))
		return id_parse(word, ret_id);
	return look_up(function, word, ret_id);
}

static int ids_add(struct config_ids *ids, uint32_t id)
{
	uint32_t *larger = reallocarray(ids->ids, ids->count + 1, sizeof(ids->ids[0]));

	if (!larger)
		return -ENOMEM;
	ids->ids = larger;
	ids->ids[ids->count++] = id;
	return 0;
}

/* A name that is not found goes into the list as nobody: without it the list might be empty, which means everybody. */
static int add_missing(const char *word, const char *kind, int r, struct config_ids *ids, struct text *expected)
{
	if (expected->length > 0)
		text_add(expected, ", %s", word);
	else if (r == -ENOENT)
		text_add(expected, "%ss that exist; there is no %s %s", kind, kind, word);
	else
		text_add(expected, "%ss that can be looked up; %s: %s", kind, word, strerrordesc_np(-r));
	r = ids_add(ids, CONFIG_ID_NOBODY);
	return r < 0 ? r : -ENOENT;
}

static int read_word(lookup_fn function, char *word, const char *kind, struct config_ids *ids, struct text *expected)
{
	uint32_t id = CONFIG_ID_NOBODY;
	int r;

	if (!*word) {
		expected->length = 0;
		text_add(expected, "names or numbers of %ss, with commas between them", kind);
		return -EINVAL;
	}
	r = id_of(function, word, &id);
	if (r == -ENOMEM)
		return r;
	if (r == -EDOM) {
		expected->length = 0;
		text_add(expected, "numbers below %u; %s is not", CONFIG_ID_NOBODY, word);
		return -EINVAL;
	}
	return r < 0 ? add_missing(word, kind, r, ids, expected) : ids_add(ids, id);
}

/* All words are read, to say all that are missing. */
static int read_list(lookup_fn function, const char *value, const char *kind, struct config_ids *ids,
		     struct text *expected)
{
	struct config_ids read = { 0 };
	CLEANUP(cleanup_free) char *copy = strdup(value);
	char *rest = copy;
	int r = copy ? 0 : -ENOMEM;

	while ((r == 0 || r == -ENOENT) && rest) {
		int added = read_word(function, ini_strip(strsep(&rest, ",")), kind, &read, expected);

		r = added < 0 ? added : r;
	}
	if (r < 0 && r != -ENOENT) {
		free(read.ids);
		return r;
	}
	free(ids->ids);
	*ids = read;
	return r;
}

int config_value_users(const struct config_key *key, const char *value, void *field, struct text *expected)
{
	return read_list(key->names_unasked ? nobody_by_name : user_by_name, value, "user", field, expected);
}

int config_value_groups(const struct config_key *key, const char *value, void *field, struct text *expected)
{
	return read_list(key->names_unasked ? nobody_by_name : group_by_name, value, "group", field, expected);
}
