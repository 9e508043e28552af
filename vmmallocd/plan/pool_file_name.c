/* SPDX-License-Identifier: BSD-3-Clause */
/* pool_file_name -- see pool_file_name.h. */
#include "vmmallocd/plan/pool_file_name.h"

#include <stdio.h>
#include <string.h>

#define NAME_PREFIX "vmmalloc-"
#define NAME_PREFIX_LENGTH (sizeof(NAME_PREFIX) - 1)

static const char *const mark_words[] = {
	[POOL_FILE_NEW] = "new",
	[POOL_FILE_READY] = "ready",
	[POOL_FILE_USED] = "used",
	[POOL_FILE_BAD] = "bad",
};

static const char hex_digits[] = "0123456789abcdef";

/* -1: it is no digit, or the end of the text. */
static int hex_value(char c)
{
	const char *digit = c ? strchr(hex_digits, c) : NULL;

	return digit ? (int)(digit - hex_digits) : -1;
}

bool pool_file_id_parse(const char *text, uint8_t ret_id[POOL_FILE_ID_BYTES])
{
	uint8_t id[POOL_FILE_ID_BYTES];

	for (size_t i = 0; i < sizeof(id); i++) {
		int high = hex_value(text[2 * i]);
		int low = high < 0 ? -1 : hex_value(text[2 * i + 1]);

		if (low < 0)
			return false;
		id[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret_id, id, sizeof(id));
	return true;
}

void pool_file_id_format(const uint8_t id[POOL_FILE_ID_BYTES], char ret_text[POOL_FILE_ID_TEXT_BYTES])
{
	for (size_t i = 0; i < POOL_FILE_ID_BYTES; i++) {
		ret_text[2 * i] = hex_digits[id[i] >> 4];
		ret_text[2 * i + 1] = hex_digits[id[i] & 15];
	}
	ret_text[2 * POOL_FILE_ID_BYTES] = '\0';
}

bool pool_file_name_parse(const char *name, uint8_t ret_id[POOL_FILE_ID_BYTES], enum pool_file_mark *ret_mark)
{
	uint8_t id[POOL_FILE_ID_BYTES];

	if (strncmp(name, NAME_PREFIX, NAME_PREFIX_LENGTH) != 0)
		return false;
	name += NAME_PREFIX_LENGTH;
	if (!pool_file_id_parse(name, id) || name[2 * sizeof(id)] != '.')
		return false;
	name += 2 * sizeof(id) + 1;
	for (size_t mark = 0; mark < sizeof(mark_words) / sizeof(mark_words[0]); mark++) {
		if (strcmp(name, mark_words[mark]) == 0) {
			memcpy(ret_id, id, sizeof(id));
			*ret_mark = (enum pool_file_mark)mark;
			return true;
		}
	}
	return false;
}

void pool_file_name_format(const struct pool_file *file, char ret_name[POOL_FILE_NAME_BYTES])
{
	char id[POOL_FILE_ID_TEXT_BYTES];

	pool_file_id_format(file->id, id);
	(void)snprintf(ret_name, POOL_FILE_NAME_BYTES, NAME_PREFIX "%s.%s", id, mark_words[file->mark]);
}

/* The hash is no secret. It tells our files from others by accident only: nobody else can make files of ours here. */
static uint64_t hash_inode(uint64_t nonce, ino_t ino)
{
	uint64_t hash = nonce ^ (uint64_t)ino * 0x9e3779b97f4a7c15u;

	hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9u;
	hash = (hash ^ hash >> 27) * 0x94d049bb133111ebu;
	return hash ^ hash >> 31;
}

void pool_file_id_make(uint64_t nonce, ino_t ino, uint8_t ret_id[POOL_FILE_ID_BYTES])
{
	const uint64_t words[] = { nonce, hash_inode(nonce, ino) };

	_Static_assert(sizeof(words) == POOL_FILE_ID_BYTES, "two words are an id");
	memcpy(ret_id, words, sizeof(words));
}

bool pool_file_id_is_of(const uint8_t id[POOL_FILE_ID_BYTES], ino_t ino)
{
	uint64_t words[2];

	memcpy(words, id, sizeof(words));
	return words[1] == hash_inode(words[0], ino);
}
