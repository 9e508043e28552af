/* SPDX-License-Identifier: BSD-3-Clause */
/* exec_environment -- see exec_environment.h. */
#include "libvmmalloc/start/exec_environment.h"

#include <limits.h>
#include <string.h>

#include "libvmmalloc/base/path.h"

#define SEPARATORS ENVIRONMENT_PRELOAD_SEPARATORS

/* Shortens the list in place. True if something is left of it. */
static bool remove_ours(char *list)
{
	char *to = list;

	for (const char *entry = list + strspn(list, SEPARATORS); *entry;) {
		size_t length = strcspn(entry, SEPARATORS);
		const char *next = entry + length + strspn(entry + length, SEPARATORS);

		if (!environment_is_library(entry, length)) {
			if (to != list)
				*to++ = ':';
			memmove(to, entry, length);
			to += length;
		}
		entry = next;
	}
	*to = '\0';
	return to != list;
}

static void remove_variable(char **variable)
{
	for (; *variable; variable++)
		variable[0] = variable[1];
}

static void remove_named(char **environment, const char *name)
{
	char **variable = environment_find(environment, name);

	if (variable)
		remove_variable(variable);
}

/*
 * Children that work in another directory shall find what this process found. `line` is where the new value is kept:
 * in vmm_exec_environment. It is left alone where it is not needed.
 */
static void make_absolute(char **environment, const char *name, char *line, size_t bytes)
{
	struct text text = { .data = line, .size = bytes };
	const char *path = environment_value(environment, name);

	if (!path || path[0] == '/' || path[0] == '\0')
		return;
	text_add(&text, "%s=", name);
	path_add(&text, path);
	if (text.length + 1 < text.size)
		*environment_find(environment, name) = line;
}

/* Of LD_PRELOAD only what is this library, and was named by a relative path: ld.so(8) expands what begins with a $. */
static void make_preload_absolute(char **environment)
{
	char *line = vmm_exec_environment.preload;
	struct text text = TEXT_INIT(vmm_exec_environment.preload);
	const char *list = environment_value(environment, ENVIRONMENT_PRELOAD);
	bool changed = false;

	if (!list)
		return;
	text_add(&text, ENVIRONMENT_PRELOAD "=");
	for (const char *entry = list + strspn(list, SEPARATORS); *entry;) {
		size_t length = strcspn(entry, SEPARATORS);
		char name[PATH_MAX] = "";

		if (length >= sizeof(name))
			return;
		memcpy(name, entry, length);
		if (text.length > strlen(ENVIRONMENT_PRELOAD "="))
			text_add(&text, ":");
		if (environment_is_library(entry, length) && !strchr("/$", name[0]) && strchr(name, '/')) {
			path_add(&text, name);
			changed = true;
		} else {
			text_add(&text, "%s", name);
		}
		entry += length;
		entry += strspn(entry, SEPARATORS);
	}
	if (changed && text.length + 1 < text.size)
		*environment_find(environment, ENVIRONMENT_PRELOAD) = line;
}

/* The directories of the first so many tiers: config has their absolute paths. */
static void list_directories(char **environment, const struct vmm_config *config, size_t tiers)
{
	struct text text = TEXT_INIT(vmm_exec_environment.pool_dir);
	char **variable = environment_find(environment, ENVIRONMENT_POOL_DIR);

	if (!variable || !config->tiers[0].dir[0])
		return;
	text_add(&text, ENVIRONMENT_POOL_DIR "=");
	for (size_t i = 0; i < tiers; i++) {
		/* a list has no room for a path with a colon: as it is it says more */
		if (tiers > 1 && strchr(config->tiers[i].dir, ENVIRONMENT_TIERS_SEPARATOR))
			return;
		if (i > 0)
			text_add(&text, "%c", ENVIRONMENT_TIERS_SEPARATOR);
		text_add(&text, "%s", config->tiers[i].dir);
	}
	if (text.length + 1 < text.size && strcmp(*variable, text.data) != 0)
		*variable = text.data;
}

static void keep_directory(char **environment, const struct vmm_config *config)
{
	struct vmm_exec_environment *lines = &vmm_exec_environment;
	bool has_size = config->children == ENVIRONMENT_CHILDREN_SIZE;

	list_directories(environment, config, has_size ? 1 : config->tier_count);
	make_absolute(environment, ENVIRONMENT_LOG_FILE, lines->log_file, sizeof(lines->log_file));
	make_preload_absolute(environment);
}

void vmm_exec_environment_prepare(char **environment, const struct vmm_config *config)
{
	struct text text = TEXT_INIT(vmm_exec_environment.pool_size);
	char **variable;

	keep_directory(environment, config);
	if (config->children == ENVIRONMENT_CHILDREN_OFF) {
		variable = environment_find(environment, ENVIRONMENT_PRELOAD);
		if (variable && !remove_ours(*variable + strlen(ENVIRONMENT_PRELOAD "=")))
			remove_variable(variable);
	} else if (config->children == ENVIRONMENT_CHILDREN_SIZE) {
		variable = environment_find(environment, ENVIRONMENT_POOL_SIZE);
		text_add(&text, ENVIRONMENT_POOL_SIZE "=%zu", config->children_bytes);
		if (variable)
			*variable = text.data;
		/* a class of the daemon's has a size of its own, and there are no tiers */
		remove_named(environment, ENVIRONMENT_POOL);
		remove_named(environment, ENVIRONMENT_PLACE);
	}
}
