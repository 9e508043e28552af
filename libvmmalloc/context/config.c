/* SPDX-License-Identifier: BSD-3-Clause */
/* config -- see config.h. */
#include "libvmmalloc/context/config.h"

#include <errno.h>
#include <string.h>

#include "common/base/handout.h"
#include "common/base/paths.h"
#include "common/base/size.h"
#include "include/libvmmalloc.h"
#include "libvmmalloc/base/kernel.h"

static int refuse_value(struct text *error, const char *name, const char *value, const char *expected)
{
	text_add(error, "incorrect %s value (%s), expected %s", name, value, expected);
	return -EINVAL;
}

/* The value of a list's item, as far as there is room for it. */
static bool get_item(const char *list, char separator, const struct vmm_config *config, size_t i, char *ret_item,
		     size_t bytes)
{
	if (config->tier_count > 1)
		return environment_item(list, separator, i, ret_item, bytes);
	if (strlen(list) >= bytes)
		return false;
	memcpy(ret_item, list, strlen(list) + 1);
	return true;
}

static int read_pool_dirs(char *const *environment, struct vmm_config *config, struct text *error)
{
	const char *list = environment_value(environment, ENVIRONMENT_POOL_DIR);

	if (!list) {
		text_add(error, "environment variable %s not specified", ENVIRONMENT_POOL_DIR);
		return -EINVAL;
	}
	if (*list == '\0') {
		text_add(error, "%s is empty, expected the path of a writable directory", ENVIRONMENT_POOL_DIR);
		return -EINVAL;
	}
	if (config->tier_count > 1 && environment_items(list, ENVIRONMENT_TIERS_SEPARATOR) != config->tier_count)
		return refuse_value(error, ENVIRONMENT_POOL_DIR, list, "as many directories, with : between them, as "
				    ENVIRONMENT_POOL_SIZE " has sizes");
	for (size_t i = 0; i < config->tier_count; i++) {
		struct vmm_config_tier *tier = &config->tiers[i];

		if (!get_item(list, ENVIRONMENT_TIERS_SEPARATOR, config, i, tier->dir, sizeof(tier->dir))) {
			text_add(error, "%s is too long, expected paths of less than %d bytes", ENVIRONMENT_POOL_DIR,
				 PATH_MAX);
			return -EINVAL;
		}
		if (tier->dir[0] == '\0')
			return refuse_value(error, ENVIRONMENT_POOL_DIR, list, "no directory that is empty");
	}
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

static int read_pool_sizes(char *const *environment, struct vmm_config *config, struct text *error)
{
	const char *list = environment_value(environment, ENVIRONMENT_POOL_SIZE);
	char size[32];
	int r;

	if (!list) {
		text_add(error, "environment variable %s not specified", ENVIRONMENT_POOL_SIZE);
		return -EINVAL;
	}
	if (config->tier_count == 1)
		return read_size(ENVIRONMENT_POOL_SIZE, list, &config->tiers[0].bytes, error);
	for (size_t i = 0; i < config->tier_count; i++) {
		if (!environment_item(list, ENVIRONMENT_TIERS_SEPARATOR, i, size, sizeof(size)))
			return refuse_value(error, ENVIRONMENT_POOL_SIZE, list, SIZE_EXPECTED ", for each tier");
		r = read_size(ENVIRONMENT_POOL_SIZE, size, &config->tiers[i].bytes, error);
		if (r < 0)
			return r;
	}
	return 0;
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
	if (!config->tiers[0].dir[0]) {
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

	if (r < 0 || !value || config->most_bytes >= vmm_config_bytes(config))
		return r;
	return refuse_value(error, ENVIRONMENT_MAX_SIZE, value, "at least " ENVIRONMENT_POOL_SIZE);
}

/* How many tiers the heap has: as many as there are classes, or sizes. */
static int count_tiers(char *const *environment, struct vmm_config *config, struct text *error)
{
	const char *classes = environment_value(environment, ENVIRONMENT_POOL);
	const char *sizes = environment_value(environment, ENVIRONMENT_POOL_SIZE);
	size_t by_class = classes ? environment_items(classes, ENVIRONMENT_CLASSES_SEPARATOR) : 0;
	size_t by_size = sizes ? environment_items(sizes, ENVIRONMENT_TIERS_SEPARATOR) : 0;

	if (classes && sizes && by_class != by_size)
		return refuse_value(error, ENVIRONMENT_POOL_SIZE, sizes,
				    "as many sizes, with : between them, as " ENVIRONMENT_POOL " has classes");
	config->tier_count = classes ? by_class : sizes ? by_size : 1;
	if (config->tier_count > ENVIRONMENT_TIERS_MOST)
		return refuse_value(error, classes ? ENVIRONMENT_POOL : ENVIRONMENT_POOL_SIZE,
				    classes ? classes : sizes, "8 tiers at the most");
	return 0;
}

static int read_pool_classes(char *const *environment, struct vmm_config *config, struct text *error)
{
	const char *list = environment_value(environment, ENVIRONMENT_POOL);

	for (size_t i = 0; list && i < config->tier_count; i++) {
		struct vmm_config_tier *tier = &config->tiers[i];

		if (!get_item(list, ENVIRONMENT_CLASSES_SEPARATOR, config, i, tier->pool_class,
			      sizeof(tier->pool_class)) || handout_class_name_check(tier->pool_class) < 0)
			return refuse_value(error, ENVIRONMENT_POOL, list,
					    "the name of a class: letters, digits, _ and -");
	}
	return 0;
}

/* As of vmmallocctl: root has no daemon but the system's, whoever's the variable is. */
static void find_user_socket(char *const *environment, struct vmm_config *config)
{
	const char *dir = environment_value(environment, "XDG_RUNTIME_DIR");
	struct text path = TEXT_INIT(config->user_socket);

	/* one that is too long is nobody's */
	if (!dir || dir[0] != '/' || kernel_geteuid() == 0 ||
	    strlen(dir) > path.size - sizeof("/" PATHS_USER_RUNTIME_NAME "/" HANDOUT_SOCKET))
		return;
	text_add(&path, "%s/" PATHS_USER_RUNTIME_NAME "/" HANDOUT_SOCKET, dir);
}

static int read_socket(char *const *environment, struct vmm_config *config, struct text *error)
{
	const char *value = environment_value(environment, ENVIRONMENT_SOCKET);

	bool is_auto = value && strcmp(value, ENVIRONMENT_SOCKET_AUTO) == 0;

	if (value && value[0] != '/' && !is_auto)
		return refuse_value(error, ENVIRONMENT_SOCKET, value, "the absolute path of a socket");
	if (!value || is_auto)
		find_user_socket(environment, config);
	if (is_auto)
		value = PATHS_RUNTIME_DIR "/" HANDOUT_SOCKET;
	if (value)
		memcpy(config->socket, value, strnlen(value, sizeof(config->socket) - 1));
	return 0;
}

/* Both, or neither: that is enough with classes of the daemon's pools. */
static int read_own_pools(char *const *environment, struct vmm_config *config, struct text *error)
{
	int r;

	if (config->tiers[0].pool_class[0] && !environment_value(environment, ENVIRONMENT_POOL_DIR) &&
	    !environment_value(environment, ENVIRONMENT_POOL_SIZE))
		return 0;
	r = read_pool_dirs(environment, config, error);
	return r < 0 ? r : read_pool_sizes(environment, config, error);
}

static int read_place(char *const *environment, struct vmm_config *config, struct text *error)
{
	const char *value = environment_value(environment, ENVIRONMENT_PLACE);

	if (!value || environment_place(value, config->tier_count, &config->place) == 0)
		return 0;
	return refuse_value(error, ENVIRONMENT_PLACE, value, ENVIRONMENT_PLACE_EXPECTED);
}

/* What is one of a few words, or a number. */
static int read_words(char *const *environment, struct vmm_config *config, struct text *error)
{
	int reserve, on_full, on_fail, release, huge_pages, wait, arenas, fork;
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
		{ ENVIRONMENT_RELEASE, ENVIRONMENT_RELEASE_EXPECTED, environment_release, ENVIRONMENT_RELEASE_USUAL,
		  &release },
		{ ENVIRONMENT_HUGE_PAGES, ENVIRONMENT_HUGE_PAGES_EXPECTED, environment_huge_pages, 0, &huge_pages },
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
	config->huge_pages = (enum environment_huge_pages)huge_pages;
	config->arenas = (unsigned)arenas;
	config->fork = (enum vmm_config_fork)fork;
	return 0;
}

int vmm_config_read(char *const *environment, struct vmm_config *ret_config, struct text *error)
{
	struct vmm_config *config = ret_config;
	int r;

	memset(config, 0, sizeof(*config));
	if ((r = count_tiers(environment, config, error)) < 0 ||
	    (r = read_pool_classes(environment, config, error)) < 0 ||
	    (r = read_socket(environment, config, error)) < 0 ||
	    (r = read_own_pools(environment, config, error)) < 0 ||
	    (r = read_place(environment, config, error)) < 0 ||
	    (r = read_words(environment, config, error)) < 0 ||
	    (r = read_max_size(environment, config, error)) < 0 ||
	    (r = read_children(environment, config, error)) < 0)
		return r;
	return 0;
}
