/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registry_store -- the registry's file, read. saver.h writes it, as whole_file.h does. No libuv, no logging.
 */
#ifndef VMMALLOCD_STATE_REGISTRY_STORE_H
#define VMMALLOCD_STATE_REGISTRY_STORE_H

#include <stddef.h>

#include "common/base/text.h"
#include "common/util/boot_id.h"
#include "vmmallocd/plan/registry.h"

#define REGISTRY_STORE_FILE "registry.json"
#define REGISTRY_STORE_BYTES_MOST ((size_t)256 << 20)  /* a larger file is not ours */

/*
 * Reads the file by registry_json_decode, with what that says of its registry and its threads. 0; -ENOENT; -EBADMSG
 * with `error`: it is no such text, no regular file or too large; -errno.
 */
int registry_store_load(const char *path, struct registry *registry, char ret_boot_id[BOOT_ID_TEXT_BYTES],
			struct text *error);

#endif
