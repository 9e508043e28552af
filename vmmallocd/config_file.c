/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config_file -- see config_file.h. This file knows sections and keys; config_value.c and config_names.c know values.
 *
 * inih splits a line into key and value, and knows inline comments. What it would do in silence is done here, in the
 * function that hands it the lines: it cuts long lines and section names, never mentions a section without keys, takes
 * an indented line for more of the value before, and does not say which line a key stands on.
 */
#include "vmmallocd/config_file.h"

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
#include "vmmallocd/config_value.h"

#define FILE_BYTES_MOST (1024 * 1024)  /* a pool that is named by mistake is not read into memory */
#define KEYS_MOST 10
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
	int result;
	struct text *error;
	size_t error_start;
};

static struct config_class *parser_class(struct parser *p)
{
	return &p->config->classes[p->config->class_count - 1];
}

/* Every error ends the parsing, so there is one at most. */
__attribute__((format(printf, 4, 5)))
static int parser_fail(struct parser *p, int result, unsigned line, const char *format, ...)
{
	va_list args;

	text_add(p->error, "%s:%u: ", p->path, line);
	va_start(args, format);
	text_add_va(p->error, format, args);
	va_end(args);
	p->result = result;
	return result;
}

static int parser_out_of_memory(struct parser *p)
{
	return parser_fail(p, -ENOMEM, p->number, "out of memory");
}

