/* SPDX-License-Identifier: BSD-3-Clause */
/* nodes -- NUMA nodes of a class's tmpfs: a list as 2,3 or 0-3, which mount(8) takes without commas where it can be. */
#include "vmmallocd/config/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmmallocd/config/ini.h"

#define NODES_MOST 1024        /* of any kernel */
#define NODES_WITH_MEMORY "/sys/devices/system/node/has_memory"

struct nodes {
	bool has[NODES_MOST];
};

static bool read_node(char *word, unsigned *ret_node)
{
	unsigned node = 0;

	if (!*word || strspn(word, "0123456789") != strlen(word))
		return false;
	for (const char *s = word; *s; s++) {
		node = node * 10 + (unsigned)(*s - '0');
		if (node >= NODES_MOST)
			return false;
	}
	*ret_node = node;
	return true;
}

/* "2" or "0-3" */
static bool read_range(char *word, struct nodes *nodes)
{
	char *last_word = strchr(word, '-');
	unsigned first, last;

	if (last_word)
		*last_word++ = '\0';
	if (!read_node(word, &first) || !read_node(last_word ? last_word : word, &last) || last < first)
		return false;
	while (first <= last)
		nodes->has[first++] = true;
	return true;
}

/* False: it is no list. Cuts it up. */
static bool read_nodes(char *list, struct nodes *nodes)
{
	*nodes = (struct nodes){ 0 };
	while (list)
		if (!read_range(ini_strip(strsep(&list, ",")), nodes))
			return false;
	return true;
}

/* As the kernel writes such lists. */
static void write_nodes(const struct nodes *nodes, struct text *text)
{
	const char *comma = "";

	for (unsigned first = 0, last; first < NODES_MOST; first = last + 1) {
		last = first;
		if (!nodes->has[first])
			continue;
		while (last + 1 < NODES_MOST && nodes->has[last + 1])
			last++;
		text_add(text, "%s%u", comma, first);
		comma = ",";
		if (last > first)
			text_add(text, "-%u", last);
	}
}

/* False: this kernel does not say, or there is no /sys. */
static bool find_nodes_with_memory(struct nodes *nodes)
{
	char line[4096];
	FILE *stream = fopen(NODES_WITH_MEMORY, "re");
	bool is_read = stream && fgets(line, sizeof(line), stream) && read_nodes(ini_strip(line), nodes);

	if (stream)
		fclose(stream);
	return is_read;
}

static bool has_all(const struct nodes *nodes, const struct nodes *others)
{
	for (unsigned node = 0; node < NODES_MOST; node++)
		if (others->has[node] && !nodes->has[node])
			return false;
	return true;
}

int config_value_nodes(const struct config_key *key, const char *value, void *field, struct text *expected)
{
	char words[INI_LINE_BYTES_MOST + 1];
	struct text text = TEXT_INIT(words);
	struct nodes nodes, there;
	bool is_list;
	int r;

	(void)key;
	text_add(&text, "%s", value);
	is_list = read_nodes(words, &nodes);
	text = (struct text)TEXT_INIT(words);
	write_nodes(&nodes, &text);
	if (!is_list) {
		text_add(expected, "numbers of NUMA nodes, as 2,3 or 0-3");
		return -EINVAL;
	}
	r = config_value_set_text(field, words);
	if (r < 0)
		return r;
	if (!find_nodes_with_memory(&there) || has_all(&there, &nodes))
		return 0;
	text_add(expected, "nodes that have memory, which are ");
	write_nodes(&there, expected);
	return -ENOENT;
}
