/* SPDX-License-Identifier: BSD-3-Clause */
/* proc_text -- see proc_text.h. */
#include "vmmallocd/ctl/proc_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/printable.h"

#define KERNEL_THREAD 0x00200000   /* PF_KTHREAD of the kernel's, in the flags of stat */

/* The kernel writes a newline as "\\012", and a backslash as it is: it may have been those four characters. */
static void undo_newlines(char *path)
{
	char *to = path;

	while (*path) {
		bool is_newline = strncmp(path, "\\012", 4) == 0;

		*to++ = is_newline ? '\n' : *path;
		path += is_newline ? 4 : 1;
	}
	*to = '\0';
}

/* The path is all that follows: spaces in it are its own. */
bool proc_text_mapping(char *line, struct proc_mapping *ret_mapping)
{
	struct proc_mapping mapping;
	char permissions[5];
	int length = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*x:%*x %" SCNu64 "%n", &mapping.start,
		   &mapping.end, permissions, &mapping.offset, &mapping.inode, &length) != 5 ||
	    strlen(permissions) != 4 || mapping.start >= mapping.end)
		return false;
	mapping.is_private = permissions[3] == 'p';
	line += length;
	line += strspn(line, " ");
	undo_newlines(line);
	mapping.path = line;
	*ret_mapping = mapping;
	return true;
}

/* pid (command) state ...: the command may have anything in it, and nothing behind it has a parenthesis. */
bool proc_text_stat(const char *text, struct proc_stat *ret_stat)
{
	const char *begin = strchr(text, '('), *end = strrchr(text, ')');
	struct proc_stat stat = { 0 };
	unsigned flags;
	size_t bytes;
	char state;

	/* state ppid pgrp session tty tpgid FLAGS, then 12 to the start */
	if (!begin || !end || end < begin ||
	    sscanf(end + 1, " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
		   &state, &flags, &stat.start) != 3)
		return false;
	bytes = (size_t)(end - begin);
	if (bytes > sizeof(stat.command))
		bytes = sizeof(stat.command);
	memcpy(stat.command, begin + 1, bytes - 1);
	printable_tidy(stat.command, sizeof(stat.command));
	stat.has_ended = state == 'Z' || state == 'X' || state == 'x';
	stat.is_kernel = (flags & KERNEL_THREAD) != 0;
	*ret_stat = stat;
	return true;
}

/* What follows this word at the beginning of a line. A name in the first line has its newlines escaped. */
static const char *find_field(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at ? at + strlen(word) : NULL;
}

bool proc_text_status(const char *text, uid_t *ret_uid, pid_t *ret_inner)
{
	const char *uids = find_field(text, "\nUid:\t"), *inner = find_field(text, "\nNSpid:\t");
	char *end = NULL;
	uid_t uid;
	long pid = *ret_inner;

	if (!uids || sscanf(uids, "%*u %u", &uid) != 1)
		return false;
	for (; inner; inner = *end == '\t' ? end : NULL) {
		pid = strtol(inner, &end, 10);
		if (end == inner || pid < 1 || pid > INT_MAX)
			return false;
	}
	*ret_uid = uid;
	*ret_inner = (pid_t)pid;
	return true;
}

static const char *after_digits(const char *text, bool hex, size_t *ret_count)
{
	const char *begin = text;

	while (hex ? isxdigit((unsigned char)*text) : isdigit((unsigned char)*text))
		text++;
	*ret_count = (size_t)(text - begin);
	return text;
}

/* As the library makes one: in a directory (#INODE), or by a name that is gone (vmmalloc.PID.RANDOM). */
static enum proc_path judge_deleted(const char *name)
{
	static const char deleted[] = " (deleted)";
	size_t digits, hex;

	if (name[0] == '#') {
		name = after_digits(name + 1, false, &digits);
		return digits > 0 && strcmp(name, deleted) == 0 ? PROC_PATH_MAYBE : PROC_PATH_OTHER;
	}
	if (strncmp(name, "vmmalloc.", 9) != 0)
		return PROC_PATH_OTHER;
	name = after_digits(name + 9, false, &digits);
	if (digits == 0 || *name != '.')
		return PROC_PATH_OTHER;
	name = after_digits(name + 1, true, &hex);
	return hex > 0 && strcmp(name, deleted) == 0 ? PROC_PATH_POOL : PROC_PATH_OTHER;
}

/* vmmalloc-<32 hex digits>.<mark>, which may be deleted by now. */
static bool is_of_daemon(const char *name)
{
	size_t hex;

	if (strncmp(name, "vmmalloc-", 9) != 0)
		return false;
	name = after_digits(name + 9, true, &hex);
	return hex == 32 && *name == '.';
}

enum proc_path proc_text_path(const char *path)
{
	const char *name = strrchr(path, '/');

	if (!name)
		return PROC_PATH_OTHER;
	name++;
	if (is_of_daemon(name))
		return PROC_PATH_POOL;
	if (strncmp(name, "libvmmalloc.so", 14) == 0)
		return PROC_PATH_LIBRARY;
	return judge_deleted(name);
}

bool proc_text_pid(const char *text, pid_t *ret_pid)
{
	size_t digits;
	long pid;

	if (*after_digits(text, false, &digits) != '\0' || digits == 0)
		return false;
	errno = 0;
	pid = strtol(text, NULL, 10);
	if (errno != 0 || pid < 1 || pid > INT_MAX)
		return false;
	*ret_pid = (pid_t)pid;
	return true;
}
