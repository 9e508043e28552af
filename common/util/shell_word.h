/* SPDX-License-Identifier: BSD-3-Clause */
/* shell_word -- a path in a command that somebody is told to type. */
#ifndef COMMON_UTIL_SHELL_WORD_H
#define COMMON_UTIL_SHELL_WORD_H

#include "common/base/text.h"

/* Adds it as one word of a shell. */
void shell_word_add(struct text *text, const char *path);

#endif
