/* SPDX-License-Identifier: BSD-3-Clause */
/* printable -- see printable.h. */
#include "common/util/printable.h"

#include <string.h>

void printable_tidy(char *string, size_t size)
{
	size_t length = strnlen(string, size - 1);

	for (size_t i = 0; i < length; i++)
		if (string[i] < ' ' || string[i] > '~')
			string[i] = '?';
	memset(string + length, 0, size - length);
}
