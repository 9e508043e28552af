/* SPDX-License-Identifier: BSD-3-Clause */
/* children -- see children.h. */
#include "libvmmalloc/children.h"

#include <string.h>

#define PRELOAD "LD_PRELOAD="
#define OUR_NAME "libvmmalloc.so"
#define SEPARATORS " :"  /* ld.so(8) */

static char **find(char **environment, const char *prefix)
{
	for (; environment && *environment; environment++)
		if (strncmp(*environment, prefix, strlen(prefix)) == 0)
			return environment;
	return NULL;
}

/* Whether the entry [entry, entry + length) is this library, by the last part of its path: libvmmalloc.so[.N...] */
static bool is_ours(const char *entry, size_t length)
{
	const char *name = entry + length;

	while (name > entry && name[-1] != '/')
		name--;
	length -= (size_t)(name - entry);
	return length >= strlen(OUR_NAME) && strncmp(name, OUR_NAME, strlen(OUR_NAME)) == 0 &&
	       (length == strlen(OUR_NAME) || name[strlen(OUR_NAME)] == '.');
}

/* Shortens the list in place. True if something is left of it. */
static bool remove_ours(char *list)
{
	char *to = list;

	for (const char *entry = list + strspn(list, SEPARATORS); *entry;) {
		size_t length = strcspn(entry, SEPARATORS);
		const char *next = entry + length + strspn(entry + length, SEPARATORS);

		if (!is_ours(entry, length)) {
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

void vmm_children_prepare(char **environment, const struct vmm_config *config)
{
	static char size[64];
	struct text text = TEXT_INIT(size);
	char **variable;

	if (config->children == CONFIG_CHILDREN_OFF) {
		variable = find(environment, PRELOAD);
		if (variable && !remove_ours(*variable + strlen(PRELOAD)))
			remove_variable(variable);
	} else if (config->children == CONFIG_CHILDREN_SIZE) {
		variable = find(environment, CONFIG_POOL_SIZE "=");
		text_add(&text, CONFIG_POOL_SIZE "=%zu", config->children_bytes);
		if (variable)
			*variable = size;
		/* a class of the daemon's has a size of its own */
		variable = find(environment, CONFIG_POOL "=");
		if (variable)
			remove_variable(variable);
	}
}
