/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ini -- the lines of a file of sections and keys, as vmmallocd.conf(5) has them under Syntax. What a section or a key
 * means is for file.c.
 *
 *     \xef\xbb\xbf               a byte order mark at the beginning of the first line is ignored
 *     [ NAME ] ; comment         or #
 *     NAME = VALUE ; comment     or NAME : VALUE; a comment behind a value begins with white space and ;
 *     ; comment                  or #
 *
 * A line is never continued on the next one, and reading goes on after a line that cannot be read.
 */
#ifndef VMMALLOCD_CONFIG_INI_H
#define VMMALLOCD_CONFIG_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define INI_LINE_BYTES_MOST 198        /* of a line with a key, without the white space around it */

enum ini_kind {
	INI_NOTHING,            /* an empty line, or a comment */
	INI_SECTION,            /* `name` is what stands in the brackets */
	INI_KEY,                /* `name` and `value`; both may be "" */
	/* These are mistakes. */
	INI_NO_TEXT,            /* not UTF-8, or there are control characters in it; tabs are none */
	INI_NO_SECTION,         /* it begins with a bracket; `name` is the whole line */
	INI_NO_KEY,             /* there is no = and no : in front of a comment */
	INI_TOO_LONG,           /* `bytes` is how long it is */
};

struct ini_line {
	enum ini_kind kind;
	char *name, *value;     /* they last until the next line is read */
	size_t bytes;
};

struct ini {
	FILE *stream;           /* the caller's */
	unsigned number;        /* of the line that was read last; from 1 */
	char *buffer;           /* getline's */
	size_t buffer_bytes;
};

/* Reads the next line. 1; 0 at the end of the file; -errno if it cannot be read on. */
int ini_next(struct ini *ini, struct ini_line *ret_line);

/* Frees the buffer; the stream stays open. */
void ini_done(struct ini *ini);

/* Whether these bytes are UTF-8 without control characters, but for tabs. */
bool ini_is_text(const char *bytes, size_t length);

/* The string without the white space around it: a part of it, cut off at its end. */
char *ini_strip(char *string);

#endif
