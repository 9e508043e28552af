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

static int read_fork(char *const *environment, enum vmm_config_fork *ret_fork, struct text *error)
{
	const char *value = environment_value(environment, ENVIRONMENT_FORK);
	int mode = value ? environment_fork(value) : CONFIG_FORK_AUTO;

	if (mode < 0)
		return refuse_value(error, ENVIRONMENT_FORK, value, ENVIRONMENT_FORK_EXPECTED);
	*ret_fork = (enum vmm_config_fork)mode;
	return 0;
}

static int read_children(char *const *environment, struct vmm_config *config, struct text *error)
{
	const char *value = environment_value(environment, ENVIRONMENT_CHILDREN);
	int children = value ? environment_children(value) : ENVIRONMENT_CHILDREN_INHERIT;

	if (children < 0)
		return refuse_value(error, ENVIRONMENT_CHILDREN, value, ENVIRONMENT_CHILDREN_EXPECTED);
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

/* A variable that takes one of two words; the first is the default. */
static int read_choice(char *const *environment, const char *name, const char *first, const char *second,
		       bool *ret_second, struct text *error)
{
	const char *value = environment_value(environment, name);

	if (value && strcmp(value, first) != 0 && strcmp(value, second) != 0) {
		text_add(error, "incorrect %s value (%s), expected %s or %s", name, value, first, second);
		return -EINVAL;
	}
	*ret_second = value && strcmp(value, second) == 0;
	return 0;
}

static int read_on_full(char *const *environment, enum environment_on_full *ret_on_full, struct text *error)
{
	const char *value = environment_value(environment, ENVIRONMENT_ON_FULL);
	int on_full = value ? environment_on_full(value) : ENVIRONMENT_ON_FULL_FAIL;

	if (on_full < 0)
		return refuse_value(error, ENVIRONMENT_ON_FULL, value, ENVIRONMENT_ON_FULL_EXPECTED);
	*ret_on_full = (enum environment_on_full)on_full;
	return 0;
}

static int read_max_size(char *const *environment, struct vmm_config *config, struct text *error)
{
	const char *value = environment_value(environment, ENVIRONMENT_MAX_SIZE);
	int r = value ? read_size(ENVIRONMENT_MAX_SIZE, value, &config->most_bytes, error) : 0;

	if (r < 0 || !value || config->most_bytes >= config->pool_bytes)
		return r;
	return refuse_value(error, ENVIRONMENT_MAX_SIZE, value, "at least " ENVIRONMENT_POOL_SIZE);
}

static int read_on_fail(char *const *environment, bool *ret_does_without, struct text *error)
{
	const char *value = environment_value(environment, ENVIRONMENT_ON_FAIL);
	int does_without = value ? environment_on_fail(value) : 0;

	if (does_without < 0)
		return refuse_value(error, ENVIRONMENT_ON_FAIL, value, ENVIRONMENT_ON_FAIL_EXPECTED);
	*ret_does_without = does_without == 1;
	return 0;
}

static int read_release(char *const *environment, unsigned *ret_seconds, struct text *error)
{
	const char *value = environment_value(environment, ENVIRONMENT_RELEASE);
	int seconds = value ? environment_release(value) : ENVIRONMENT_RELEASE_NEVER;

	if (seconds < 0)
		return refuse_value(error, ENVIRONMENT_RELEASE, value, ENVIRONMENT_RELEASE_EXPECTED);
	*ret_seconds = (unsigned)seconds;
	return 0;
}

static int read_arenas(char *const *environment, unsigned *ret_arenas, struct text *error)
{
	const char *value = environment_value(environment, ENVIRONMENT_ARENAS);
	int arenas = value ? environment_arenas(value) : 0;

	if (arenas < 0)
		return refuse_value(error, ENVIRONMENT_ARENAS, value, ENVIRONMENT_ARENAS_EXPECTED);
	*ret_arenas = (unsigned)arenas;
	return 0;
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

static int read_wait(char *const *environment, unsigned *ret_seconds, struct text *error)
{
	const char *value = environment_value(environment, ENVIRONMENT_WAIT);
	int seconds = value ? environment_wait(value) : 0;

	if (seconds < 0)
		return refuse_value(error, ENVIRONMENT_WAIT, value, ENVIRONMENT_WAIT_EXPECTED);
	*ret_seconds = (unsigned)seconds;
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

int vmm_config_read(char *const *environment, struct vmm_config *ret_config, struct text *error)
{
	struct vmm_config config = { 0 };
	int r;

	if ((r = read_pool_class(environment, &config.pool_class, error)) < 0 ||
	    (r = read_socket(environment, &config.socket, error)) < 0 ||
	    (r = read_wait(environment, &config.wait_seconds, error)) < 0 ||
	    (r = read_own_pool(environment, &config, error)) < 0 ||
	    (r = read_choice(environment, ENVIRONMENT_RESERVE, "grow", "full", &config.reserve_all, error)) < 0 ||
	    (r = read_on_full(environment, &config.on_full, error)) < 0 ||
	    (r = read_max_size(environment, &config, error)) < 0 ||
	    (r = read_on_fail(environment, &config.does_without, error)) < 0 ||
	    (r = read_release(environment, &config.release_seconds, error)) < 0 ||
	    (r = read_arenas(environment, &config.arenas, error)) < 0 ||
	    (r = read_fork(environment, &config.fork, error)) < 0 ||
	    (r = read_children(environment, &config, error)) < 0)
		return r;
	*ret_config = config;
	return 0;
}
