/* SPDX-License-Identifier: BSD-3-Clause */
/* orders_store -- see orders_store.h. */
#include "vmmallocd/state/orders_store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util/cleanup.h"
#include "common/util/whole_file.h"
#include "vmmallocd/base/make_dir.h"

int orders_store_save(const char *path, const char *text)
{
	int r = whole_file_write(path, 0600, text, strlen(text));
	char directory[PATH_MAX];

	if (r != -ENOENT)
		return r;
	snprintf(directory, sizeof(directory), "%s", path);
	*strrchr(directory, '/') = '\0';
	r = make_dir(directory, 0700);
	return r < 0 ? r : whole_file_write(path, 0600, text, strlen(text));
}

/* A crash may have left zeros: they would end the text, and what is missing would not be missed. Frees it. */
static int parse_orders(char *text, size_t bytes, struct orders *orders, size_t *ret_line)
{
	CLEANUP(cleanup_free) char *whole = reallocarray(text, bytes + 1, 1);

	if (!whole) {
		free(text);
		return -ENOMEM;
	}
	whole[bytes] = '\0';
	for (size_t i = 0; i < bytes; i++)
		if (whole[i] == '\0')
			whole[i] = '\1';
	return orders_parse(orders, whole, ret_line);
}

int orders_store_load(const char *path, struct orders *orders, struct text *error)
{
	size_t bytes, line = 0;
	char *text;
	int r = whole_file_read(path, ORDERS_STORE_BYTES_MOST, &text, &bytes, error);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = parse_orders(text, bytes, orders, &line);
	if (line > 0)
		text_add(error, "line %zu is no order", line);
	else if (r < 0 && error->length == 0)
		text_add(error, "%s", strerrordesc_np(-r));
	return r;
}
