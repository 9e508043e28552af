/* SPDX-License-Identifier: BSD-3-Clause */
/* registry_text -- the text of a registry, all at once. 0 or -errno, as of registry_image_take and of the encoder. */
#ifndef TESTS_UNIT_REGISTRY_TEXT_H
#define TESTS_UNIT_REGISTRY_TEXT_H

#include "vmmallocd/state/registry_json.h"

static inline int registry_text(struct registry *registry, const char *boot_id, char **ret_text, size_t *ret_bytes)
{
	struct registry_image *image;
	int r = registry_image_take(registry, NULL, boot_id, &image);

	if (r < 0)
		return r;
	r = registry_json_encode(image, ret_text, ret_bytes);
	registry_image_free(image);
	return r;
}

#endif
