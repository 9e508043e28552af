/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * file -- see file.h. This file knows sections and keys; ini.c knows lines, value.c and names.c know values.
 *
 * Reading goes on after a mistake. What follows from it is no mistake of its own: the lines of a section that is none
 * are passed over, and a class that has a mistake is not said to lack a key.
 */
#include "vmmallocd/config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/handout.h"
#include "common/util/cleanup.h"
#include "vmmallocd/config/ini.h"
#include "vmmallocd/config/mistakes.h"
#include "vmmallocd/config/tmpfs.h"
#include "vmmallocd/config/value.h"

#define FILE_BYTES_MOST (1024 * 1024)  /* a pool that is named by mistake is not read into memory */
#define KEYS_MOST 18
#define DAEMON(field) .offset = offsetof(struct config, field)
#define CLASS(field) .offset = offsetof(struct config_class, field)

static const struct config_key daemon_keys[] = {
	{ "log_level", config_value_log_level, DAEMON(log_level) },
	{ "workers", config_value_number, DAEMON(workers), .least = 1, .most = 64 },
	{ "runtime_dir", config_value_path, DAEMON(runtime_dir) },
	{ "state_dir", config_value_path, DAEMON(state_dir) },
	{ "punch_timeout", config_value_number, DAEMON(punch_timeout_s), .least = 1, .most = 3600 },
	{ "connections_per_user", config_value_number, DAEMON(connections_per_user), .least = 1, .most = 10000 },
	{ "max_bytes_per_user", config_value_size_or_none, DAEMON(max_bytes_per_user) },
	{ "memory_pressure_limit", config_value_share, DAEMON(memory_pressure_limit) },
	{ 0 },
};

enum { CLASS_DIRECTORY, CLASS_SIZE, CLASS_READY };

static const struct config_key class_keys[] = {
	[CLASS_DIRECTORY] = { "directory", config_value_path, CLASS(directory) },
	[CLASS_SIZE] = { "size", config_value_size, CLASS(size_bytes) },
	[CLASS_READY] = { "ready", config_value_number, CLASS(ready), .most = CONFIG_POOLS_MOST },
	{ "max", config_value_number, CLASS(max), .least = 1, .most = CONFIG_POOLS_MOST },
	{ "warm", config_value_flag, CLASS(warm) },
	{ "users", config_value_users, CLASS(users) },
	{ "groups", config_value_groups, CLASS(groups) },
	{ "max_per_user", config_value_number, CLASS(max_per_user), .most = CONFIG_POOLS_MOST },
	{ "max_per_process", config_value_number, CLASS(max_per_process), .most = CONFIG_POOLS_MOST },
	{ "recycle", config_value_recycle, CLASS(recycle) },
	{ "cold", config_value_flag, CLASS(cold) },
	{ "max_waiting", config_value_number, CLASS(max_waiting), .most = CONFIG_POOLS_MOST },
	{ "max_waiting_per_user", config_value_number, CLASS(max_waiting_per_user), .most = CONFIG_POOLS_MOST },
	{ "on_memory_pressure", config_value_on_pressure, CLASS(on_memory_pressure) },
	{ "tmpfs", config_value_size, CLASS(tmpfs_bytes) },
	{ "nodes", config_value_nodes, CLASS(nodes) },
	{ "huge", config_value_huge, CLASS(huge) },
	{ 0 },
};

_Static_assert(sizeof(daemon_keys) <= KEYS_MOST * sizeof(daemon_keys[0]), "room in daemon_lines");
_Static_assert(sizeof(class_keys) <= KEYS_MOST * sizeof(class_keys[0]), "room in class_lines");

/* One file while it is read. */
struct parser {
	struct config *config;
	const char *path;
	struct ini ini;
	const struct config_key *keys;      /* of the section that it is in; NULL before the first */
	unsigned *lines;                    /* where each of them was set; 0: nowhere */
	unsigned daemon_lines[KEYS_MOST], class_lines[KEYS_MOST];
	unsigned class_line;                /* the section's; 0 outside of classes */
	bool skipping;                      /* the lines of a section that cannot be used */
	int result;                         /* 0, or -ENOMEM: the end */
};

static struct config_class *parser_class(struct parser *p)
{
	return &p->config->classes[p->config->class_count - 1];
}

__attribute__((format(printf, 5, 0)))
static void parser_mistake_va(struct parser *p, struct config_class *class, bool closes, unsigned line,
			      const char *format, va_list args)
{
	if (p->result == 0)
		p->result = mistakes_add_at(p->config, class, closes, p->path, line, format, args);
}

