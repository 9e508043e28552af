/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ini -- see ini.h.
 *
 * A library does not help here. The libraries for such files do not say on which line a key or a section without keys
 * stands, or they cut long lines, continue indented ones, or stop at the first mistake.
 */
#include "vmmallocd/config/ini.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define WHITE_SPACE " \t\r\n"

/* Bytes of the character at `s`, or 0 if it is not well-formed UTF-8 or a control character. */
static size_t character_bytes(const unsigned char *s, size_t length)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t bytes = *s < 0x80 ? 1 : *s >> 5 == 6 ? 2 : *s >> 4 == 14 ? 3 : *s >> 3 == 30 ? 4 : 0;
	uint32_t code = bytes == 1 ? *s : *s & (0x7fu >> bytes);

	if (bytes == 0 || bytes > length)
		return 0;
	for (size_t i = 1; i < bytes; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least[bytes] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	if ((code < 0x20 && code != '\t') || (code >= 0x7f && code < 0xa0))
		return 0;
	return bytes;
}

bool ini_is_text(const char *bytes, size_t length)
{
	while (length) {
		size_t n = character_bytes((const unsigned char *)bytes, length);

		if (n == 0)
			return false;
		bytes += n;
		length -= n;
	}
	return true;
}

char *ini_strip(char *string)
{
	char *end;

	string += strspn(string, WHITE_SPACE);
	end = string + strlen(string);
	while (end > string && strchr(WHITE_SPACE, end[-1]))
		*--end = '\0';
	return string;
}

/* Where the first of these characters is, or else the comment behind a value, or else the end. */
static char *find_before_comment(char *string, const char *characters)
{
	char *c = string;

	while (*c && !strchr(characters, *c) && !(*c == ';' && c > string && strchr(WHITE_SPACE, c[-1])))
		c++;
	return c;
}

static struct ini_line split_section(char *line)
{
	char *end = strchr(line, ']');

	if (!end || !strchr(";#", *ini_strip(end + 1)))
		return (struct ini_line){ .kind = INI_NO_SECTION, .name = line };
	*end = '\0';
	return (struct ini_line){ .kind = INI_SECTION, .name = ini_strip(line + 1) };
}

static struct ini_line split_key(char *line)
{
	char *end = find_before_comment(line, "=:"), *value = end + 1;

	if (*end != '=' && *end != ':')
		return (struct ini_line){ .kind = INI_NO_KEY };
	*end = '\0';
	*find_before_comment(value, "") = '\0';
	return (struct ini_line){ .kind = INI_KEY, .name = ini_strip(line), .value = ini_strip(value) };
}

/* `line` is stripped. */
static struct ini_line split(char *line)
{
	size_t bytes = strlen(line);

	if (*line == '\0' || *line == ';' || *line == '#')
		return (struct ini_line){ .kind = INI_NOTHING };
	if (*line == '[')
		return split_section(line);
	if (bytes > INI_LINE_BYTES_MOST)
		return (struct ini_line){ .kind = INI_TOO_LONG, .bytes = bytes };
	return split_key(line);
}

int ini_next(struct ini *ini, struct ini_line *ret_line)
{
	ssize_t bytes;
	char *line;

	errno = 0;
	bytes = getline(&ini->buffer, &ini->buffer_bytes, ini->stream);
	ini->number++;
	if (bytes < 0)
		return feof(ini->stream) ? 0 : -errno;
	line = ini->buffer;
	while (bytes > 0 && (line[bytes - 1] == '\n' || line[bytes - 1] == '\r'))
		bytes--;
	if (!ini_is_text(line, (size_t)bytes)) {
		*ret_line = (struct ini_line){ .kind = INI_NO_TEXT };
		return 1;
	}
	if (ini->number == 1 && strncmp(line, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		line += strlen(BYTE_ORDER_MARK);
	*ret_line = split(ini_strip(line));
	return 1;
}

void ini_done(struct ini *ini)
{
	free(ini->buffer);
	ini->buffer = NULL;
}
