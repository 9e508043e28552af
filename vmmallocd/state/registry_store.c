/* SPDX-License-Identifier: BSD-3-Clause */
/* registry_store -- see registry_store.h. */
#include "vmmallocd/state/registry_store.h"

#include "common/util/cleanup.h"
#include "common/util/whole_file.h"
#include "vmmallocd/state/registry_json.h"

int registry_store_load(const char *path, struct registry *registry, char ret_boot_id[BOOT_ID_TEXT_BYTES],
			struct text *error)
{
	CLEANUP(cleanup_free) char *text = NULL;
	size_t bytes;
	int r = whole_file_read(path, REGISTRY_STORE_BYTES_MOST, &text, &bytes, error);

	return r < 0 ? r : registry_json_decode(text, bytes, registry, ret_boot_id, error);
}
