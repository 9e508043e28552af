/* SPDX-License-Identifier: BSD-3-Clause */
/* escape -- see escape.h. */
#include "vmmallocd/state/escape.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const char capital_digits[] = "0123456789ABCDEF";

static bool is_plain(uint8_t c)
{
	return c >= ' ' && c <= '~' && c != '%' && c != '"' && c != '\\';
}

size_t escape_bytes(const char *bytes, size_t most, char *text)
{
	char *end = text;

	for (size_t i = 0; i < most && bytes[i]; i++) {
		uint8_t c = (uint8_t)bytes[i];

		if (!is_plain(c)) {
			*end++ = '%';
			*end++ = capital_digits[c >> 4];
			c = (uint8_t)capital_digits[c & 15];
		}
		*end++ = (char)c;
	}
	return (size_t)(end - text);
}

/* The value of the two digits at `text`, or -1. */
static int hex_byte(const char *text)
{
	const char *high = text[0] ? strchr(capital_digits, text[0]) : NULL;
	const char *low = high && text[1] ? strchr(capital_digits, text[1]) : NULL;

	return low ? (int)(high - capital_digits) * 16 + (int)(low - capital_digits) : -1;
}

int escape_undo(const char *text, char *ret_bytes, size_t size)
{
	size_t n = 0;

	for (; *text && n < size; n++) {
		bool escaped = *text == '%';
		int c = escaped ? hex_byte(text + 1) : (uint8_t)*text;

		if (c <= 0 || is_plain((uint8_t)c) == escaped)
			return -EINVAL;
		ret_bytes[n] = (char)c;
		text += escaped ? 3 : 1;
	}
	if (n == size)
		return -EINVAL;
	ret_bytes[n] = '\0';
	return 0;
}
