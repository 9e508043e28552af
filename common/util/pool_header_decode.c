/* SPDX-License-Identifier: BSD-3-Clause */
/* pool_header_decode -- see pool_header_decode.h. */
#include "common/util/pool_header_decode.h"

#include <errno.h>
#include <string.h>

#include "common/base/handout.h"
#include "common/util/printable.h"

int pool_header_decode(const void *data, size_t bytes, struct pool_header *ret_header)
{
	struct pool_header header;

	if (bytes < sizeof(header))
		return -EBADMSG;
	memcpy(&header, data, sizeof(header));
	if (memcmp(header.magic, POOL_HEADER_MAGIC, sizeof(header.magic)) != 0)
		return -EBADMSG;
	if (header.version != POOL_HEADER_VERSION || header.header_bytes != sizeof(header))
		return -EPROTO;
	if (header.mode >= POOL_HEADER_MODES)
		header.mode = POOL_HEADER_SHARED;
	printable_tidy(header.owner_command, sizeof(header.owner_command));
	printable_tidy(header.class_name, sizeof(header.class_name));
	if (handout_class_name_check(header.class_name) < 0)
		memset(header.class_name, 0, sizeof(header.class_name));
	*ret_header = header;
	return 0;
}

int pool_outside_decode(const void *data, size_t bytes, struct pool_outside *ret_outside)
{
	struct pool_page page;
	struct pool_outside *outside = &page.outside;

	*ret_outside = (struct pool_outside){ 0 };
	if (bytes < sizeof(page))
		return -ENODATA;
	memcpy(&page, data, sizeof(page));
	if (memcmp(outside->magic, POOL_OUTSIDE_MAGIC, sizeof(outside->magic)) != 0 || outside->reasons == 0 ||
	    outside->reasons > POOL_OUTSIDE_MOST)
		return -ENODATA;
	for (size_t i = outside->reasons; i < POOL_OUTSIDE_MOST; i++)
		outside->bytes[i] = 0;
	outside->unused = 0;
	*ret_outside = *outside;
	return 0;
}
