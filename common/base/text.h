/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text -- formatting into a caller's buffer, for places where stdio is not allowed.
 *
 * Calls no malloc, no stdio and no locale code, so it may run before main, under the allocator's
 * locks and in a forked child. Output that does not fit is cut off; the buffer ends in NUL from the
 * first text_add on.
 */
#ifndef COMMON_BASE_TEXT_H
#define COMMON_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>

struct text {
	char *data;     /* the caller's buffer */
	size_t size;    /* its size in bytes, at least 1 */
	size_t length;  /* bytes written, without the NUL */
};

#define TEXT_INIT(buffer) { .data = (buffer), .size = sizeof(buffer), .length = 0 }

/*
 * Appends. Knows %s %c %d %u %x %p %% and the length modifiers l, ll and z; no widths.
 * A NULL for %s is written as "(null)".
 */
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_va(struct text *text, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

#endif
