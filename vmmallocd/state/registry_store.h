/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registry_store -- the registry's text in a file, and back.
 *
 * The file is written beside itself, synced, renamed, and the directory is synced: a reader sees the old or the new
 * one, whole. All functions block, and may be called from any thread. No libuv, no logging.
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
 * Atomic and durable. 0 or -errno (-ENOSPC ...), and then the old file is as it was and nothing is left beside it; but
 * if only the sync of the directory failed, the new file is in place. One call at a time for each path: what a crash
 * left of an earlier one, at `path` with ".tmp" behind it, is removed.
 */
int registry_store_save(const char *path, const char *text, size_t bytes);

/*
 * Reads the file by registry_json_decode, with what that says of its registry and its threads. 0; -ENOENT; -EBADMSG
 * with `error`: it is no such text, no regular file or too large; -errno.
 */
int registry_store_load(const char *path, struct registry *registry, char ret_boot_id[BOOT_ID_TEXT_BYTES],
			struct text *error);

#endif
