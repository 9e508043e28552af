/* SPDX-License-Identifier: BSD-3-Clause */
/* text -- see text.h. */
#include "common/base/text.h"

#include <stdint.h>

static void text_add_char(struct text *text, char c)
{
	if (text->length + 1 < text->size)
		text->data[text->length++] = c;
	text->data[text->length] = '\0';
}

static void text_add_string(struct text *text, const char *string)
{
	for (const char *s = string ? string : "(null)"; *s; s++)
		text_add_char(text, *s);
}

static void text_add_number(struct text *text, uintmax_t value, unsigned base)
{
	char digits[3 * sizeof(value)];
	size_t n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (n)
		text_add_char(text, digits[--n]);
}

static uintmax_t next_unsigned(va_list *args, int longs)
{
	return longs ? va_arg(*args, unsigned long) : va_arg(*args, unsigned int);
}

static intmax_t next_signed(va_list *args, int longs)
{
	return longs ? va_arg(*args, long) : va_arg(*args, int);
}

_Static_assert(sizeof(long) == sizeof(long long) && sizeof(long) == sizeof(size_t),
	       "one width serves the modifiers l, ll and z");

void text_add_va(struct text *text, const char *format, va_list args)
{
	va_list ap;

	text->data[text->length] = '\0';
	va_copy(ap, args);
	for (const char *f = format; *f; f++) {
		int longs = 0;
		intmax_t number;

		if (*f != '%') {
			text_add_char(text, *f);
			continue;
		}
		for (f++; *f == 'l' || *f == 'z'; f++)
			longs++;
		switch (*f) {
		case 's':
			text_add_string(text, va_arg(ap, const char *));
			break;
		case 'c':
			text_add_char(text, (char)va_arg(ap, int));
			break;
		case 'd':
			number = next_signed(&ap, longs);
			if (number < 0)
				text_add_char(text, '-');
			text_add_number(text, number < 0 ? -(uintmax_t)number : (uintmax_t)number, 10);
			break;
		case 'u':
			text_add_number(text, next_unsigned(&ap, longs), 10);
			break;
		case 'x':
			text_add_number(text, next_unsigned(&ap, longs), 16);
			break;
		case 'p':
			text_add_string(text, "0x");
			text_add_number(text, (uintptr_t)va_arg(ap, void *), 16);
			break;
		case '\0':
			f--;
			break;
		default:
			text_add_char(text, *f);
			break;
		}
	}
	va_end(ap);
}

void text_add(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_add_va(text, format, args);
	va_end(args);
}
