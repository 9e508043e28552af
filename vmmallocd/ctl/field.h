/* SPDX-License-Identifier: BSD-3-Clause */
/* field -- a member of an object that the daemon sent. */
#ifndef VMMALLOCD_CTL_FIELD_H
#define VMMALLOCD_CTL_FIELD_H

#include <jansson.h>

/* "" and 0 where the daemon says nothing, or something of another type. The text is the object's. */
const char *field_text(const json_t *object, const char *key);
long long field_number(const json_t *object, const char *key);

#endif
