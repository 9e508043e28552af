/* SPDX-License-Identifier: BSD-3-Clause */
/* varlink -- see varlink.h. */
#include "common/util/varlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 4096

void varlink_splitter_init(struct varlink_splitter *splitter, size_t most)
{
	*splitter = (struct varlink_splitter){ .most = most };
}

void varlink_splitter_done(struct varlink_splitter *splitter)
{
	free(splitter->data);
	*splitter = (struct varlink_splitter){ 0 };
}

static int grow_splitter(struct varlink_splitter *splitter)
{
	size_t size = splitter->size ? 2 * splitter->size : FIRST_BYTES;
	char *data;

	if (size > splitter->most + 1)
		size = splitter->most + 1;
	data = realloc(splitter->data, size);
	if (!data)
		return -ENOMEM;
	splitter->data = data;
	splitter->size = size;
	return 0;
}

int varlink_splitter_space(struct varlink_splitter *splitter, char **ret_space, size_t *ret_bytes)
{
	if (splitter->begin > 0) {
		memmove(splitter->data, splitter->data + splitter->begin, splitter->end - splitter->begin);
		splitter->scanned -= splitter->begin;
		splitter->end -= splitter->begin;
		splitter->begin = 0;
	}
	if (splitter->end == splitter->size) {
		if (varlink_splitter_has_message(splitter))
			return -ENOBUFS;
		if (splitter->size > splitter->most)
			return -EMSGSIZE;

		int r = grow_splitter(splitter);

		if (r < 0)
			return r;
	}
	*ret_space = splitter->data + splitter->end;
	*ret_bytes = splitter->size - splitter->end;
	return 0;
}

void varlink_splitter_filled(struct varlink_splitter *splitter, size_t bytes)
{
	splitter->end += bytes;
}

/* No byte is looked at twice, however small the pieces are in which a message comes. */
bool varlink_splitter_has_message(struct varlink_splitter *splitter)
{
	const char *nul = splitter->scanned < splitter->end
				  ? memchr(splitter->data + splitter->scanned, '\0', splitter->end - splitter->scanned)
				  : NULL;

	splitter->scanned = nul ? (size_t)(nul - splitter->data) : splitter->end;
	return nul;
}

bool varlink_splitter_next(struct varlink_splitter *splitter, char **ret_message, size_t *ret_bytes)
{
	if (!varlink_splitter_has_message(splitter))
		return false;
	*ret_message = splitter->data + splitter->begin;
	*ret_bytes = splitter->scanned - splitter->begin;
	splitter->begin = ++splitter->scanned;
	return true;
}

bool varlink_method_split(const char *name, size_t *ret_interface_bytes, const char **ret_method)
{
	const char *dot = strrchr(name, '.');

	if (!dot || dot == name || dot[1] == '\0')
		return false;
	*ret_interface_bytes = (size_t)(dot - name);
	*ret_method = dot + 1;
	return true;
}
