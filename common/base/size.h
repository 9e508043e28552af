/* SPDX-License-Identifier: BSD-3-Clause */
/* size -- amounts of memory as people write them: "14680064", "64M", "1T". No malloc, no locale. */
#ifndef COMMON_BASE_SIZE_H
#define COMMON_BASE_SIZE_H

#include <stddef.h>

/*
 * Reads a whole, non-negative decimal number of bytes, with an optional suffix K, M, G or T
 * (powers of 1024; small letters too). Nothing may stand before or after it.
 *
 * Returns 0; -EINVAL if it is not such a number; -EDOM if it is a negative one;
 * -ERANGE if it does not fit. *ret_bytes is written only on success.
 */
#define SIZE_EXPECTED "a number of bytes or one with K, M, G or T"  /* the end of a sentence about one that is none */
int size_parse(const char *string, size_t *ret_bytes);

#endif
