/* SPDX-License-Identifier: BSD-3-Clause */
/* reasons -- why memory of a heap is outside of its pool, as its owner says: by name, for JSON, tables and people. */
#ifndef VMMALLOCD_CTL_REASONS_H
#define VMMALLOCD_CTL_REASONS_H

#include <jansson.h>

#include "common/base/pool_header.h"

/*
 * A new object of bytes by the names of the reasons; those that this version does not know are "other". A null if
 * nothing is known of reasons; NULL: no memory.
 */
json_t *reasons_shape(const struct pool_outside *outside);

/* Of such an object, the name of the reason for most; NULL: nothing is known. The object's own text. */
const char *reasons_largest(const json_t *reasons);

/* What a reason is, for people. */
const char *reasons_explain(const char *name);

#endif
