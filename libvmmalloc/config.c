/* SPDX-License-Identifier: BSD-3-Clause */
/* config -- see config.h. */
#include "libvmmalloc/config.h"

#include <errno.h>
#include <string.h>

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

static int read_pool_size(char *const *environment, size_t *ret_bytes, struct text *error)
{
	const char *value = vmm_config_value(environment, CONFIG_POOL_SIZE);
	size_t bytes = 0;

	if (!value) {
		text_add(error, "environment variable %s not specified", CONFIG_POOL_SIZE);
		return -EINVAL;
	}
	switch (size_parse(value, &bytes)) {
	case 0:
		break;
	case -EDOM:
		text_add(error, "negative %s value (%s)", CONFIG_POOL_SIZE, value);
		return -EINVAL;
	case -ERANGE:
		text_add(error, "%s value is too large (%s)", CONFIG_POOL_SIZE, value);
		return -EINVAL;
	default:
		text_add(error, "%s value is not a size (%s), expected a number of bytes or one with K, M, G or T",
			 CONFIG_POOL_SIZE, value);
		return -EINVAL;
	}
	if (bytes < VMMALLOC_MIN_POOL) {
		text_add(error, "%s value is less than minimum (%zu < %zu)", CONFIG_POOL_SIZE, bytes,
			 VMMALLOC_MIN_POOL);
		return -EINVAL;
	}
	*ret_bytes = bytes;
	return 0;
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

int vmm_config_read(char *const *environment, struct vmm_config *ret_config, struct text *error)
{
	struct vmm_config config = { 0 };
	int r;

	if ((r = read_pool_dir(environment, &config.pool_dir, error)) < 0 ||
	    (r = read_pool_size(environment, &config.pool_bytes, error)) < 0 ||
	    (r = read_choice(environment, CONFIG_RESERVE, "grow", "full", &config.reserve_all, error)) < 0 ||
	    (r = read_choice(environment, CONFIG_ON_FULL, "fail", "dram", &config.spill, error)) < 0 ||
	    (r = read_arenas(environment, &config.arenas, error)) < 0)
		return r;
	*ret_config = config;
	return 0;
}
