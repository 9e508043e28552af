/* SPDX-License-Identifier: BSD-3-Clause */
/* size_format -- amounts of memory for people to read; size.h reads what people write. */
#ifndef COMMON_UTIL_SIZE_FORMAT_H
#define COMMON_UTIL_SIZE_FORMAT_H

#include <stdint.h>

#define SIZE_FORMAT_BYTES 32    /* of a text, with its NUL */

/* "1000", "64M", "1.5G": in the largest unit of which there is one, rounded to a tenth of it. For a column. */
void size_format_short(uint64_t bytes, char text[SIZE_FORMAT_BYTES]);

/* "4097 bytes", "1536 KiB", "1 GiB": in the largest unit that leaves no remainder. For a sentence. */
void size_format_whole(uint64_t bytes, char text[SIZE_FORMAT_BYTES]);

#endif
