/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * file -- see file.h. This file knows sections and keys; config_value.c and names.c know values.
 *
 * inih splits a line into key and value, and knows inline comments. What it would do in silence is done here, in the
 * function that hands it the lines: it cuts long lines and section names, never mentions a section without keys, takes
 * an indented line for more of the value before, does not say which line a key stands on, and of lines that it cannot
 * make sense of it tells the first only.
 *
 * Reading goes on after a mistake. What follows from it is none of its own: the keys of a section that is no section
 * are passed over, and a class that has a mistake is not said to lack a key.
 */
#include "vmmallocd/config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/handout.h"
#include "vmmallocd/config/value.h"

#define FILE_BYTES_MOST (1024 * 1024)  /* a pool that is named by mistake is not read into memory */
#define KEYS_MOST 10
#define MISTAKE_BYTES 1024             /* with a path; a longer one is cut off */
#define DAEMON(field) offsetof(struct config, field)
#define CLASS(field) offsetof(struct config_class, field)

static const struct config_key daemon_keys[] = {
	{ "log_level", config_value_log_level, DAEMON(log_level), 0, 0 },
	{ "workers", config_value_number, DAEMON(workers), 1, 64 },
	{ "runtime_dir", config_value_path, DAEMON(runtime_dir), 0, 0 },
	{ "state_dir", config_value_path, DAEMON(state_dir), 0, 0 },
	{ "punch_timeout", config_value_number, DAEMON(punch_timeout_s), 1, 3600 },
	{ "connections_per_user", config_value_number, DAEMON(connections_per_user), 1, 10000 },
	{ 0 },
};

enum { CLASS_DIRECTORY, CLASS_SIZE, CLASS_READY };

static const struct config_key class_keys[] = {
	[CLASS_DIRECTORY] = { "directory", config_value_path, CLASS(directory), 0, 0 },
	[CLASS_SIZE] = { "size", config_value_size, CLASS(size_bytes), 0, 0 },
	[CLASS_READY] = { "ready", config_value_number, CLASS(ready), 0, CONFIG_POOLS_MOST },
	{ "max", config_value_number, CLASS(max), 1, CONFIG_POOLS_MOST },
	{ "warm", config_value_flag, CLASS(warm), 0, 0 },
	{ "users", config_value_users, CLASS(users), 0, 0 },
	{ "groups", config_value_groups, CLASS(groups), 0, 0 },
	{ "max_per_user", config_value_number, CLASS(max_per_user), 0, CONFIG_POOLS_MOST },
	{ "recycle", config_value_recycle, CLASS(recycle), 0, 0 },
	{ 0 },
};

_Static_assert(sizeof(daemon_keys) <= KEYS_MOST * sizeof(daemon_keys[0]), "room in daemon_lines");
_Static_assert(sizeof(class_keys) <= KEYS_MOST * sizeof(class_keys[0]), "room in class_lines");