/* What can only be judged when all keys of the class are known. */
static void class_end(struct parser *p)
{
	const struct config_class *class;

	if (p->class_line == 0)
		return;
	class = parser_class(p);
	if (!class->directory)
		parser_fail(p, -EINVAL, p->class_line, "directory (none): expected one in [pool %s]", class->name);
	else if (!class->size_bytes)
		parser_fail(p, -EINVAL, p->class_line, "size (none): expected one in [pool %s]", class->name);
	else if (class->ready > class->max)
		parser_fail(p, -EINVAL, p->class_lines[CLASS_READY], "ready (%u): expected at most max (%u)",
			    class->ready, class->max);
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

static int class_begin(struct parser *p, const char *name)
{
	const struct config_class *other = config_find(p->config, name);

	if (handout_class_name_check(name) < 0)
		return parser_fail(p, -EINVAL, p->number,
				   "section (pool %s): expected a name of 1 to %d letters, digits, - and _", name,
				   HANDOUT_CLASS_BYTES - 1);
	if (other)
		return parser_fail(p, -EINVAL, p->number, "section (pool %s): expected once; it is also at %s", name,
				   other->where);
	if (p->config->class_count == CONFIG_CLASSES_MOST)
		return parser_fail(p, -EINVAL, p->number, "section (pool %s): expected at most %d classes", name,
				   CONFIG_CLASSES_MOST);
	if (class_add(p, name) < 0)
		return parser_out_of_memory(p);
	p->class_line = p->number;
	p->keys = class_keys;
	p->lines = p->class_lines;
	memset(p->class_lines, 0, sizeof(p->class_lines));
	return 0;
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
static int section_begin(struct parser *p, char *line)
{
	size_t inside = strcspn(line + 1, "]");
	char *end = line + 1 + inside, *name;

	class_end(p);
	if (p->result < 0)
		return p->result;
	if (*end != ']' || !strchr(";#", *strip(end + 1)))
		return parser_fail(p, -EINVAL, p->number, "section (%s): expected [daemon] or [pool NAME]", line);
	*end = '\0';
	name = strip(line + 1);
	if (strcmp(name, "daemon") == 0) {
		p->keys = daemon_keys;
		p->lines = p->daemon_lines;
		return 0;
	}
	if (strncmp(name, "pool", 4) == 0 && strchr(" \t", name[4]))
		return class_begin(p, name + 4 + strspn(name + 4, " \t"));
	return parser_fail(p, -EINVAL, p->number, "section (%s): expected [daemon] or [pool NAME]", name);
}

/* The next line without its white space; NULL at the end, or after an error. */
static char *parser_next(struct parser *p)
{
	ssize_t length;
	size_t text_length;
	char *line;

	if (p->result < 0)
		return NULL;
	length = getline(&p->line, &p->line_bytes, p->stream);
	if (length < 0) {
		if (!feof(p->stream))
			parser_fail(p, -errno, p->number + 1, "cannot be read: %s", strerrordesc_np(errno));
		return NULL;
	}
	p->number++;
	text_length = (size_t)length;
	while (text_length && strchr("\r\n", p->line[text_length - 1]) && p->line[text_length - 1])
		text_length--;
	if (!config_value_is_text(p->line, text_length)) {
		parser_fail(p, -EINVAL, p->number, "expected text in UTF-8 without control characters");
		return NULL;
	}
	line = p->line;
	if (p->number == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3;
	return strip(line);
}

/* inih's reader, in the place of fgets. Comments may be as long as they like, and sections are done with here. */
static char *parser_read(char *buffer, int bytes, void *stream)
{
	struct parser *p = stream;
	char *line = parser_next(p);
	size_t length;

	if (!line)
		return NULL;
	if (*line == '[' && section_begin(p, line) < 0)
		return NULL;
	if (strchr("[;#", *line))
		line += strlen(line);
	length = strlen(line);
	if (length + sizeof("\n") > (size_t)bytes) {
		parser_fail(p, -EINVAL, p->number, "expected at most %zu bytes in a line, and there are %zu",
			    (size_t)bytes - sizeof("\n"), length);
		return NULL;
	}
	memcpy(buffer, line, length);
	memcpy(buffer + length, "\n", sizeof("\n"));
	return buffer;
}

static int fail_unknown_key(struct parser *p, const char *name, const char *value)
{
	parser_fail(p, -EINVAL, p->number, "%s (%s): expected one of", name, value);
	for (const struct config_key *key = p->keys; key->name; key++)
		text_add(p->error, "%s %s", key == p->keys ? "" : ",", key->name);
	return p->result;
}

static int parser_set(struct parser *p, const char *name, const char *value)
{
	char words[256] = "";
	struct text expected = TEXT_INIT(words);
	const struct config_key *key = p->keys;
	void *target;
	int r;

	if (!key)
		return parser_fail(p, -EINVAL, p->number, "%s (%s): expected [daemon] or [pool NAME] before it", name,
				   value);
	while (key->name && strcmp(key->name, name) != 0)
		key++;
	if (!key->name)
		return fail_unknown_key(p, name, value);
	if (p->lines[key - p->keys])
		return parser_fail(p, -EINVAL, p->number, "%s (%s): expected once; it is also at line %u", name, value,
				   p->lines[key - p->keys]);
	target = p->class_line ? (void *)parser_class(p) : (void *)p->config;
	r = key->read(key, value, (char *)target + key->offset, &expected);
	if (r == -ENOMEM)
		return parser_out_of_memory(p);
	if (r < 0)
		return parser_fail(p, r, p->number, "%s (%s): expected %s", name, value, words);
	p->lines[key - p->keys] = p->number;
	return 0;
}

/* inih's handler: not 0 is success. */
static int parser_handle(void *user, const char *section, const char *name, const char *value)
{
	(void)section;
	return parser_set(user, name, value) == 0;
}

static int parser_run(struct parser *p)
{
	int bad_line = ini_parse_stream(parser_read, p, parser_handle, p);

	/* inih goes on after a line that it cannot make sense of, and says at the end which was the first */
	if (bad_line > 0 && (p->result == 0 || (unsigned)bad_line < p->number)) {
		p->error->length = p->error_start;
		return parser_fail(p, -EINVAL, (unsigned)bad_line, "expected KEY = VALUE, a [section] or a comment");
	}
	if (bad_line < 0)
		return parser_out_of_memory(p);
	if (p->result == 0)
		class_end(p);
	return p->result;
}

int config_file_fail(const char *path, int r, struct text *error)
{
	text_add(error, "%s: cannot be read: %s", path, strerrordesc_np(-r));
	return r;
}

static int file_open(const char *path, FILE **ret_stream, struct text *error)
{
	/* O_NONBLOCK: a FIFO would make us wait for somebody to write */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int r = fd < 0 ? -errno : 0;
	FILE *stream = NULL;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MOST)) {
		text_add(error, "%s: expected a regular file of at most 1 MiB", path);
		close(fd);
		return -EINVAL;
	}
	if (fd >= 0)
		stream = fdopen(fd, "r");
	if (!stream) {
		r = fd >= 0 ? -errno : r;
		if (fd >= 0)
			close(fd);
		return config_file_fail(path, r, error);
	}
	*ret_stream = stream;
	return 0;
}

int config_file_read(const char *path, struct config *config, struct text *error)
{
	struct parser p = { .config = config, .path = path, .error = error, .error_start = error->length };
	int r = file_open(path, &p.stream, error);

	if (r < 0)
		return r;
	r = parser_run(&p);
	fclose(p.stream);
	free(p.line);
	return r;
}
