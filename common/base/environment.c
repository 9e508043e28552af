/* SPDX-License-Identifier: BSD-3-Clause */
/* environment -- see environment.h. */
#include "common/base/environment.h"

#include <errno.h>
#include <string.h>

#include "common/base/handout.h"
#include "common/base/size.h"

#define LIBRARY_NAME "libvmmalloc.so"  /* .N... is its version */

char **environment_find(char **environment, const char *name)
{
	size_t length = strlen(name);

	for (; environment && *environment; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return environment;
	return NULL;
}

const char *environment_value(char *const *environment, const char *name)
{
	char **variable = environment_find((char **)environment, name);

	return variable ? *variable + strlen(name) + 1 : NULL;
}

int environment_pool_size(const char *value, size_t least_bytes, size_t *ret_bytes)
{
	int r = size_parse(value, ret_bytes);

	return r == 0 && *ret_bytes < least_bytes ? -ENOSPC : r;
}

int environment_fork(const char *value)
{
	if (strcmp(value, "auto") == 0)
		return ENVIRONMENT_FORK_AUTO;
	return value[0] >= '0' && value[0] <= '3' && value[1] == '\0' ? value[0] - '0' : -EINVAL;
}

int environment_children(const char *value)
{
	if (strcmp(value, "inherit") == 0)
		return ENVIRONMENT_CHILDREN_INHERIT;
	if (strcmp(value, "off") == 0)
		return ENVIRONMENT_CHILDREN_OFF;
	return value[0] == '-' || (value[0] >= '0' && value[0] <= '9') ? ENVIRONMENT_CHILDREN_SIZE : -EINVAL;
}

int environment_on_full(const char *value)
{
	if (strcmp(value, "fail") == 0)
		return ENVIRONMENT_ON_FULL_FAIL;
	if (strcmp(value, "dram") == 0)
		return ENVIRONMENT_ON_FULL_DRAM;
	return strcmp(value, "grow") == 0 ? ENVIRONMENT_ON_FULL_GROW : -EINVAL;
}

int environment_reserve(const char *value)
{
	return strcmp(value, "grow") == 0 ? 0 : strcmp(value, "full") == 0 ? 1 : -EINVAL;
}

int environment_huge_pages(const char *value)
{
	if (strcmp(value, "auto") == 0)
		return ENVIRONMENT_HUGE_PAGES_AUTO;
	if (strcmp(value, "always") == 0)
		return ENVIRONMENT_HUGE_PAGES_ALWAYS;
	return strcmp(value, "never") == 0 ? ENVIRONMENT_HUGE_PAGES_NEVER : -EINVAL;
}

int environment_on_fail(const char *value)
{
	return strcmp(value, "exit") == 0 ? 0 : strcmp(value, "dram") == 0 ? 1 : -EINVAL;
}

/* A number, and not one with K, M, G or T; or -EINVAL. */
static int parse_number(const char *value, size_t least, size_t most)
{
	size_t number = 0;

	if (size_parse(value, &number) < 0 || number < least || number > most || value[strlen(value) - 1] > '9')
		return -EINVAL;
	return (int)number;
}

int environment_release(const char *value)
{
	return strcmp(value, "never") == 0 ? ENVIRONMENT_RELEASE_NEVER
					   : parse_number(value, 0, ENVIRONMENT_RELEASE_MOST);
}

int environment_wait(const char *value)
{
	return parse_number(value, 0, HANDOUT_WAIT_MOST_S);
}

int environment_arenas(const char *value)
{
	return parse_number(value, 1, ENVIRONMENT_ARENAS_MOST);
}

size_t environment_items(const char *list, char separator)
{
	size_t items = 1;

	for (; *list; list++)
		items += *list == separator;
	return items;
}

bool environment_item(const char *list, char separator, size_t i, char *ret_item, size_t bytes)
{
	size_t length = 0;

	for (; i > 0; i--)
		list = strchr(list, separator) + 1;
	while (list[length] && list[length] != separator)
		length++;
	if (length >= bytes)
		return false;
	memcpy(ret_item, list, length);
	ret_item[length] = '\0';
	return true;
}

/* The value behind "NAME:", or NULL. */
static const char *after_name(const char *value, const char *name)
{
	size_t length = strlen(name);

	return strncmp(value, name, length) == 0 && value[length] == ':' ? value + length + 1 : NULL;
}

static int parse_shares(const char *list, size_t tiers, unsigned *ret_shares)
{
	char item[16];

	if (environment_items(list, ':') != tiers)
		return -EINVAL;
	for (size_t i = 0; i < tiers; i++) {
		int share = -EINVAL;

		if (environment_item(list, ':', i, item, sizeof(item)))
			share = parse_number(item, 1, ENVIRONMENT_PLACE_SHARE_MOST);
		if (share < 0)
			return share;
		ret_shares[i] = (unsigned)share;
	}
	return 0;
}

int environment_place(const char *value, size_t tiers, struct environment_place *ret_place)
{
	const char *large = after_name(value, "large"), *ratio = after_name(value, "ratio");
	struct environment_place place = { .rule = ENVIRONMENT_PLACE_FILL };
	int r = strcmp(value, "fill") == 0 ? 0 : -EINVAL;

	if (large) {
		place.rule = ENVIRONMENT_PLACE_LARGE;
		r = size_parse(large, &place.large_bytes);
	} else if (ratio) {
		place.rule = ENVIRONMENT_PLACE_RATIO;
		r = parse_shares(ratio, tiers, place.shares);
	}
	if (r < 0)
		return -EINVAL;
	*ret_place = place;
	return 0;
}

bool environment_is_library(const char *entry, size_t length)
{
	const char *name = entry + length;

	while (name > entry && name[-1] != '/')
		name--;
	length -= (size_t)(name - entry);
	return length >= strlen(LIBRARY_NAME) && strncmp(name, LIBRARY_NAME, strlen(LIBRARY_NAME)) == 0 &&
	       (length == strlen(LIBRARY_NAME) || name[strlen(LIBRARY_NAME)] == '.');
}
