/* SPDX-License-Identifier: BSD-3-Clause */
/* field -- see field.h. */
#include "vmmallocd/ctl/field.h"

const char *field_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

long long field_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}
