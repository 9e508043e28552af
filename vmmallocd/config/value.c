/* SPDX-License-Identifier: BSD-3-Clause */
/* value -- see value.h. Names of users and groups: names.c. */
#include "vmmallocd/config/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/pool_header.h"
#include "common/base/size.h"
#include "include/libvmmalloc.h"
#include "vmmallocd/config/config.h"

#define SIZE_MOST ((size_t)INT64_MAX & ~(POOL_PAGE_LEAST - 1))  /* of a file: off_t is signed */

#define DIGITS "0123456789"

/* With . or .. in it, a path may lead elsewhere than it says, and systemd takes none such in a unit. */
static bool path_is_plain(const char *path)
{
	if (*path != '/')
		return false;
	while (*path) {
		size_t length;

		path += strspn(path, "/");
		length = strcspn(path, "/");
		if ((length == 1 && path[0] == '.') || (length == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += length;
	}
	return true;
}

/* Without slashes that mean nothing: the same directory is to have the same name in all classes. */
static void squeeze_slashes(char *path)
{
	char *to = path;

	for (const char *from = path; *from; from++)
		if (*from != '/' || (from[1] != '/' && from[1] != '\0'))
			*to++ = *from;
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

int config_value_set_text(char **field, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int config_value_path(const struct config_key *key, const char *value, void *field, struct text *expected)
{
	char **path = field;
	int r;

	(void)key;
	if (!path_is_plain(value)) {
		text_add(expected, "an absolute path without . and ..");
		return -EINVAL;
	}
	r = config_value_set_text(path, value);
	if (r == 0)
		squeeze_slashes(*path);
	return r;
}

int config_value_size(const struct config_key *key, const char *value, void *field, struct text *expected)
{
	size_t bytes;
	int r = size_parse(value, &bytes);

	(void)key;
	if (r == -ERANGE || (r == 0 && bytes > SIZE_MOST))
		text_add(expected, "at most %zu", SIZE_MOST);
	else if (r < 0)
		text_add(expected, SIZE_EXPECTED);
	else if (bytes < VMMALLOC_MIN_POOL)
		text_add(expected, "at least %zu (14M)", VMMALLOC_MIN_POOL);
	if (expected->length)
		return -EINVAL;
	*(uint64_t *)field = (bytes + POOL_PAGE_LEAST - 1) & ~(POOL_PAGE_LEAST - 1);
	return 0;
}

int config_value_size_or_none(const struct config_key *key, const char *value, void *field, struct text *expected)
{
	int r;

	if (strcmp(value, "0") == 0) {
		*(uint64_t *)field = 0;
		return 0;
	}
	r = config_value_size(key, value, field, expected);
	if (r < 0)
		text_add(expected, ", or 0");
	return r;
}

/* Decimal digits and nothing else. UINT64_MAX stands for anything larger. */
static bool parse_digits(const char *string, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (!*string || strspn(string, DIGITS) != strlen(string))
		return false;
	for (const char *s = string; *s; s++)
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value)) {
			value = UINT64_MAX;
			break;
		}
	*ret_value = value;
	return true;
}

int config_value_number(const struct config_key *key, const char *value, void *field, struct text *expected)
{
	uint64_t number;

	if (!parse_digits(value, &number) || number < key->least || number > key->most) {
		text_add(expected, "a whole number from %u to %u", key->least, key->most);
		return -EINVAL;
	}
	*(unsigned *)field = (unsigned)number;
	return 0;
}

int config_value_flag(const struct config_key *key, const char *value, void *field, struct text *expected)
{
	bool yes = strcmp(value, "yes") == 0;

	(void)key;
	if (!yes && strcmp(value, "no") != 0) {
		text_add(expected, "yes or no");
		return -EINVAL;
	}
	*(bool *)field = yes;
	return 0;
}

int config_value_recycle(const struct config_key *key, const char *value, void *field, struct text *expected)
{
	bool scrub = strcmp(value, "scrub") == 0;

	(void)key;
	if (!scrub && strcmp(value, "destroy") != 0) {
		text_add(expected, "scrub or destroy");
		return -EINVAL;
	}
	*(enum config_recycle *)field = scrub ? CONFIG_RECYCLE_SCRUB : CONFIG_RECYCLE_DESTROY;
	return 0;
}

int config_value_on_pressure(const struct config_key *key, const char *value, void *field, struct text *expected)
{
	bool release = strcmp(value, "release") == 0;

	(void)key;
	if (!release && strcmp(value, "keep") != 0) {
		text_add(expected, "keep or release");
		return -EINVAL;
	}
	*(enum config_on_pressure *)field = release ? CONFIG_PRESSURE_RELEASE : CONFIG_PRESSURE_KEEP;
	return 0;
}

/* One or two digits, and as many behind a point. 0: it is none, or it is 0. */
static unsigned parse_percent(const char *value)
{
	size_t whole = strspn(value, DIGITS), part = 0;
	unsigned share = 0;

	if (value[whole] == '.')
		part = strspn(value + whole + 1, DIGITS);
	if (whole < 1 || whole > 2 || part > 2 || (value[whole] == '.' && part == 0) ||
	    strcmp(value + whole + (part ? part + 1 : 0), "%") != 0)
		return 0;
	for (size_t i = 0; i < whole; i++)
		share = share * 10 + (unsigned)(value[i] - '0');
	for (size_t i = 0; i < 2; i++)
		share = share * 10 + (i < part ? (unsigned)(value[whole + 1 + i] - '0') : 0);
	return share;
}

int config_value_share(const struct config_key *key, const char *value, void *field, struct text *expected)
{
	unsigned share = parse_percent(value);

	(void)key;
	if (share == 0) {
		text_add(expected, "a percentage from 0.01%% to 99.99%%");
		return -EINVAL;
	}
	*(unsigned *)field = share;
	return 0;
}

int config_value_huge(const struct config_key *key, const char *value, void *field, struct text *expected)
{
	static const char *const words[] = { "never", "always", "within_size", "advise" };
	size_t i = 0;

	(void)key;
	while (i < sizeof(words) / sizeof(words[0]) && strcmp(words[i], value) != 0)
		i++;
	if (i == sizeof(words) / sizeof(words[0])) {
		text_add(expected, "never, always, within_size or advise");
		return -EINVAL;
	}
	return config_value_set_text(field, value);
}

int config_log_level_parse(const char *word, enum config_log_level *ret_level)
{
	static const struct {
		const char *word, *digit;
		enum config_log_level level;
	} levels[] = {
		{ "error", "3", CONFIG_LOG_ERROR },
		{ "warning", "4", CONFIG_LOG_WARNING },
		{ "info", "6", CONFIG_LOG_INFO },
		{ "debug", "7", CONFIG_LOG_DEBUG },
	};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(word, levels[i].word) == 0 || strcmp(word, levels[i].digit) == 0) {
			*ret_level = levels[i].level;
			return 0;
		}
	return -EINVAL;
}

int config_value_log_level(const struct config_key *key, const char *value, void *field, struct text *expected)
{
	(void)key;
	if (config_log_level_parse(value, field) < 0) {
		text_add(expected, "error, warning, info or debug");
		return -EINVAL;
	}
	return 0;
}
