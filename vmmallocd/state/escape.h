/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * escape -- bytes as plain ASCII, for JSON: a path or a command need not be UTF-8, and must come back as it was.
 *
 * %, ", \ and all that is not printable ASCII become % and two capital hex digits. There is one text for some bytes,
 * and no other is taken for it.
 */
#ifndef VMMALLOCD_STATE_ESCAPE_H
#define VMMALLOCD_STATE_ESCAPE_H

#include <stddef.h>

#define ESCAPE_BYTES_MOST(bytes) (3 * (bytes))    /* of the text for so many bytes, without a NUL */

/* The text for bytes that end with a NUL or after `most` of them. Adds no NUL. Returns how long the text is. */
size_t escape_bytes(const char *bytes, size_t most, char *text);

/* The bytes of a text, at most `size` with the NUL. 0; -EINVAL: too many, or it is no such text. */
int escape_undo(const char *text, char *ret_bytes, size_t size);

#endif
