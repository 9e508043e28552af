/* SPDX-License-Identifier: BSD-3-Clause */
/* config -- see config.h. */
#include "libvmmalloc/context/config.h"

#include <errno.h>
#include <string.h>

#include "common/base/handout.h"
#include "common/base/size.h"
#include "include/libvmmalloc.h"

static int refuse_value(struct text *error, const char *name, const char *value, const char *expected)
{
	text_add(error, "incorrect %s value (%s), expected %s", name, value, expected);
	return -EINVAL;
}

static int read_pool_dir(char *const *environment, const char **ret_dir, struct text *error)
{
	const char *dir = environment_value(environment, ENVIRONMENT_POOL_DIR);

	if (!dir) {
		text_add(error, "environment variable %s not specified", ENVIRONMENT_POOL_DIR);
		return -EINVAL;
	}
	if (*dir == '\0') {
		text_add(error, "%s is empty, expected the path of a writable directory", ENVIRONMENT_POOL_DIR);
		return -EINVAL;
	}
	*ret_dir = dir;
	return 0;
}

/* Reads what must be the size of a pool. */
static int read_size(const char *name, const char *value, size_t *ret_bytes, struct text *error)
{
	size_t bytes = 0;

	switch (environment_pool_size(value, VMMALLOC_MIN_POOL, &bytes)) {
	case 0:
		*ret_bytes = bytes;
		return 0;
	case -EDOM:
		text_add(error, "negative %s value (%s)", name, value);
		break;
	case -ERANGE:
		text_add(error, "%s value is too large (%s)", name, value);
		break;
	case -ENOSPC:
		text_add(error, "%s value is less than minimum (%zu < %zu)", name, bytes, VMMALLOC_MIN_POOL);
		break;
	default:
		text_add(error, "%s value is not a size (%s), expected " SIZE_EXPECTED, name, value);
	}
	return -EINVAL;
}

static int read_pool_size(char *const *environment, size_t *ret_bytes, struct text *error)
{
	const char *value = environment_value(environment, ENVIRONMENT_POOL_SIZE);

	if (!value) {
		text_add(error, "environment variable %s not specified", ENVIRONMENT_POOL_SIZE);
		return -EINVAL;
	}
	return read_size(ENVIRONMENT_POOL_SIZE, value, ret_bytes, error);
}

/* A variable whose values are numbers to `parse`, or less than 0 if they are none; `usual`: that of one not given. */
static int read_parsed(char *const *environment, const char *name, int (*parse)(const char *), const char *expected,
		       int usual, int *ret_number, struct text *error)
{
	const char *value = environment_value(environment, name);

	*ret_number = value ? parse(value) : usual;
	return *ret_number < 0 ? refuse_value(error, name, value, expected) : 0;
}

static int read_children(char *const *environment, struct vmm_config *config, struct text *error)
{
	const char *value = environment_value(environment, ENVIRONMENT_CHILDREN);
	int children, r = read_parsed(environment, ENVIRONMENT_CHILDREN, environment_children,
				      ENVIRONMENT_CHILDREN_EXPECTED, ENVIRONMENT_CHILDREN_INHERIT, &children, error);

	if (r < 0)
		return r;
	config->children = (enum environment_children)children;
	if (children != ENVIRONMENT_CHILDREN_SIZE)
		return 0;
	if (!config->pool_dir) {
		text_add(error, "%s is a size (%s), expected %s too: where to make such pools", ENVIRONMENT_CHILDREN,
			 value, ENVIRONMENT_POOL_DIR);
		return -EINVAL;
	}
	return read_size(ENVIRONMENT_CHILDREN, value, &config->children_bytes, error);
}

static int read_max_size(char *const *environment, struct vmm_config *config, struct text *error)
{
	const char *value = environment_value(environment, ENVIRONMENT_MAX_SIZE);
	int r = value ? read_size(ENVIRONMENT_MAX_SIZE, value, &config->most_bytes, error) : 0;

	if (r < 0 || !value || config->most_bytes >= config->pool_bytes)
		return r;
	return refuse_value(error, ENVIRONMENT_MAX_SIZE, value, "at least " ENVIRONMENT_POOL_SIZE);
}

