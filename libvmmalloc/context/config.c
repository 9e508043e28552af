/* SPDX-License-Identifier: BSD-3-Clause */
/* config -- see config.h. */
#include "libvmmalloc/context/config.h"

#include <errno.h>
#include <string.h>

#include "common/base/handout.h"
#include "common/base/size.h"
#include "include/libvmmalloc.h"

const char *vmm_config_value(char *const *environment, const char *name)
{
	size_t length = strlen(name);

	for (; environment && *environment; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

static int read_pool_dir(char *const *environment, const char **ret_dir, struct text *error)
{
	const char *dir = vmm_config_value(environment, CONFIG_POOL_DIR);

	if (!dir) {
		text_add(error, "environment variable %s not specified", CONFIG_POOL_DIR);
		return -EINVAL;
	}
	if (*dir == '\0') {
		text_add(error, "%s is empty, expected the path of a writable directory", CONFIG_POOL_DIR);
		return -EINVAL;
	}
	*ret_dir = dir;
	return 0;
}

/* Reads what must be the size of a pool. */
static int read_size(const char *name, const char *value, size_t *ret_bytes, struct text *error)
{
	size_t bytes = 0;

	switch (size_parse(value, &bytes)) {
	case 0:
		break;
	case -EDOM:
		text_add(error, "negative %s value (%s)", name, value);
		return -EINVAL;
	case -ERANGE:
		text_add(error, "%s value is too large (%s)", name, value);
		return -EINVAL;
	default:
		text_add(error, "%s value is not a size (%s), expected a number of bytes or one with K, M, G or T",
			 name, value);
		return -EINVAL;
	}
	if (bytes < VMMALLOC_MIN_POOL) {
		text_add(error, "%s value is less than minimum (%zu < %zu)", name, bytes, VMMALLOC_MIN_POOL);
		return -EINVAL;
	}
	*ret_bytes = bytes;
	return 0;
}

static int read_pool_size(char *const *environment, size_t *ret_bytes, struct text *error)
{
	const char *value = vmm_config_value(environment, CONFIG_POOL_SIZE);

	if (!value) {
		text_add(error, "environment variable %s not specified", CONFIG_POOL_SIZE);
		return -EINVAL;
	}
	return read_size(CONFIG_POOL_SIZE, value, ret_bytes, error);
}

static int read_fork(char *const *environment, enum vmm_config_fork *ret_fork, struct text *error)
{
	const char *value = vmm_config_value(environment, CONFIG_FORK);

	if (!value || strcmp(value, "auto") == 0) {
		*ret_fork = CONFIG_FORK_AUTO;
	} else if (value[0] >= '0' && value[0] <= '3' && value[1] == '\0') {
		*ret_fork = (enum vmm_config_fork)(value[0] - '0');
	} else {
		text_add(error, "incorrect %s value (%s), expected auto, 0, 1, 2 or 3", CONFIG_FORK, value);
		return -EINVAL;
	}
	return 0;
}

static int read_children(char *const *environment, struct vmm_config *config, struct text *error)
{
	const char *value = vmm_config_value(environment, CONFIG_CHILDREN);

	config->children = CONFIG_CHILDREN_INHERIT;
	if (!value || strcmp(value, "inherit") == 0)
		return 0;
	if (strcmp(value, "off") == 0) {
		config->children = CONFIG_CHILDREN_OFF;
		return 0;
	}
	if (value[0] != '-' && (value[0] < '0' || value[0] > '9')) {
		text_add(error, "incorrect %s value (%s), expected inherit, off or a size", CONFIG_CHILDREN, value);
		return -EINVAL;
	}
	if (!config->pool_dir) {
		text_add(error, "%s is a size (%s), expected %s too: where to make such pools", CONFIG_CHILDREN, value,
			 CONFIG_POOL_DIR);
		return -EINVAL;
	}
	config->children = CONFIG_CHILDREN_SIZE;
	return read_size(CONFIG_CHILDREN, value, &config->children_bytes, error);
}

/* A variable that takes one of two words; the first is the default. */
static int read_choice(char *const *environment, const char *name, const char *first, const char *second,
		       bool *ret_second, struct text *error)
{
	const char *value = vmm_config_value(environment, name);

	if (value && strcmp(value, first) != 0 && strcmp(value, second) != 0) {
		text_add(error, "incorrect %s value (%s), expected %s or %s", name, value, first, second);
		return -EINVAL;
	}
	*ret_second = value && strcmp(value, second) == 0;
	return 0;
}

static int read_arenas(char *const *environment, unsigned *ret_arenas, struct text *error)
{
	const char *value = vmm_config_value(environment, CONFIG_ARENAS);
	size_t arenas = 0;

	if (value && (size_parse(value, &arenas) < 0 || arenas < 1 || arenas > CONFIG_ARENAS_MOST ||
		      value[strlen(value) - 1] > '9')) {
		text_add(error, "incorrect %s value (%s), expected a number from 1 to %d", CONFIG_ARENAS, value,
			 CONFIG_ARENAS_MOST);
		return -EINVAL;
	}
	*ret_arenas = (unsigned)arenas;
	return 0;
}

static int read_pool_class(char *const *environment, const char **ret_class, struct text *error)
{
	const char *value = vmm_config_value(environment, CONFIG_POOL);

	if (value && handout_class_name_check(value) < 0) {
		text_add(error, "incorrect %s value (%s), expected the name of a class: letters, digits, _ and -",
			 CONFIG_POOL, value);
		return -EINVAL;
	}
	*ret_class = value;
	return 0;
}

static int read_socket(char *const *environment, const char **ret_path, struct text *error)
{
	const char *value = vmm_config_value(environment, CONFIG_SOCKET);

	if (value && value[0] != '/') {
		text_add(error, "incorrect %s value (%s), expected the absolute path of a socket", CONFIG_SOCKET,
			 value);
		return -EINVAL;
	}
	*ret_path = value;
	return 0;
}

/* Both, or neither: that is enough with a class of the daemon's pools. */
static int read_own_pool(char *const *environment, struct vmm_config *config, struct text *error)
{
	int r;

	if (config->pool_class && !vmm_config_value(environment, CONFIG_POOL_DIR) &&
	    !vmm_config_value(environment, CONFIG_POOL_SIZE))
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
	    (r = read_own_pool(environment, &config, error)) < 0 ||
	    (r = read_choice(environment, CONFIG_RESERVE, "grow", "full", &config.reserve_all, error)) < 0 ||
	    (r = read_choice(environment, CONFIG_ON_FULL, "fail", "dram", &config.spill, error)) < 0 ||
	    (r = read_arenas(environment, &config.arenas, error)) < 0 ||
	    (r = read_fork(environment, &config.fork, error)) < 0 ||
	    (r = read_children(environment, &config, error)) < 0)
		return r;
	*ret_config = config;
	return 0;
}
