/* SPDX-License-Identifier: BSD-3-Clause */
/* shell_word -- see shell_word.h. */
#include "common/util/shell_word.h"

#include <string.h>

void shell_word_add(struct text *text, const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%=";

	if (*path && path[strspn(path, plain)] == '\0') {
		text_add(text, "%s", path);
		return;
	}
	text_add(text, "'");
	for (const char *c = path; *c; c++) {
		if (*c == '\'')
			text_add(text, "'\\''");
		else
			text_add(text, "%c", *c);
	}
	text_add(text, "'");
}
