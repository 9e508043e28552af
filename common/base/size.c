/* SPDX-License-Identifier: BSD-3-Clause */
/* size -- see size.h. */
#include "common/base/size.h"

#include <errno.h>
#include <stdbool.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int suffix_shift(char c)
{
	switch (c) {
	case 'k': case 'K': return 10;
	case 'm': case 'M': return 20;
	case 'g': case 'G': return 30;
	case 't': case 'T': return 40;
	default: return 0;
	}
}

int size_parse(const char *string, size_t *ret_bytes)
{
	const char *s = string;
	bool negative = *s == '-';
	bool overflow = false;
	size_t value = 0, bytes;

	s += negative;
	if (!is_digit(*s))
		return -EINVAL;
	for (; is_digit(*s); s++)
		if (__builtin_mul_overflow(value, (size_t)10, &value) ||
		    __builtin_add_overflow(value, (size_t)(*s - '0'), &value))
			overflow = true;

	int shift = suffix_shift(*s);
	if (shift)
		s++;
	if (*s != '\0')
		return -EINVAL;
	if (negative)
		return -EDOM;
	if (overflow || __builtin_mul_overflow(value, (size_t)1 << shift, &bytes))
		return -ERANGE;
	*ret_bytes = bytes;
	return 0;
}
