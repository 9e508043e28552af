/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_header_decode -- the first bytes of a pool, read by another than its owner.
 *
 * Its owner may have written anything there. What is read is put into a shape that can be printed and compared without
 * harm; whether the figures are true nobody knows.
 */
#ifndef COMMON_UTIL_POOL_HEADER_DECODE_H
#define COMMON_UTIL_POOL_HEADER_DECODE_H

#include <stddef.h>

#include "common/base/pool_header.h"

/* 0; -EBADMSG: it is no header; -EPROTO: it is one of another version, of which no more is known. */
int pool_header_decode(const void *data, size_t bytes, struct pool_header *ret_header);

/*
 * Why memory is outside, of data that begin with a header: what lies behind that. 0; -ENODATA: nothing is said of it,
 * or nothing that can be meant; then the result says so, too: it has no reasons. What reasons beyond its count have is
 * 0.
 */
int pool_outside_decode(const void *data, size_t bytes, struct pool_outside *ret_outside);

#endif
