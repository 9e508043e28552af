/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * registry_json -- the registry as a JSON text, which registry_store.h keeps in a file.
 *
 *   {"version": 1, "boot_id": "...", "epoch": 0, "pools": [{"id", "class", "directory", "state", "size", "dev", "ino",
 *    "created", "changed", "leases", "cold", "owner": {"pid", "uid", "comm"}, "last_owner": {"pid", "uid", "comm"}}]}
 *
 * `cold` is there where it is true, `owner` while a pool is leased, `last_owner` while pages of it may be held by
 * whoever had it. Times, and `epoch` (registry.h; it may be missing), are seconds since 1970, sizes bytes, ids 32
 * small hex digits. `dev` and `ino` are strings of decimal digits: an inode number may need all of its 64 bits, a JSON
 * integer has 63. `directory` and `comm` are bytes as escape.h writes them. Pools of one class and state come in the
 * order of their list. Unknown keys are passed over.
 *
 * No libuv, no files.
 */
#ifndef VMMALLOCD_STATE_REGISTRY_JSON_H
#define VMMALLOCD_STATE_REGISTRY_JSON_H

#include "common/base/text.h"
#include "common/util/boot_id.h"
#include "vmmallocd/plan/registry.h"
#include "vmmallocd/state/registry_image.h"

#define REGISTRY_JSON_VERSION 1

/* The text of the registry, as it was when the image was taken: malloc'ed, *ret_bytes long. 0 or -ENOMEM. */
int registry_json_encode(const struct registry_image *image, char **ret_text, size_t *ret_bytes);

/*
 * Adds the pools of a text to an empty registry. -EBADMSG, with the reason in `error`: it is no such text, or of
 * another version; entries are not guessed: one bad entry spoils the file, and the registry is left empty. So it is
 * with -ENOMEM. The text has no marks: `file.mark` becomes the one that goes with the state, and a scan of the
 * directory knows better. No other thread may use jansson meanwhile: its allocator is set, to malloc and free.
 */
int registry_json_decode(const char *text, size_t bytes, struct registry *registry,
			 char ret_boot_id[BOOT_ID_TEXT_BYTES], struct text *error);

#endif
