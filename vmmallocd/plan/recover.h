/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * recover -- what a file that lies in a directory of pools is, when the daemon finds it there.
 *
 * The directory is the truth: the file's mark, its header while nobody has had it, and the lease probe. The registry
 * adds what they cannot tell: the class and the owner of a pool that was handed out. No libuv, no files.
 */
#ifndef VMMALLOCD_PLAN_RECOVER_H
#define VMMALLOCD_PLAN_RECOVER_H

#include <stdbool.h>

#include "common/base/pool_header.h"
#include "vmmallocd/config/config.h"
#include "vmmallocd/plan/pool_file_name.h"
#include "vmmallocd/plan/registry.h"

#define RECOVER_CLASS_UNKNOWN "unknown"       /* the class of a pool that does not say */
#define RECOVER_UID_UNKNOWN ((uint32_t)-1)    /* counts against no user's limit */

/* What a scan tells of a file, beside the file itself. */
struct recover_found {
	struct pool_file file;
	bool has_header, of_this_boot;
	bool cold;                             /* as the header says: not all is reserved */
	bool names_inode;                      /* its id is that of this file: ours, whatever is in it */
	char class_name[HANDOUT_CLASS_BYTES];  /* of the header; "" if it is none */
	uint32_t owner_pid;                    /* of the header */
	char owner_comm[16];
};

enum recover_verdict {
	RECOVER_IGNORE,        /* not ours, or gone */
	RECOVER_DESTROY,
	RECOVER_READY,
	RECOVER_LEASED,        /* mark it used if it is not */
	RECOVER_RECYCLE,       /* mark it used if it is not */
	RECOVER_QUARANTINED,
};

/*
 * Takes of a header what is safe to print and compare. `header` may be NULL: the file begins with none. `of_this_boot`:
 * that header was written since the machine was booted.
 */
void recover_read(const struct pool_file *file, const struct pool_header *header, bool of_this_boot,
		  struct recover_found *ret_found);

/*
 * `probe` is what pool_file_probe said; `known` the registry's entry of that id, or NULL. Fills *ret_pool, whose
 * directory becomes `directory`, unless it is RECOVER_IGNORE. Files there have whole grains of `grain` bytes.
 */
enum recover_verdict recover_judge(const struct recover_found *found, int probe, const struct registry_pool *known,
				   const struct config *config, char *directory, size_t grain, int64_t now_s,
				   struct registry_pool *ret_pool);

#endif
