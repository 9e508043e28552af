/* SPDX-License-Identifier: BSD-3-Clause */
/* printable -- what others wrote, made so that it can be printed and compared without harm. */
#ifndef COMMON_UTIL_PRINTABLE_H
#define COMMON_UTIL_PRINTABLE_H

#include <stddef.h>

/* Ends the string, clears what is behind its end, and has a '?' for all that is not printable ASCII. */
void printable_tidy(char *string, size_t size);

#endif