static int read_pool_class(char *const *environment, const char **ret_class, struct text *error)
{
	const char *value = environment_value(environment, ENVIRONMENT_POOL);

	if (value && handout_class_name_check(value) < 0)
		return refuse_value(error, ENVIRONMENT_POOL, value, "the name of a class: letters, digits, _ and -");
	*ret_class = value;
	return 0;
}

static int read_socket(char *const *environment, const char **ret_path, struct text *error)
{
	const char *value = environment_value(environment, ENVIRONMENT_SOCKET);

	if (value && value[0] != '/')
		return refuse_value(error, ENVIRONMENT_SOCKET, value, "the absolute path of a socket");
	*ret_path = value;
	return 0;
}

/* Both, or neither: that is enough with a class of the daemon's pools. */
static int read_own_pool(char *const *environment, struct vmm_config *config, struct text *error)
{
	int r;

	if (config->pool_class && !environment_value(environment, ENVIRONMENT_POOL_DIR) &&
	    !environment_value(environment, ENVIRONMENT_POOL_SIZE))
		return 0;
	r = read_pool_dir(environment, &config->pool_dir, error);
	return r < 0 ? r : read_pool_size(environment, &config->pool_bytes, error);
}

/* What is one of a few words, or a number. */
static int read_words(char *const *environment, struct vmm_config *config, struct text *error)
{
	int reserve, on_full, on_fail, release, wait, arenas, fork;
	const struct {
		const char *name, *expected;
		int (*parse)(const char *value);
		int usual, *ret;
	} words[] = {
		{ ENVIRONMENT_WAIT, ENVIRONMENT_WAIT_EXPECTED, environment_wait, 0, &wait },
		{ ENVIRONMENT_RESERVE, ENVIRONMENT_RESERVE_EXPECTED, environment_reserve, 0, &reserve },
		{ ENVIRONMENT_ON_FULL, ENVIRONMENT_ON_FULL_EXPECTED, environment_on_full, ENVIRONMENT_ON_FULL_FAIL,
		  &on_full },
		{ ENVIRONMENT_ON_FAIL, ENVIRONMENT_ON_FAIL_EXPECTED, environment_on_fail, 0, &on_fail },
		{ ENVIRONMENT_RELEASE, ENVIRONMENT_RELEASE_EXPECTED, environment_release, ENVIRONMENT_RELEASE_NEVER,
		  &release },
		{ ENVIRONMENT_ARENAS, ENVIRONMENT_ARENAS_EXPECTED, environment_arenas, 0, &arenas },
		{ ENVIRONMENT_FORK, ENVIRONMENT_FORK_EXPECTED, environment_fork, CONFIG_FORK_AUTO, &fork },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		int r = read_parsed(environment, words[i].name, words[i].parse, words[i].expected, words[i].usual,
				    words[i].ret, error);

		if (r < 0)
			return r;
	}
	config->wait_seconds = (unsigned)wait;
	config->reserve_all = reserve == 1;
	config->on_full = (enum environment_on_full)on_full;
	config->does_without = on_fail == 1;
	config->release_seconds = (unsigned)release;
	config->arenas = (unsigned)arenas;
	config->fork = (enum vmm_config_fork)fork;
	return 0;
}

int vmm_config_read(char *const *environment, struct vmm_config *ret_config, struct text *error)
{
	struct vmm_config config = { 0 };
	int r;

	if ((r = read_pool_class(environment, &config.pool_class, error)) < 0 ||
	    (r = read_socket(environment, &config.socket, error)) < 0 ||
	    (r = read_own_pool(environment, &config, error)) < 0 ||
	    (r = read_words(environment, &config, error)) < 0 ||
	    (r = read_max_size(environment, &config, error)) < 0 ||
	    (r = read_children(environment, &config, error)) < 0)
		return r;
	*ret_config = config;
	return 0;
}
