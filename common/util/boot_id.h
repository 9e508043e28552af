/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * boot_id -- which boot of the machine this is, as the kernel says it: a random number, new at each boot.
 *
 * As text it is 8-4-4-4-12 small hex digits, as bytes those digits in their order.
 */
#ifndef COMMON_UTIL_BOOT_ID_H
#define COMMON_UTIL_BOOT_ID_H

#include <stdint.h>

#define BOOT_ID_BYTES 16
#define BOOT_ID_TEXT_BYTES 37    /* with its NUL */

/* 0; -EIO: the kernel's file says something else; -errno. */
int boot_id_read(char ret_text[BOOT_ID_TEXT_BYTES]);

/* 0; -EINVAL: it is no such text. */
int boot_id_parse(const char *text, uint8_t ret_id[BOOT_ID_BYTES]);

#endif