/* One file while it is read. */
struct parser {
	struct config *config;
	const char *path;
	FILE *stream;
	char *line;                         /* getline's */
	size_t line_bytes;
	unsigned number;                    /* of that line */
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

static int mistake_note(struct config *config, const char *words)
{
	char **mistakes = reallocarray(config->mistakes, config->mistake_count + 1, sizeof(*mistakes));

	if (!mistakes)
		return -ENOMEM;
	config->mistakes = mistakes;
	mistakes[config->mistake_count] = strdup(words);
	return mistakes[config->mistake_count] && ++config->mistake_count ? 0 : -ENOMEM;
}

static int mistake_of_class(struct config *config, struct config_class *class, bool closes, const char *words)
{
	if (!class->problem || (closes && !class->closed)) {
		free(class->problem);
		class->problem = strdup(words);
	}
	class->closed |= closes;
	return class->problem ? mistake_note(config, words) : -ENOMEM;
}

static int mistake_of_all(struct config *config, const char *words)
{
	int r = mistake_note(config, words);

	if (r == 0 && !config->problem)
		config->problem = config->mistakes[config->mistake_count - 1];
	return r;
}

int config_file_mistake(struct config *config, const char *format, ...)
{
	char words[MISTAKE_BYTES] = "";
	struct text text = TEXT_INIT(words);
	va_list args;

	va_start(args, format);
	text_add_va(&text, format, args);
	va_end(args);
	return mistake_of_all(config, words);
}

__attribute__((format(printf, 5, 0)))
static void parser_mistake_va(struct parser *p, struct config_class *class, bool closes, unsigned line,
			      const char *format, va_list args)
{
	char words[MISTAKE_BYTES] = "";
	struct text text = TEXT_INIT(words);

	text_add(&text, "%s:%u: ", p->path, line);
	text_add_va(&text, format, args);
	if (p->result == 0 && class)
		p->result = mistake_of_class(p->config, class, closes, words);
	else if (p->result == 0)
		p->result = mistake_of_all(p->config, words);
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
	parser_mistake_va(p, parser_class(p), false, p->number, format, args);
	va_end(args);
}

/* Of the section that is being read, at the line that is being read. */
__attribute__((format(printf, 2, 3)))
static void parser_mistake(struct parser *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	parser_mistake_va(p, p->class_line ? parser_class(p) : NULL, true, p->number, format, args);
	va_end(args);
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
	*class = (struct config_class){ .ready = 1, .max = 16, .warm = true, .recycle = CONFIG_RECYCLE_SCRUB };
	class->name = strdup(name);
	if (!class->name || asprintf(&class->where, "%s:%u", p->path, p->number) < 0) {
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
		class_mistake(p, other, p->number, "section (pool %s): expected once; it is also at %s", name,
			      other->where);
	} else if (p->config->class_count == CONFIG_CLASSES_MOST) {
		parser_mistake(p, "section (pool %s): expected at most %d classes", name, CONFIG_CLASSES_MOST);
	} else if (class_add(p, name) < 0) {
		p->result = -ENOMEM;
	} else {
		p->skipping = false;
		p->class_line = p->number;
		p->keys = class_keys;
		p->lines = p->class_lines;
		memset(p->class_lines, 0, sizeof(p->class_lines));
	}
}

static char *strip(char *string)
{
	char *end;

	string += strspn(string, " \t\r\n");
	end = string + strlen(string);
	while (end > string && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	return string;
}

/* `line` is stripped, and begins with a bracket. */
static void section_begin(struct parser *p, char *line)
{
	size_t inside = strcspn(line + 1, "]");
	char *end = line + 1 + inside, *name;

	class_end(p);
	p->skipping = false;
	p->keys = NULL;
	if (*end != ']' || !strchr(";#", *strip(end + 1))) {
		p->skipping = true;
		parser_mistake(p, "section (%s): expected [daemon] or [pool NAME]", line);
		return;
	}
	*end = '\0';
	name = strip(line + 1);
	if (strcmp(name, "daemon") == 0) {
		p->keys = daemon_keys;
		p->lines = p->daemon_lines;
	} else if (strncmp(name, "pool", 4) == 0 && strchr(" \t", name[4])) {
		class_begin(p, name + 4 + strspn(name + 4, " \t"));
	} else {
		p->skipping = true;
		parser_mistake(p, "section (%s): expected [daemon] or [pool NAME]", name);
	}
}

/* Nobody knows what else the file says: of the class, and besides. */
static void cut_off(struct parser *p, int error)
{
	parser_mistake(p, "cannot be read: %s", strerrordesc_np(error));
	if (p->result == 0 && !p->config->problem)
		p->config->problem = p->config->mistakes[p->config->mistake_count - 1];
}

/* The next line without its white space, and nothing of one that is no text; NULL at the end. */
static char *parser_next(struct parser *p)
{
	ssize_t length;
	size_t text_length;
	char *line;

	if (p->result < 0)
		return NULL;
	errno = 0;
	length = getline(&p->line, &p->line_bytes, p->stream);
	if (length < 0) {
		int error = errno;

		p->number++;
		if (!feof(p->stream))
			cut_off(p, error);
		return NULL;
	}
	p->number++;
	text_length = (size_t)length;
	while (text_length && strchr("\r\n", p->line[text_length - 1]) && p->line[text_length - 1])
		text_length--;
	line = p->line;
	if (!config_value_is_text(line, text_length)) {
		parser_mistake(p, "expected text in UTF-8 without control characters");
		*line = '\0';
	}
	if (p->number == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3;
	return strip(line);
}

/* Whether inih finds a key in the line: an = or : before a comment. */
static bool has_key(const char *line)
{
	for (const char *c = line; *c; c++) {
		if (*c == '=' || *c == ':')
			return true;
		if (*c == ';' && c > line && strchr(" \t", c[-1]))
			return false;
	}
	return false;
}

/* What is left for inih of a line, after what is done with it here. */
static const char *parser_line(struct parser *p, char *line, size_t most)
{
	size_t length = strlen(line);

	if (*line == '[')
		section_begin(p, line);
	if (*line == '\0' || strchr("[;#", *line) || p->skipping)
		return "";
	if (length > most)
		parser_mistake(p, "expected at most %zu bytes in a line, and there are %zu", most, length);
	else if (has_key(line))
		return line;
	else
		parser_mistake(p, "expected KEY = VALUE, a [section] or a comment");
	return "";
}

/* inih's reader, in the place of fgets. Comments may be as long as they like, and sections are done with here. */
static char *parser_read(char *buffer, int bytes, void *stream)
{
	struct parser *p = stream;
	char *line = parser_next(p);

	if (!line)
		return NULL;
	(void)snprintf(buffer, (size_t)bytes, "%s\n", parser_line(p, line, (size_t)bytes - sizeof("\n")));
	return buffer;
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
	int r = key->read(key, value, (char *)target + key->offset, &expected);

	p->lines[key - p->keys] = p->number;
	if (r == -ENOMEM) {
		p->result = -ENOMEM;
	} else if (r == -ENOENT) {
		p->config->names_missing = true;
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

/* inih's handler: not 0 is success. What is wrong was said. */
static int parser_handle(void *user, const char *section, const char *name, const char *value)
{
	struct parser *p = user;

	(void)section;
	if (p->result == 0)
		parser_set(p, name, value);
	return 1;
}

static int parser_run(struct parser *p)
{
	int bad_line = ini_parse_stream(parser_read, p, parser_handle, p);

	if (bad_line < 0)
		p->result = -ENOMEM;
	else if (bad_line > 0)
		p->result = config_file_mistake(p->config, "%s:%d: expected KEY = VALUE, a [section] or a comment",
						p->path, bad_line);
	if (p->result == 0)
		class_end(p);
	return p->result;
}

/* A stream or NULL, and then what is wrong is noted, or *ret_result is -ENOMEM. */
static FILE *file_open(const char *path, struct config *config, int *ret_result)
{
	/* O_NONBLOCK: a FIFO would make us wait for somebody to write */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	FILE *stream = NULL;
	struct stat st;
	int error;

	if (fd >= 0 && fstat(fd, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MOST)) {
		close(fd);
		*ret_result = config_file_mistake(config, "%s: expected a regular file of at most 1 MiB", path);
		return NULL;
	}
	if (fd >= 0)
		stream = fdopen(fd, "r");
	if (stream)
		return stream;
	error = errno;
	if (fd >= 0)
		close(fd);
	*ret_result = -ENOMEM;
	if (error != ENOMEM)
		*ret_result = config_file_mistake(config, "%s: cannot be read: %s", path, strerrordesc_np(error));
	return NULL;
}

int config_file_read(const char *path, struct config *config)
{
	struct parser p = { .config = config, .path = path };

	p.stream = file_open(path, config, &p.result);
	if (!p.stream)
		return p.result;
	(void)parser_run(&p);
	fclose(p.stream);
	free(p.line);
	return p.result;
}