/* Of `class`, which it closes; or of none, if that is NULL. */
__attribute__((format(printf, 4, 5)))
static void class_mistake(struct parser *p, struct config_class *class, unsigned line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	parser_mistake_va(p, class, true, line, format, args);
	va_end(args);
}

/* Of the class that is being read, which it does not close. */
__attribute__((format(printf, 2, 3)))
static void name_mistake(struct parser *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	parser_mistake_va(p, parser_class(p), false, p->ini.number, format, args);
	va_end(args);
}

/* Of the section that is being read, at the line that is being read. */
__attribute__((format(printf, 2, 3)))
static void parser_mistake(struct parser *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	parser_mistake_va(p, p->class_line ? parser_class(p) : NULL, true, p->ini.number, format, args);
	va_end(args);
}

/* Where the class that is being read has that key; or else where it begins. */
static unsigned class_line_of(const struct parser *p, const char *name)
{
	size_t i = 0;

	while (strcmp(class_keys[i].name, name) != 0)
		i++;
	return p->class_lines[i] ? p->class_lines[i] : p->class_line;
}

static void class_judge_tmpfs(struct parser *p, struct config_class *class)
{
	char bytes[512] = "";
	struct text words = TEXT_INIT(bytes);
	const char *key = config_tmpfs_mistake(p->config, class, &words);

	if (key)
		class_mistake(p, class, class_line_of(p, key), "%s%s", key, bytes);
}

/* What can only be judged when all keys of the class are known; and what others may rely on. */
static void class_end(struct parser *p)
{
	struct config_class *class;

	if (p->class_line == 0)
		return;
	class = parser_class(p);
	if (class->closed)
		;
	else if (!class->directory)
		class_mistake(p, class, p->class_line, "directory (none): expected one in [pool %s]", class->name);
	else if (!class->size_bytes)
		class_mistake(p, class, p->class_line, "size (none): expected one in [pool %s]", class->name);
	else if (class->ready > class->max)
		class_mistake(p, class, p->class_lines[CLASS_READY], "ready (%u): expected at most max (%u)",
			      class->ready, class->max);
	else
		class_judge_tmpfs(p, class);
	class->file_ready = class->ready;
	class->file_max = class->max;
	if (!class->directory)
		class->directory = strdup("");
	if (!class->directory)
		p->result = -ENOMEM;
	p->class_line = 0;
}

static int class_add(struct parser *p, const char *name)
{
	struct config *config = p->config;
	struct config_class *classes, *class;

	classes = reallocarray(config->classes, config->class_count + 1, sizeof(*classes));
	if (!classes)
		return -ENOMEM;
	config->classes = classes;
	class = &classes[config->class_count++];
	*class = (struct config_class){
		.ready = 1, .max = 16, .warm = true, .recycle = CONFIG_RECYCLE_SCRUB, .cold = true,
		.max_waiting = 1024, .max_waiting_per_user = 256,
	};
	class->name = strdup(name);
	if (!class->name || asprintf(&class->where, "%s:%u", p->path, p->ini.number) < 0) {
		class->where = NULL;  /* asprintf leaves anything there */
		return -ENOMEM;
	}
	return 0;
}

static void class_begin(struct parser *p, const char *name)
{
	struct config_class *other = (struct config_class *)config_find(p->config, name);

	p->skipping = true;
	if (handout_class_name_check(name) < 0) {
		parser_mistake(p, "section (pool %s): expected a name of 1 to %d letters, digits, - and _", name,
			       HANDOUT_CLASS_BYTES - 1);
	} else if (other) {
		/* which of them is meant cannot be known */
		class_mistake(p, other, p->ini.number, "section (pool %s): expected once; it is also at %s", name,
			      other->where);
	} else if (p->config->class_count == CONFIG_CLASSES_MOST) {
		parser_mistake(p, "section (pool %s): expected at most %d classes", name, CONFIG_CLASSES_MOST);
	} else if (class_add(p, name) < 0) {
		p->result = -ENOMEM;
	} else {
		p->skipping = false;
		p->class_line = p->ini.number;
		p->keys = class_keys;
		p->lines = p->class_lines;
		memset(p->class_lines, 0, sizeof(p->class_lines));
	}
}

static void section_begin(struct parser *p, const struct ini_line *line)
{
	const char *name = line->name;

	class_end(p);
	p->skipping = false;
	p->keys = NULL;
	if (line->kind == INI_SECTION && strcmp(name, "daemon") == 0) {
		p->keys = daemon_keys;
		p->lines = p->daemon_lines;
	} else if (line->kind == INI_SECTION && strncmp(name, "pool", 4) == 0 && strchr(" \t", name[4])) {
		class_begin(p, name + 4 + strspn(name + 4, " \t"));
	} else {
		p->skipping = true;
		parser_mistake(p, "section (%s): expected [daemon] or [pool NAME]", name);
	}
}

