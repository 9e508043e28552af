/* SPDX-License-Identifier: BSD-3-Clause */
/* tmpfs -- see tmpfs.h. */
#include "vmmallocd/config/tmpfs.h"

#include <string.h>

static void add_tmpfs_size(struct text *text, uint64_t bytes)
{
	static const char units[] = "KMGT";
	const char *unit = units;

	for (; *unit && bytes && bytes % 1024 == 0; unit++)
		bytes /= 1024;
	text_add(text, "%llu", (unsigned long long)bytes);
	if (unit > units)
		text_add(text, "%c", unit[-1]);
}

/* All that goes to mount(8), or "none": two classes of one directory have to say the same. */
static void describe(const struct config_class *class, struct text *text)
{
	if (class->tmpfs_bytes)
		add_tmpfs_size(text, class->tmpfs_bytes);
	else
		text_add(text, "none");
	if (class->nodes)
		text_add(text, ", nodes %s", class->nodes);
	if (class->huge)
		text_add(text, ", huge %s", class->huge);
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool differs(const struct config_class *a, const struct config_class *b)
{
	return a->tmpfs_bytes != b->tmpfs_bytes || !same(a->nodes, b->nodes) || !same(a->huge, b->huge);
}

static const struct config_class *find_other(const struct config *config, const struct config_class *class)
{
	for (const struct config_class *other = config->classes; other < class; other++)
		if (!other->closed && strcmp(other->directory, class->directory) == 0 && differs(other, class))
			return other;
	return NULL;
}

static bool is_too_small(const struct config_class *class, uint64_t *ret_needed)
{
	if (__builtin_mul_overflow(class->size_bytes, (uint64_t)class->ready, ret_needed))
		*ret_needed = UINT64_MAX;
	return class->tmpfs_bytes && class->tmpfs_bytes < *ret_needed;
}

const char *config_tmpfs_mistake(const struct config *config, const struct config_class *class, struct text *words)
{
	const struct config_class *other = find_other(config, class);
	uint64_t needed;

	if (!class->tmpfs_bytes && (class->nodes || class->huge)) {
		text_add(words, " (%s): expected tmpfs beside it: it says how that is mounted",
			 class->nodes ? class->nodes : class->huge);
		return class->nodes ? "nodes" : "huge";
	}
	text_add(words, " (");
	describe(class, words);
	text_add(words, "): expected ");
	if (other) {
		describe(other, words);
		text_add(words, ", as [pool %s] has for the same directory", other->name);
		return "tmpfs";
	}
	if (class->tmpfs_bytes && strcmp(class->directory, "/") == 0) {
		text_add(words, "another directory than /");
		return "tmpfs";
	}
	if (is_too_small(class, &needed)) {
		text_add(words, "room for the ready pools: %u of ", class->ready);
		add_tmpfs_size(words, class->size_bytes);
		return "tmpfs";
	}
	return NULL;
}

void config_tmpfs_options(const struct config_class *class, struct text *options)
{
	if (!class->tmpfs_bytes)
		return;
	text_add(options, "size=");
	add_tmpfs_size(options, class->tmpfs_bytes);
	/* no noexec: a program may make its heap executable, as it may in /dev/shm; files here are never run */
	text_add(options, ",mode=0755,nosuid,nodev");
	if (class->nodes)
		text_add(options, ",mpol=bind:%s", class->nodes);
	if (class->huge)
		text_add(options, ",huge=%s", class->huge);
}