static void unknown_key(struct parser *p, const char *name, const char *value)
{
	char words[256] = "";
	struct text keys = TEXT_INIT(words);

	for (const struct config_key *key = p->keys; key->name; key++)
		text_add(&keys, "%s %s", key == p->keys ? "" : ",", key->name);
	parser_mistake(p, "%s (%s): expected one of%s", name, value, words);
}

static void parser_set_key(struct parser *p, const struct config_key *key, const char *value)
{
	char words[512] = "";
	struct text expected = TEXT_INIT(words);
	void *target = p->class_line ? (void *)parser_class(p) : (void *)p->config;
	struct config_key asked = *key;
	int r;

	asked.names_unasked = p->config->names_unasked;
	r = key->read(&asked, value, (char *)target + key->offset, &expected);

	p->lines[key - p->keys] = p->ini.number;
	if (r == -ENOMEM) {
		p->result = -ENOMEM;
	} else if (r == -ENOENT) {
		p->config->names_missing = parser_class(p)->names_missing = true;
		name_mistake(p, "%s (%s): expected %s", key->name, value, words);
	} else if (r < 0) {
		parser_mistake(p, "%s (%s): expected %s", key->name, value, words);
	}
}

static void parser_set(struct parser *p, const char *name, const char *value)
{
	const struct config_key *key = p->keys;

	if (!key) {
		parser_mistake(p, "%s (%s): expected [daemon] or [pool NAME] before it", name, value);
		return;
	}
	while (key->name && strcmp(key->name, name) != 0)
		key++;
	if (!key->name)
		unknown_key(p, name, value);
	else if (p->lines[key - p->keys])
		parser_mistake(p, "%s (%s): expected once; it is also at line %u", name, value,
			       p->lines[key - p->keys]);
	else
		parser_set_key(p, key, value);
}

static void parser_line(struct parser *p, const struct ini_line *line)
{
	switch (line->kind) {
	case INI_NOTHING:
		break;
	case INI_NO_TEXT:
		parser_mistake(p, "expected text in UTF-8 without control characters");
		break;
	case INI_SECTION:
	case INI_NO_SECTION:
		section_begin(p, line);
		break;
	case INI_TOO_LONG:
		if (!p->skipping)
			parser_mistake(p, "expected at most %d bytes in a line, and there are %zu",
				       INI_LINE_BYTES_MOST, line->bytes);
		break;
	case INI_NO_KEY:
		if (!p->skipping)
			parser_mistake(p, "expected KEY = VALUE, a [section] or a comment");
		break;
	case INI_KEY:
		if (!p->skipping)
			parser_set(p, line->name, line->value);
		break;
	}
}

/* Nobody knows what else the file says, of the class or besides. */
static void parser_cut_off(struct parser *p, int error)
{
	parser_mistake(p, "cannot be read: %s", strerrordesc_np(-error));
	if (p->result == 0)
		mistakes_concern_all(p->config);
}

static void parser_run(struct parser *p)
{
	struct ini_line line;
	int r = 1;

	while (r > 0 && p->result == 0) {
		r = ini_next(&p->ini, &line);
		if (r > 0)
			parser_line(p, &line);
		else if (r < 0)
			parser_cut_off(p, r);
	}
	if (p->result == 0)
		class_end(p);
}

/* A stream or NULL, and then what is wrong is noted, or *ret_result is -ENOMEM. */
static FILE *open_regular(const char *path, struct config *config, int *ret_result)
{
	/* O_NONBLOCK: a FIFO would make us wait for somebody to write */
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	FILE *stream = NULL;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MOST)) {
		*ret_result = mistakes_add(config, "%s: expected a regular file of at most 1 MiB", path);
		return NULL;
	}
	if (fd >= 0)
		stream = fdopen(fd, "r");
	if (stream)
		fd = -1;
	else if (errno == ENOMEM)
		*ret_result = -ENOMEM;
	else
		*ret_result = mistakes_add(config, "%s: cannot be read: %s", path, strerrordesc_np(errno));
	return stream;
}

int config_file_read(const char *path, struct config *config)
{
	struct parser p = { .config = config, .path = path };

	p.ini.stream = open_regular(path, config, &p.result);
	if (!p.ini.stream)
		return p.result;
	parser_run(&p);
	ini_done(&p.ini);
	fclose(p.ini.stream);
	return p.result;
}
